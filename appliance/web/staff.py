"""Pages for clinician and staff: logging in and out, and the log of who did what."""

from typing import Final

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for

from appliance.cases.audit import PAGE
from appliance.cases.pin import LONGEST, SHORTEST
from appliance.request_errors import LoginNeeded, PinError, PinMismatch, PinWait
from appliance.web import access
from appliance.web.access import STAFF_COOKIE
from appliance.web.problems import problem
from appliance.web.services import place, services
from appliance.web.sessions import Sessions

staff = Blueprint("staff", __name__, url_prefix="/staff")

BACK_TO: Final = ("/staff", "/kiosk/")
"""Logging in leads on to these pages and to no others."""


def login_first(error: LoginNeeded) -> Response:
    """Instead of a page that needs the PIN: the one that asks for it, and then leads on."""
    if request.method != "GET":
        return _login_page(error)
    return make_response(redirect(url_for("staff.login", next=request.full_path.rstrip("?"))))


@staff.route("/login", methods=["GET", "POST"])
def login() -> Response:
    """Give the PIN."""
    if not services().store.pin.generation and place() == "kiosk":
        return make_response(redirect(url_for("first_pin.page")))
    if request.method == "GET":
        return _login_page(None)
    try:
        generation = services().store.pin.check(request.form.get("pin", ""), place())
    except PinError as error:
        return _login_page(error)
    response = make_response(redirect(_next(), 303))
    open_session(response, generation)
    return response


@staff.post("/logout")
def logout() -> Response:
    """End this browser's session."""
    _sessions().end(access.staff().token)
    services().store.audit.record("staff", "logout")
    response = make_response(redirect(url_for("kiosk.home") if place() == "kiosk" else url_for("staff.login"), 303))
    response.delete_cookie(STAFF_COOKIE, httponly=True, samesite="Strict")
    return response


@staff.get("")
def home() -> Response:
    """Staff come for the cases."""
    return make_response(redirect(url_for("staff_cases.index")))


@staff.get("/audit")
def audit() -> str:
    """Who did what, newest first."""
    before = request.args.get("before", type=int)
    entries = services().store.audit.entries(before)
    return render_template(
        "staff_audit.html", entries=entries, older=entries[-1].number if len(entries) == PAGE else None
    )


@staff.get("/pin")
def pin() -> str:
    """A form to change the PIN."""
    return render_template("staff_pin.html", error=None, shortest=SHORTEST, longest=LONGEST)


@staff.post("/pin")
def change_pin() -> Response:
    """Change it; every other session ends."""
    kept = services().store.pin
    try:
        chosen = new_pin()
        kept.check(request.form.get("pin", ""), place())
        kept.set(chosen, "staff")
    except PinError as error:
        page = render_template("staff_pin.html", error=problem(error), shortest=SHORTEST, longest=LONGEST)
        return make_response(page, error.status)
    response = make_response(redirect(url_for("staff.home"), 303))
    open_session(response, kept.generation)
    return response


@staff.before_app_request
def leave_to_the_patient() -> None:
    """A visit that begins ends whatever session staff left open at the kiosk."""
    if request.endpoint == "kiosk.start":
        _sessions().end_all()


def new_pin() -> str:
    """The new PIN of a form, which asks for it twice. Raises :class:`PinMismatch`."""
    chosen = request.form.get("new", "")
    if chosen != request.form.get("again", ""):
        raise PinMismatch("the two entries differ")
    return chosen


def open_session(response: Response, generation: int) -> None:
    """Make the browser that gets ``response`` staff."""
    session = _sessions().begin(generation)
    response.set_cookie(STAFF_COOKIE, session.token, httponly=True, samesite="Strict")


def _login_page(error: LoginNeeded | PinError | None) -> Response:
    known = services().store.pin.generation > 0
    said = problem(error) if error else None
    may_put_off = place() == "kiosk" and services().store.setup.state == "begun"
    page = render_template("staff_login.html", error=said, known=known, next=_next(), may_put_off=may_put_off)
    response = make_response(page)
    response.status_code = error.status if error else 200
    if isinstance(error, PinWait):
        response.headers["Retry-After"] = str(error.values["seconds"])
    return response


def _next() -> str:
    first_start = url_for("setup.home") if request.blueprint == "setup" else ""  # a step's form came too late
    wanted = request.values.get("next", first_start)
    return wanted if wanted.startswith(BACK_TO) else url_for("staff.home")


def _sessions() -> Sessions:
    found: Sessions = current_app.extensions["sessions"]
    return found
