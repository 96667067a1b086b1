"""Results and referral letters on paper: one template each, for the browser's printer and for the PDF."""

import base64
from dataclasses import dataclass
from typing import Final, Literal

from flask import Response, render_template

from appliance.cases.letter import compact, letter
from appliance.cases.store import Case
from appliance.request_errors import PageUnknown
from appliance.vision.assessment import Grade
from appliance.web.next_step import next_step
from appliance.web.pictures import jpeg
from appliance.web.qr import drawn
from appliance.web.result_view import ResultView, result_view
from appliance.web.services import services

Kind = Literal["result", "letter"]
PHOTO_SIDE_PX: Final = 800
WITHOUT_ANSWER: Final[Grade] = "refer"
"""What a photograph that could not be judged means: somebody has to look."""


@dataclass(frozen=True)
class Sheet:
    """Addresses around a sheet that is shown in a browser."""

    pdf: str
    back: str
    photo: str


def page(kind: Kind, case: Case, sheet: Sheet) -> str:
    """The page to print. Raises :class:`PageUnknown` while there is no answer."""
    return _rendered(kind, case, sheet)


def pdf(kind: Kind, case: Case) -> Response:
    """The same as a PDF. Raises :class:`PageUnknown` while there is no answer, :class:`PaperFailed`."""
    response = Response(services().printer.pdf(_rendered(kind, case, None)), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{kind}-{case.code}.pdf"'
    return response


def grade_of(view: ResultView) -> Grade:
    """The grade, also of a photograph that was refused."""
    risk = view.document["risk"]
    grade: Grade = risk["grade"] if risk else WITHOUT_ANSWER
    return grade


def _rendered(kind: Kind, case: Case, sheet: Sheet | None) -> str:
    document = services().store.document(case)
    if document is None:
        raise PageUnknown
    view = result_view(document)
    step = next_step(services().store, grade_of(view))
    return render_template(
        f"paper_{kind}.html",
        sheet=sheet,
        case=case,
        clinic=services().store.setup.clinic,
        view=view,
        step=step,
        photo=_photo(case, sheet),
        qr=drawn(compact(letter(case, document, step.step))) if kind == "letter" else None,
    )


def _photo(case: Case, sheet: Sheet | None) -> str | None:
    """On paper only where the patient agreed to that. A PDF carries it in itself: its writer asks no address."""
    if not case.consent_photo:
        return None
    if sheet is not None:
        return sheet.photo
    data = jpeg(services().store.photo(case), PHOTO_SIDE_PX).get_data()
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
