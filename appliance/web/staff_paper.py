"""For staff: a case's sheet and its referral letter. Each one printed or exported is in the log."""

from flask import Blueprint, Response, url_for

from appliance.cases.audit import Action
from appliance.cases.store import Case
from appliance.web import looks, paper
from appliance.web.language import reader_language
from appliance.web.services import services

staff_paper = Blueprint("staff_paper", __name__, url_prefix="/staff/cases/<code>")


@staff_paper.get("/print")
def printed(code: str) -> str:
    """The result as a sheet to print."""
    return paper.page("result", _logged(code, "print", "result"), _sheet("staff_paper.result_pdf", code))


@staff_paper.get("/letter")
def letter(code: str) -> str:
    """The referral letter."""
    return paper.page("letter", _logged(code, "print", "letter"), _sheet("staff_paper.letter_pdf", code))


@staff_paper.get("/result.pdf")
def result_pdf(code: str) -> Response:
    """The result as a PDF."""
    return paper.pdf("result", _logged(code, "export", "result"))


@staff_paper.get("/letter.pdf")
def letter_pdf(code: str) -> Response:
    """The referral letter as a PDF."""
    return paper.pdf("letter", _logged(code, "export", "letter"))


def _logged(code: str, action: Action, detail: str) -> Case:
    """The case; the line is written before anything is shown."""
    case = services().store.case(code)
    looks.at_pages_of([case.number], action, detail)
    return case


def _sheet(pdf: str, code: str) -> paper.Sheet:
    photo_url = url_for("staff_cases.photo", code=code)
    pdf_url = url_for(pdf, code=code, language=reader_language())
    return paper.Sheet(pdf_url, url_for("staff_cases.case", code=code), photo_url)
