"""The first start, at the kiosk's screen: one page a step, each kept before the next.

A phone may help: it has a keyboard for the clinic's name, and a laptop has a printer for the Wi-Fi card. It is let in
by a link that stands on the kiosk's screen, until the box is set up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, current_app, jsonify, make_response, redirect, render_template, request, url_for

from appliance import settings as box_settings
from appliance.cases.faults import storage_faults
from appliance.cases.setup import LONGEST_NAME, STEPS, Setup, Step
from appliance.health import camera
from appliance.health.result import Result
from appliance.messages import LANGUAGES
from appliance.request_errors import PageUnknown, RequestError
from appliance.vision.hints import BLURRED, DARK, GLARE, measure
from appliance.web import language, qr
from appliance.web.calibration import due
from appliance.web.pictures import PREVIEW_SIDE_PX, jpeg
from appliance.web.problems import problem
from appliance.web.services import services
from appliance.web.visit import Kiosk
from firmware.errors import DermkioskError, StationBusy
from firmware.sharpness import sharpness

setup = Blueprint("setup", __name__, url_prefix="/kiosk/setup")
helper = Blueprint("helper", __name__, url_prefix="/setup")
wifi_card = Blueprint("wifi_card", __name__, url_prefix="/staff/wifi-card")

SHARPNESS_HEADER: Final = "X-Sharpness"
SETTLING_FRAMES: Final = 12
ANYWAY: Final = "anyway"


@dataclass
class Attempt:
    """What the last try of a step came to, until the next."""

    step: str = ""
    error: DermkioskError | None = None
    checks: Sequence[Result] = ()
    fault: str = ""
    """What keeps the view from being sharp."""
    took: bool = False


@setup.get("")
def home() -> Response:
    """On to the first step that is not done: also after a power cut."""
    _refuse_once_done()
    _refuse_during_a_visit()
    _kept().become("begun")
    return _to(next((step for step in STEPS if not _is_done(step)), "wifi"))


@setup.get("/<step>")
def page(step: str) -> str:
    """One step."""
    here, attempt = _step(step), _attempt()
    number = STEPS.index(here)
    mine = attempt if attempt.step == here else Attempt()
    return render_template(
        f"setup_{here}.html",
        step=here,
        steps=STEPS,
        number=number + 1,
        back=STEPS[number - 1] if number else None,
        onward=url_for("setup.page", step=STEPS[min(number + 1, len(STEPS) - 1)]),
        done=_is_done(here),
        attempt=mine,
        error=problem(mine.error) if mine.error else None,
        **MATERIAL.get(here, dict)(),
    )


@setup.post("/<step>")
def act(step: str) -> Response:
    """Do a step and keep it, or show why not."""
    here = _step(step)
    current_app.extensions["setup"] = attempt = Attempt(here)
    try:
        _refuse_during_a_visit()
        finished = ACTIONS[here](attempt)
    except DermkioskError as error:
        attempt.error, finished = error, False
    response = _after(here) if finished else _to(here)
    if here == "language" and finished:  # from here on in the clinic's language
        response.delete_cookie(language.COOKIE, samesite="Lax", httponly=True)
    return response


@setup.post("/later")
def later() -> Response:
    """Use the box as it is; every page goes on saying that it is not set up."""
    _kept().become("put_off")
    return make_response(redirect(url_for("kiosk.home"), 303))


@setup.get("/state")
def state() -> Response:
    """Whether the phone has typed the clinic's name."""
    return jsonify(clinic=_kept().clinic)


@setup.get("/preview.jpg")
def preview() -> Response:
    """What the camera sees under its light, and how sharp it is: comparable while nothing but the lens is moved.

    Nothing (204) while the camera is in use: the step itself looks through it.
    """
    _refuse_once_done()
    try:
        frame = services().station.preview(lit=True)
    except StationBusy:
        return Response(status=HTTPStatus.NO_CONTENT)
    response = jpeg(frame.pixels, PREVIEW_SIDE_PX)
    response.headers[SHARPNESS_HEADER] = f"{sharpness(frame.pixels):.6f}"
    return response


@helper.get("/<key>")
def type_here(key: str) -> str:
    """A phone is the kiosk's keyboard."""
    return _keyboard(key, saved=False)


@helper.post("/<key>")
def typed(key: str) -> str:
    """The clinic's name, and that of its Wi-Fi."""
    _kept().keep_names(request.form.get("clinic", ""), request.form.get("wifi", ""))
    return _keyboard(key, saved=True)


@helper.get("/<key>/card")
def card(key: str) -> str:  # noqa: ARG001  # the rule looked at it
    """The Wi-Fi card, to be printed where there is a printer."""
    return render_template("setup_card.html", clinic=_kept().clinic, **_card())


@wifi_card.get("")
def card_again() -> str:
    """The Wi-Fi card for staff: the one on the wall gets lost."""
    return render_template("setup_card.html", clinic=_kept().clinic, **_card())


def way_in() -> str | None:
    """Where the first start begins or goes on, for the line on every page; ``None`` where one cannot from here."""
    kiosk: Kiosk | None = current_app.extensions.get("kiosk")
    between_visits = kiosk is not None and kiosk.visit.phase == "welcome" and request.blueprint != "setup"
    return url_for("setup.home") if between_visits else None


