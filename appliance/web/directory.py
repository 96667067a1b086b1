"""For staff: the referral directory (a CSV file, seen before it is kept) and the pathway of the three grades."""

from typing import Final, cast

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from appliance.cases.directory import MAX_BYTES, MAX_PLACES, Reading, read
from appliance.cases.pathway import DEFAULTS, LEVELS, LONGEST, Level, Step
from appliance.request_errors import DirectoryInvalid, PathwayInvalid
from appliance.vision.assessment import Grade
from appliance.web.problems import problem
from appliance.web.services import services

directory = Blueprint("directory", __name__, url_prefix="/staff/directory")

CARRIED_MAX_BYTES: Final = 480_000
"""Of the text that comes back from the preview: UTF-8 with CRLF is up to twice a GB 18030 file. Flask takes 500 000."""
EXAMPLE: Final = "name,district,level,specialties,phone,address,travel_minutes,distance_km"


@directory.get("")
def page() -> str:
    """What is kept now, and the forms to change it."""
    return _page()


@directory.post("/preview")
def preview() -> Response:
    """What a chosen file says, and what is wrong with it; nothing is changed yet."""
    file = request.files.get("file")
    data = b"" if file is None else file.read(MAX_BYTES + 1)
    reading = read(data)
    text = _text(data) if not reading.problems else ""
    return make_response(render_template("staff_directory_preview.html", reading=reading, text=text, refused=False))


@directory.post("/keep")
def keep() -> Response:
    """Keep what the preview showed. Raises :class:`DirectoryInvalid` where it is not what the preview allowed."""
    reading = read(request.form.get("csv", "").encode(), CARRIED_MAX_BYTES)
    store = services().store
    try:
        store.directory.replace(reading)
    except DirectoryInvalid as error:
        return _refused(reading, error)
    store.audit.record("staff", "directory", detail=str(len(reading.places)))
    return make_response(redirect(url_for("directory.page", kept=len(reading.places)), 303))


@directory.post("/pathway")
def change_pathway() -> Response:
    """What the three grades mean."""
    store = services().store
    try:
        store.pathway.change(tuple(_step(each.grade) for each in DEFAULTS))
    except PathwayInvalid as error:
        return make_response(_page(error), error.status)
    store.audit.record("staff", "settings", detail="pathway")
    return make_response(redirect(url_for("directory.page", kept="pathway"), 303))


def _page(error: PathwayInvalid | None = None) -> str:
    store = services().store
    return render_template(
        "staff_directory.html",
        hospitals=store.directory.places(),
        steps=store.pathway.steps(),
        levels=LEVELS,
        longest=LONGEST,
        example=EXAMPLE,
        most=MAX_PLACES,
        kept=request.args.get("kept"),
        error=problem(error) if error else None,
    )


def _refused(reading: Reading, error: DirectoryInvalid) -> Response:
    page = render_template("staff_directory_preview.html", reading=reading, text="", refused=True)
    return make_response(page, error.status)


def _step(grade: Grade) -> Step:
    """What the form says of one grade. Raises :class:`PathwayInvalid`."""
    days = request.form.get(f"{grade}_days", "").strip()
    if days and not (days.isascii() and days.isdigit() and len(days) < 5):
        raise PathwayInvalid(f"{grade}: days", grade=grade, longest=LONGEST[grade])
    level = cast("Level", request.form.get(f"{grade}_level", ""))
    return Step(grade, level, int(days) if days else None)


def _text(data: bytes) -> str:
    """As the form carries it back; a file without problems is in one of the two encodings."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")
