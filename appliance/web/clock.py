"""Staff say what time it is: the box may have neither a clock battery nor a network."""

from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from appliance.cases import clock as box_clock
from appliance.cases.clock import Moment
from appliance.errors import ClockError, TimeMissing
from appliance.set_clock import set_clock
from appliance.web import access
from appliance.web.problems import problem
from appliance.web.services import place, services

clock = Blueprint("clock", __name__, url_prefix="/staff/clock")

FIELD: Final = "%Y-%m-%dT%H:%M"
"""What a browser's field for date and time holds."""


@clock.get("")
def page() -> str:
    """What time the box thinks it is, and a form to change it."""
    return _page(None)


@clock.post("")
def change() -> Response:
    """Set it: to the phone's time, or to what was typed."""
    before = services().store.now()
    try:
        wanted = _asked()
        set_clock(wanted, services().settings.clock_socket)
    except ClockError as error:
        return make_response(_page(error), error.status)
    detail = f"from {int(before.time.timestamp())} to {int(wanted.timestamp())}"
    services().store.audit.record("staff", "clock", detail=detail)
    return make_response(redirect(url_for("clock.page"), 303))


def _asked() -> datetime:
    """The time of the form: ``phone_ms``, milliseconds since 1970, else ``local``, in the box's own time zone."""
    try:
        if phone_ms := request.form.get("phone_ms"):
            return datetime.fromtimestamp(int(phone_ms) / 1000, UTC)
        return datetime.strptime(request.form.get("local", ""), FIELD).astimezone()
    except (ValueError, OverflowError, OSError) as unreadable:
        raise TimeMissing(str(unreadable)) from unreadable


def _page(error: ClockError | None) -> str:
    now: Moment = box_clock.now()
    here = now.time.astimezone()
    return render_template(
        "staff_clock.html",
        error=error and problem(error),
        verified=now.clock == "synced",
        local=here.strftime(FIELD),
        zone=here.tzname(),
        staff_csrf=access.staff().csrf,
        at_kiosk=place() == "kiosk",
    )
