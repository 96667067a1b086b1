"""The kiosk's screen: one page that shows where the visit stands, and one form per step."""

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, current_app, jsonify, make_response, redirect, render_template, request, url_for

from appliance import messages
from appliance.cases import codes
from appliance.cases.visits import Consent
from appliance.request_errors import ConsentMissing
from appliance.vision.hints import Hint
from appliance.web import language, qr
from appliance.web.access import SESSION_COOKIE
from appliance.web.calibration import due
from appliance.web.intake import YES
from appliance.web.pictures import PREVIEW_SIDE_PX, jpeg
from appliance.web.problems import problem
from appliance.web.refusal import DRAWN, marked
from appliance.web.result_view import result_view
from appliance.web.services import services
from appliance.web.sites import SIDES, known_site
from appliance.web.visit import RUB_OUT, Kiosk, Phase, Visit
from firmware.errors import StationBusy

HINT_HEADER: Final = "X-Hint"
"""With each frame of the live view, what to change."""
FROM_AFAR: Final[frozenset[Hint]] = frozenset({"dark", "glare", "still", "ready"})
"""The hints that hold for an overview, too: its lesion is small."""
MOVES_ON: Final[frozenset[Phase]] = frozenset({"live", "capturing", "waiting", "done"})
"""Phases that end by themselves, or by the button on the box."""
SOON_S: Final = 3
CONSENT_POINTS: Final = ("consent.photo", "consent.stays", "consent.code", "consent.not_diagnosis", "consent.free")
CONSENT: Final = ("consent.title", *CONSENT_POINTS, "consent.tick_carer", "consent.tick_letter")
"""All the words on the page, in their order: these are logged."""

kiosk = Blueprint("kiosk", __name__)


@kiosk.get("/")
def home() -> Response:
    """The visit's page. Opening it makes this browser the kiosk."""
    visit = _kiosk().visit
    if visit.phase == "welcome":
        language.forget()
    if visit.phase == "welcome" and services().store.setup.state == "begun":
        response = make_response(redirect(url_for("setup.home"), 303))
    else:
        material = _material(visit)
        page = render_template(f"kiosk_{visit.phase}.html", visit=visit, refresh_s=_refresh_s(visit), **material)
        response = make_response(page)
    response.set_cookie(SESSION_COOKIE, _kiosk().session, httponly=True, samesite="Strict")
    return response


@kiosk.post("/kiosk/start")
def start() -> Response:
    """Begin a visit, in the language of the button that was touched."""
    _kiosk().start()
    response = _page()
    language.choose(response, request.form.get(language.COOKIE))
    return response


@kiosk.post("/kiosk/consent")
def consent() -> Response:
    """The patient agrees."""
    if request.form.get("consent") not in YES:
        raise ConsentMissing
    words = "\n".join(language.translate(key) for key in CONSENT)
    _kiosk().consent(Consent(words, language.reader_language(), request.form.get("letter") in YES))
    return _page()


@kiosk.post("/kiosk/new")
def new() -> Response:
    """A patient without a code."""
    _kiosk().newcomer()
    return _page()


@kiosk.post("/kiosk/earlier")
def earlier() -> Response:
    """A patient with a code."""
    _kiosk().earlier()
    return _page()


@kiosk.post("/kiosk/code")
def code() -> Response:
    """A key of the keypad, or the whole code."""
    key = request.form.get("key")
    if key is not None:
        _kiosk().key(key)
    else:
        _kiosk().identify(request.form.get("code", ""))
    return _page()


@kiosk.post("/kiosk/back")
def back() -> Response:
    """The page before."""
    _kiosk().back()
    return _page()


@kiosk.post("/kiosk/close-up")
def close_up() -> Response:
    """No overview."""
    _kiosk().close_up()
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


@kiosk.post("/kiosk/hand-over")
def hand_over() -> Response:
    """On to what the patient takes along."""
    _kiosk().hand_over()
    return _page()


@kiosk.post("/kiosk/revoke")
def revoke() -> Response:
    """End the link to the result."""
    _kiosk().revoke()
    return _page()


@kiosk.post("/kiosk/renew")
def renew() -> Response:
    """Show a link again."""
    _kiosk().renew()
    return _page()


@kiosk.post("/kiosk/another")
def another() -> Response:
    """Another place on the same patient."""
    _kiosk().another()
    return _page()


@kiosk.post("/kiosk/done")
def done() -> Response:
    """The patient has all they came for."""
    _kiosk().done()
    return _page()


@kiosk.post("/kiosk/end")
def end() -> Response:
    """Forget the patient, their language included."""
    _kiosk().end()
    language.forget()
    return _page()


