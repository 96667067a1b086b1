"""The clinician's cases: the list, one case, what it turned out to be, notes, and deletion."""

from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from appliance.cases.clock import begins
from appliance.cases.listing import PAGE, Wanted
from appliance.cases.reviews import DIAGNOSES, EVIDENCE, NOTE_LENGTH
from appliance.cases.store import Case
from appliance.errors import CaseUnknown, PhotoLost
from appliance.messages import LANGUAGES, text
from appliance.request_errors import DeletionUnconfirmed
from appliance.web import looks
from appliance.web.clinician_view import CLASS_PLACE, Comparison, Links, Photograph, clinician_view, same_scale
from appliance.web.intake import YES
from appliance.web.pictures import PAGE_SIDE_PX, class_map, jpeg
from appliance.web.services import services
from appliance.web.sites import SITES

staff_cases = Blueprint("staff_cases", __name__, url_prefix="/staff/cases")

OUTCOMES: Final = ("findings", "none_of_these", "cannot_assess", "waiting")
GRADES: Final = ("urgent", "refer", "low")
EARLIER: Final = 4
"""So many earlier photographs of the place are shown beside this one."""
FILTERS: Final = ("q", "outcome", "grade", "site", "since", "until", "reviewed")


@staff_cases.get("")
def index() -> str:
    """The list: searched, filtered, a page of it."""
    listing, asked = services().store.listing, wanted(request.args)
    total = listing.count(asked)
    pages = max(1, -(-total // PAGE))
    page = min(max(request.args.get("page", 1, type=int), 1), pages)
    return render_template(
        "staff_cases.html",
        rows=listing.page(asked, page),
        backwards="" < asked.until < asked.since,
        total=total,
        answered=listing.answered(asked),
        page=page,
        pages=pages,
        asked={name: request.args.get(name, "") for name in FILTERS},
        outcomes=OUTCOMES,
        grades=GRADES,
        sites=SITES,
    )


@staff_cases.get("/<code>")
def case(code: str) -> str:
    """One case with all there is to it. The look is logged, one at each earlier case whose photograph it shows, too."""
    store = services().store
    found = close_up(code)
    document, overview, earlier = store.document(found), store.overview(found), _earlier(found)
    looks.at_pages_of([each.number for each in (*earlier, found)], parts=[overview.number] if overview else [])
    return render_template(
        "staff_case.html",
        case=found,
        view=clinician_view(document, request.args.get("map")) if document else None,
        links=_links(found),
        comparison=_compared(found, earlier),
        overview=overview and url_for("staff_cases.photo", code=overview.code),
        position=store.position(found),
        review=store.reviews.of(found.number),
        diagnoses=DIAGNOSES,
        evidence=EVIDENCE,
        note_length=NOTE_LENGTH,
        log=store.audit.entries(case=found.number),
    )


@staff_cases.get("/<code>/photo.jpg")
def photo(code: str) -> Response:
    """The photograph, 1024 px at most."""
    found = services().store.case(code)
    pixels = services().store.photo(found)
    looks.at_picture_of(found)
    return jpeg(pixels, PAGE_SIDE_PX)


@staff_cases.get("/<code>/map/<class_id>.png")
def activation_map(code: str, class_id: str) -> Response:
    """The photograph under the map of one class."""
    found = services().store.case(code)
    picture = class_map(found, class_id)
    looks.at_picture_of(found)
    return picture


@staff_cases.post("/<code>/review")
def review(code: str) -> Response:
    """Somebody is done with it."""
    found = services().store.case(code)
    services().store.reviews.mark(found.number)
    return _back(found)


@staff_cases.post("/<code>/diagnosis")
def diagnose(code: str) -> Response:
    """What it turned out to be, and how one knows."""
    found = services().store.case(code)
    chosen, evidence = request.form.get("diagnosis", ""), request.form.get("evidence", "")
    services().store.reviews.diagnose(found.number, chosen, evidence)
    return _back(found)


@staff_cases.post("/<code>/note")
def note(code: str) -> Response:
    """Add a note."""
    found = services().store.case(code)
    services().store.reviews.note(found.number, request.form.get("text", ""))
    return _back(found)


@staff_cases.post("/<code>/delete")
def delete(code: str) -> Response:
    """Delete it for good, where "I am sure" is ticked."""
    if request.form.get("sure") not in YES:
        raise DeletionUnconfirmed
    services().store.delete(code, by="staff")
    return make_response(redirect(url_for("staff_cases.index"), 303))


def close_up(code: str) -> Case:
    """The case of this code; an overview has no page of its own. Raises :class:`CaseUnknown`."""
    found = services().store.case(code)
    if found.view != "close_up":
        raise CaseUnknown("an overview")
    return found


def _earlier(found: Case) -> list[Case]:
    """The last few of the same patient and place."""
    return services().store.earlier(found)[:EARLIER] if found.patient else []


def _compared(found: Case, earlier: list[Case]) -> Comparison | None:
    """This photograph beside the earlier ones; ``None`` where there are none."""
    if not earlier:
        return None
    shown = [_photograph(each, found) for each in (found, *earlier)]
    readable = [each for each in shown if each is not None]
    return same_scale(readable, lost=len(shown) - len(readable))


def _photograph(each: Case, open_one: Case) -> Photograph | None:
    """``None`` where its file is lost: the rest of the case is still to be read."""
    try:
        height, width = services().store.photo(each).shape[:2]
    except PhotoLost:
        return None
    links = _links(each)
    page = None if each.number == open_one.number else links.page
    return Photograph(each.code, each.taken_at, each.clock, links.photo, page, (width, height), each.mm_per_pixel)


def _links(found: Case) -> Links:
    return Links(
        photo=url_for("staff_cases.photo", code=found.code),
        map_pattern=url_for("staff_cases.activation_map", code=found.code, class_id=CLASS_PLACE),
        page=url_for("staff_cases.case", code=found.code),
    )


def _back(found: Case) -> Response:
    return make_response(redirect(url_for("staff_cases.case", code=found.code), 303))


def wanted(asked: MultiDict[str, str]) -> Wanted:
    """What the form asks for; what it cannot ask for is left out."""
    typed = asked.get("q", "").strip().lower()
    reviewed = asked.get("reviewed")
    return Wanted(
        code=typed,
        sites=tuple(site for site in SITES if typed and any(typed in name for name in _names(site))),
        site=_one_of(asked.get("site"), SITES),
        outcome=_one_of(asked.get("outcome"), OUTCOMES),
        grade=_one_of(asked.get("grade"), GRADES),
        since=_day(asked.get("since")),
        until=_day(asked.get("until")),
        reviewed="yes" if reviewed == "yes" else "no" if reviewed == "no" else None,
    )


def _names(site: str) -> list[str]:
    """Of a place on the body in every language: two clinicians may search in two, and one may type either."""
    return [text(language, f"site.{site}").lower() for language in LANGUAGES]


def _one_of(value: str | None, known: tuple[str, ...]) -> str:
    return value if value in known else ""


def _day(value: str | None) -> str:
    """``value`` where it is a day that can be listed."""
    try:
        begins(value or "", days_later=1)
    except (ValueError, OverflowError):
        return ""
    return value or ""
