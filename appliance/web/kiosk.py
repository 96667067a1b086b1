"""The kiosk's screen: one page that shows where the visit stands, and one form per step."""

from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, current_app, jsonify, make_response, redirect, render_template, request, url_for

from appliance.errors import ConsentMissing
from appliance.web import language, qr
from appliance.web.access import SESSION_COOKIE
from appliance.web.calibration import due
from appliance.web.intake import YES
from appliance.web.pictures import PREVIEW_SIDE_PX, jpeg
from appliance.web.problems import problem
from appliance.web.refusal import DRAWN, marked
from appliance.web.result_view import result_view
from appliance.web.services import services
from appliance.web.sites import SITES, known_site
from appliance.web.visit import Kiosk, Visit
from firmware.errors import StationBusy

HINT_HEADER: Final = "X-Hint"
"""With each frame of the live view, what to change."""

kiosk = Blueprint("kiosk", __name__)


@kiosk.get("/")
def home() -> Response:
    """The visit's page. Opening it makes this browser the kiosk."""
    visit = _kiosk().visit
    if visit.phase == "welcome" and services().store.setup.state == "begun":
        response = make_response(redirect(url_for("setup.home"), 303))
    else:
        response = make_response(render_template(f"kiosk_{visit.phase}.html", visit=visit, **_material(visit)))
    response.set_cookie(SESSION_COOKIE, _kiosk().session, httponly=True, samesite="Strict")
    return response


@kiosk.post("/kiosk/start")
def start() -> Response:
    """Begin a visit."""
    _kiosk().start()
    return _page()


@kiosk.post("/kiosk/consent")
def consent() -> Response:
    """The patient agrees."""
    if request.form.get("consent") not in YES:
        raise ConsentMissing
    _kiosk().consent()
    return _page()


@kiosk.post("/kiosk/site")
def site() -> Response:
    """Where the lesion is."""
    _kiosk().choose_site(known_site(request.form.get("site")))
    return _page()


@kiosk.post("/kiosk/capture")
def capture() -> Response:
    """Take the photo."""
    _kiosk().capture()
    return _page()


@kiosk.post("/kiosk/again")
def again() -> Response:
    """Another photo of the same place."""
    _kiosk().again()
    return _page()


@kiosk.post("/kiosk/go-on")
def go_on() -> Response:
    """Answer the refused photo all the same, with a reservation."""
    _kiosk().go_on()
    return _page()


@kiosk.post("/kiosk/refer")
def refer() -> Response:
    """No photo will do: what to do without one."""
    _kiosk().refer()
    return _page()


@kiosk.post("/kiosk/end")
def end() -> Response:
    """Forget the patient, their language included."""
    _kiosk().end()
    response = _page()
    response.delete_cookie(language.COOKIE, samesite="Lax", httponly=True)
    return response


@kiosk.get("/kiosk/state")
def state() -> Response:
    """Which page the visit is on; the page shown asks, and moves on when it differs."""
    visit = _kiosk().visit
    waits = visit.phase == "waiting"
    return jsonify(
        phase=visit.phase,
        position=services().store.position(services().store.case(visit.code)) if waits else None,
    )


@kiosk.get("/kiosk/preview.jpg")
def preview() -> Response:
    """What the camera sees, while the patient is asked to hold still; at any other time nothing (204)."""
    if _kiosk().visit.phase != "live":
        return Response(status=HTTPStatus.NO_CONTENT)
    try:
        frame = services().station.preview(lit=True)
    except StationBusy:  # the photo is being taken: the page is about to say so
        return Response(status=HTTPStatus.NO_CONTENT)
    response = jpeg(frame.pixels, PREVIEW_SIDE_PX)
    response.headers[HINT_HEADER] = _kiosk().hint(frame.pixels)
    return response


def _kiosk() -> Kiosk:
    found: Kiosk = current_app.extensions["kiosk"]
    return found


def _page() -> Response:
    return make_response(redirect(url_for("kiosk.home"), 303))


def _material(visit: Visit) -> dict[str, object]:
    """What the page of this phase shows beside the visit itself."""
    store = services().store
    if visit.phase == "welcome":
        return {"due": due(services()), **_qr(url_for("phone.send"))}
    if visit.phase == "site":
        return {"sites": SITES}
    if visit.phase == "live":
        return {"hints": DRAWN}
    if visit.phase == "waiting":
        return {"position": store.position(store.case(visit.code))}
    if visit.phase == "result" or (visit.phase == "refer" and visit.code):
        return _answered(visit)
    return {"problem": problem(visit.error), "offers": _kiosk().offers} if visit.error else {}


def _answered(visit: Visit) -> dict[str, object]:
    """What the page of an answer shows, and the one that refers without an answer."""
    case = services().store.case(visit.code)
    view = result_view(services().store.document(case) or {})
    return {
        "view": view,
        "hours": f"{services().settings.link_hours:g}",
        "marked": marked(services(), case, view),
        "offers": _kiosk().offers,
        **_qr(url_for(f"phone.{visit.phase}", token=visit.token)),
    }


def _qr(path: str) -> dict[str, object]:
    """The code that joins the box's Wi-Fi, where it makes one, and the code of the link."""
    return {"wifi": qr.wifi_code(), **qr.link_code(path)}