def _choose_language(attempt: Attempt) -> bool:
    del attempt
    chosen, box = request.form.get("language"), services()
    if chosen not in LANGUAGES:
        raise RequestError(repr(chosen))
    if "language" not in box_settings.fixed():  # else the installer's environment has said it
        new = box_settings.changed(box.settings, {"language": chosen})
        with storage_faults():
            box_settings.keep(box.settings.state, {"language": chosen})
        box.settings = new
    _kept().keep("language", chosen)
    return True


def _name_clinic(attempt: Attempt) -> bool:
    del attempt
    _kept().keep_clinic(request.form.get("clinic", ""))
    return True


def _look_sharp(attempt: Attempt) -> bool:
    if request.form.get(ANYWAY):
        _kept().keep("focus", ANYWAY)
        return True
    attempt.took, attempt.fault = True, _fault_of_view()
    if not attempt.fault:
        _kept().keep("focus", "sharp")
    return False


def _fault_of_view() -> str:
    """What keeps the view from being sharp, once the exposure has settled; empty where it is sharp."""
    for _ in range(SETTLING_FRAMES):
        frame = services().station.preview(lit=True)
    seen, _ = measure(frame.pixels, None)
    tests = {"dark": seen.brightness < DARK, "bright": seen.burnt > GLARE, "blurred": seen.sharpness < BLURRED}
    return next((name for name, true in tests.items() if true), "")


def _leave_calibration(attempt: Attempt) -> bool:
    del attempt
    _kept().keep("calibration", due(services()))
    return True


def _test_itself(attempt: Attempt) -> bool:
    if request.form.get(ANYWAY):
        return _is_done("selftest")
    attempt.took = True
    try:
        services().station.capture()
    except DermkioskError as error:
        attempt.error = error
    # How the camera is, the photograph has just said. Its own check may say the opposite: it is of another moment.
    attempt.checks = [check for check in services().checks() if check.id != camera.ID]
    well = attempt.error is None and all(check.ok for check in attempt.checks)
    _kept().keep("selftest", "ok" if well else "faults")
    return False


def _finish(attempt: Attempt) -> bool:
    del attempt
    missing = [step for step in STEPS[:-1] if not _is_done(step)]
    if not missing:
        _kept().keep("wifi", "shown")
        _kept().become("done")
    return not missing


ACTIONS: Final[Mapping[Step, Callable[[Attempt], bool]]] = {
    "language": _choose_language,
    "clinic": _name_clinic,
    "pin": lambda attempt: _is_done("pin") and attempt.error is None,
    "focus": _look_sharp,
    "calibration": _leave_calibration,
    "selftest": _test_itself,
    "wifi": _finish,
}
"""What each step does; true where it goes on to the next."""


def _keyboard(key: str, *, saved: bool) -> str:
    kept = _kept()
    named = {"clinic": kept.clinic, "wifi_name": kept.wifi, "longest": LONGEST_NAME}
    return render_template("setup_phone.html", key=key, saved=saved, **named)


def _helped(path: str) -> dict[str, Any]:
    code = qr.link_code(path)
    return {"helper_link": code["link"], "helper_qr": code.get("qr")}


def _card() -> dict[str, Any]:
    return {"wifi": qr.wifi_code(), **qr.link_code(url_for("phone.send"))}


MATERIAL: Final[Mapping[Step, Callable[[], dict[str, Any]]]] = {
    "clinic": lambda: {
        "clinic": _kept().clinic,
        "longest": LONGEST_NAME,
        **_helped(f"/setup/{_kept().token}"),
    },
    "calibration": lambda: {"due": due(services())},
    "wifi": lambda: {
        "clinic": _kept().clinic,
        "missing": [step for step in STEPS[:-1] if not _is_done(step)],
        **_card(),
        **_helped(f"/setup/{_kept().token}/card"),
    },
}
"""What the page of a step shows beside the step."""


def _is_done(step: Step) -> bool:
    if step == "pin":
        return services().store.pin.generation > 0
    return _kept().outcome(step) is not None


def _step(name: str) -> Step:
    """Steps are taken in their order; those before may be done again. Raises :class:`PageUnknown`."""
    _refuse_once_done()
    if name not in STEPS:
        raise PageUnknown
    return name


def _after(step: Step) -> Response:
    place = STEPS.index(step) + 1
    return _to(STEPS[place]) if place < len(STEPS) else make_response(redirect(url_for("kiosk.home"), 303))


def _to(step: Step) -> Response:
    return make_response(redirect(url_for("setup.page", step=step), 303))


def _kept() -> Setup:
    return services().store.setup


def _attempt() -> Attempt:
    found: Attempt = current_app.extensions.setdefault("setup", Attempt())
    return found


def _refuse_once_done() -> None:
    if _kept().state == "done":
        raise PageUnknown("the box is set up")


def _refuse_during_a_visit() -> None:
    kiosk: Kiosk = current_app.extensions["kiosk"]
    if kiosk.visit.phase != "welcome":
        raise StationBusy("a visit is under way")
