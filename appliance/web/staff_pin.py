"""The first PIN, set at the kiosk: whoever stands at the box when it is new is the one who sets it up."""

from flask import Blueprint, Response, make_response, redirect, render_template, url_for

from appliance.cases.pin import LONGEST, SHORTEST
from appliance.request_errors import PageUnknown, PinError
from appliance.web.problems import problem
from appliance.web.services import services
from appliance.web.staff import new_pin, open_session

first_pin = Blueprint("first_pin", __name__, url_prefix="/kiosk/pin")


@first_pin.get("")
def page() -> Response:
    """The form; once there is a PIN there is no such page."""
    return _page(None)


@first_pin.post("")
def keep() -> Response:
    """Keep the first PIN. A PIN that is there is changed by whoever knows it, or by ``dermkiosk staff-pin``."""
    kept = services().store.pin
    _refuse_second()
    try:
        kept.set(new_pin(), "kiosk")
    except PinError as error:
        return _page(error)
    begun = services().store.setup.state == "begun"
    response = make_response(redirect(url_for("setup.page", step="pin") if begun else url_for("staff.home"), 303))
    open_session(response, kept.generation)
    return response


def _page(error: PinError | None) -> Response:
    _refuse_second()
    said = problem(error) if error else None
    response = make_response(render_template("staff_first_pin.html", error=said, shortest=SHORTEST, longest=LONGEST))
    response.status_code = error.status if error else 200
    return response


def _refuse_second() -> None:
    if services().store.pin.generation:
        raise PageUnknown("there is a PIN already")