@kiosk.post("/kiosk/here")
def here() -> Response:
    """Somebody touched the screen."""
    _kiosk().touch()
    return _page()


@kiosk.get("/kiosk/state")
def state() -> Response:
    """Which page the visit is on; the page shown asks, says its own ``step``, and moves on when it differs."""
    step = request.args.get("step", type=int)
    if step is not None:
        _kiosk().shown(step)
    visit, left_s = _kiosk().visit, _kiosk().left_s
    waits = visit.phase == "waiting"
    return jsonify(
        phase=visit.phase,
        step=visit.step,
        left_s=left_s if left_s is None else math.ceil(left_s),
        position=services().store.position(services().store.case(visit.code)) if waits else None,
    )


@kiosk.get("/kiosk/preview.jpg")
def preview() -> Response:
    """What the camera sees, while the patient is asked to hold still; at any other time nothing (204)."""
    visit = _kiosk().visit
    if visit.phase not in ("live", "code"):
        return Response(status=HTTPStatus.NO_CONTENT)
    try:
        frame = services().station.preview(lit=True)
    except StationBusy:  # the photo is being taken: the page is about to say so
        return Response(status=HTTPStatus.NO_CONTENT)
    response = jpeg(frame.pixels, PREVIEW_SIDE_PX)
    hint = _kiosk().look(frame.pixels)
    if hint is not None:
        response.headers[HINT_HEADER] = hint if visit.view == "close_up" or hint in FROM_AFAR else "ready"
    return response


def _kiosk() -> Kiosk:
    found: Kiosk = current_app.extensions["kiosk"]
    return found


def _page() -> Response:
    return make_response(redirect(url_for("kiosk.home"), 303))


def _refresh_s(visit: Visit) -> int | None:
    """When a browser without scripts asks again: while something is under way, and once the visit is forgotten."""
    left_s = _kiosk().left_s
    if visit.phase in MOVES_ON:
        return SOON_S
    return None if left_s is None else math.ceil(left_s) + 1


def _material(visit: Visit) -> dict[str, object]:
    """What the page of this phase shows beside the visit itself."""
    shown = MATERIAL.get(visit.phase)
    return {} if shown is None else shown(visit)


def _welcome(_visit: Visit) -> dict[str, object]:
    starts = [(each, messages.text(each, "kiosk.welcome.start")) for each in messages.LANGUAGES]
    return {"due": due(services()), "starts": starts, **_qr(url_for("phone.send"))}


def _code(visit: Visit) -> dict[str, object]:
    return {"keys": codes.ALPHABET, "rub_out": RUB_OUT, **_failed(visit)}


def _live(visit: Visit) -> dict[str, object]:
    close = visit.view == "close_up"
    return {"hints": {hint: drawing for hint, drawing in DRAWN.items() if close or hint in FROM_AFAR}}


def _failed(visit: Visit) -> dict[str, object]:
    return {"problem": visit.error and problem(visit.error), "offers": _kiosk().offers}


def _handover(visit: Visit) -> dict[str, object]:
    hours = f"{services().settings.link_hours:g}"
    view = result_view(services().store.document(services().store.case(visit.code)) or {})
    return {"hours": hours, "patient_qr": qr.drawn(visit.patient), "view": view, **_qr(_path_of(visit))}


def _answered(visit: Visit) -> dict[str, object]:
    """What the page of an answer shows, and the one that refers without an answer."""
    if not visit.code:
        return _failed(visit)
    case = services().store.case(visit.code)
    view = result_view(services().store.document(case) or {})
    return {"view": view, "marked": marked(services(), case, view), "offers": _kiosk().offers}


def _path_of(visit: Visit) -> str | None:
    """Where phones find what this visit came to; ``None`` where the link was revoked."""
    if not visit.token:
        return None
    return url_for("phone.refer" if visit.referred else "phone.result", token=visit.token)


def _qr(path: str | None) -> dict[str, object]:
    """The code that joins the box's Wi-Fi, where it makes one, and that of the link, where it was not revoked."""
    return {"wifi": qr.wifi_code(), **(qr.link_code(path) if path else {"link": None})}


MATERIAL: Final[Mapping[Phase, Callable[[Visit], dict[str, object]]]] = {
    "welcome": _welcome,
    "consent": lambda _visit: {"points": CONSENT_POINTS},
    "code": _code,
    "site": lambda _visit: {"sides": SIDES},
    "live": _live,
    "capturing": lambda _visit: {"dark_media": "screen"},  # the photograph is to have the ring's light alone
    "waiting": lambda visit: {"position": services().store.position(services().store.case(visit.code))},
    "result": _answered,
    "refer": _answered,
    "failed": _failed,
    "handover": _handover,
}
