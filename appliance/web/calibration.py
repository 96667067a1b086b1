"""Leads staff through the calibration at the kiosk: one page a step, with a picture of what to lay down.

Only this machine reaches these pages, in the kiosk's own session, and only between two visits. The box's own timer
asks for the daily look at the ring's reference here, because this program has the camera.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from flask import Blueprint, Response, current_app, jsonify, make_response, redirect, render_template, url_for

from appliance.calibrate import CardName, Steps, card_of, drawn, state
from appliance.request_errors import PageUnknown
from appliance.web.problems import problem
from appliance.web.services import Services, services
from appliance.web.visit import Kiosk
from firmware import card
from firmware.calibration import STEPS, Calibration, Condition, StepName, load
from firmware.errors import CalibrationDamaged, DermkioskError, StationBusy

calibration = Blueprint("calibration", __name__, url_prefix="/kiosk/calibration")

T = TypeVar("T")

ENDPOINT: Final = "calibration.overview"
CHECK: Final = "check"
SHARES: Final = frozenset({"room_share", "cast", "uneven", "spread"})
Said = Condition | Literal["damaged", "impossible"]


@dataclass
class Guide:
    """What the last attempt came to, until the next; and that there is one attempt at a time."""

    lock: threading.Lock
    place: str = ""
    error: DermkioskError | None = None
    done: bool = False


def due(box: Services) -> Said:
    """What is to be done about the calibration of this box's camera; ``ok`` where nothing is."""
    if box.station.hardware_id is None:
        return "impossible"
    try:
        return state(box.settings, box.station.hardware_id)
    except CalibrationDamaged:
        return "damaged"


@calibration.get("")
def overview() -> str:
    """All steps: which are done, when, and how well."""
    kept = _kept()
    return render_template(
        "calibration.html",
        steps=[(name, _shown(kept, name), _open(kept, name)) for name in STEPS],
        begin=next((name for name in STEPS if kept is None or name not in kept.steps), STEPS[0]),
        due=due(services()),
        complete=kept is not None and kept.complete,
        checked=None if kept is None else kept.last_check,
    )


@calibration.get("/card.svg")
def printed() -> Response:
    """The cards, to be printed at 100 %."""
    return Response(card.svg(), mimetype="image/svg+xml")


@calibration.post("/ring")
def ring() -> Response:
    """The daily self-check, with nobody there. Raises what :meth:`appliance.calibrate.Steps.check` raises."""
    with _one_at_a_time():
        delta_e = _measured("grey", lambda steps: steps.check("grey"))
    return jsonify(delta_e=delta_e)


@calibration.get("/<place>")
def page(place: str) -> str:
    """One step, or the self-check: what to lay down, a button, what came of it."""
    if place not in (*STEPS, CHECK):
        raise PageUnknown
    guide, kept = _guide(), _kept()
    here = guide.place == place
    return render_template(
        "calibration_step.html",
        place=place,
        card=_card(place),
        number=0 if place == CHECK else STEPS.index(place) + 1,
        count=len(STEPS),
        next=_next(place),
        error=problem(guide.error) if here and guide.error else None,
        done=here and guide.done,
        values=_shown(kept, place),
    )


@calibration.post("/<place>")
def measure(place: str) -> Response:
    """Do it, and show what came of it on its own page."""
    if place not in (*STEPS, CHECK):
        raise PageUnknown
    guide = _guide()
    with _one_at_a_time():
        guide.place, guide.error, guide.done = place, None, False
        try:
            _measured(_card(place), lambda steps: steps.check() if place == CHECK else steps.do(_step(place)))
            guide.done = True
        except DermkioskError as error:
            guide.error = error
    return make_response(redirect(url_for("calibration.page", place=place), 303))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Raises :class:`StationBusy` where something is being measured."""
    lock = _guide().lock
    if not lock.acquire(blocking=False):
        raise StationBusy("a step is being done")
    try:
        yield
    finally:
        lock.release()


def _measured(name: CardName, work: Callable[[Steps], T]) -> T:
    """Do ``work`` with the camera; a simulated one sees the card ``name``. Raises :class:`StationBusy` and others."""
    _refuse_during_a_visit()
    box = services()
    with box.station.bench() as bench, drawn(bench.frames.camera, name):
        steps = Steps(box.settings.calibration_file, bench)
        try:
            return work(steps)
        finally:  # a step that failed leaves the old ones; the station uses what is kept
            box.station.calibration = steps.calibration if steps.calibration.steps else None


def _refuse_during_a_visit() -> None:
    kiosk: Kiosk = current_app.extensions["kiosk"]
    if kiosk.visit.phase != "welcome":
        raise StationBusy("a visit is under way")


def _guide() -> Guide:
    found: Guide = current_app.extensions["guide"]
    return found


def _kept() -> Calibration | None:
    """The stored calibration, if it is of this camera and can be read."""
    box = services()
    try:
        kept = load(box.settings.calibration_file)
    except CalibrationDamaged:
        return None
    return kept if kept is not None and kept.hardware_id == box.station.hardware_id else None


def _step(place: str) -> StepName:
    return next(name for name in STEPS if name == place)


def _card(place: str) -> CardName:
    return "card" if place == CHECK else card_of(_step(place))


def _next(place: str) -> str | None:
    """The step after this one; none after the last and after the self-check."""
    rest = STEPS[STEPS.index(_step(place)) + 1 :] if place != CHECK else ()
    return rest[0] if rest else None


def _open(kept: Calibration | None, name: StepName) -> bool:
    """Whether the steps it stands on are done."""
    return all(kept is not None and each in kept.steps for each in STEPS[: STEPS.index(name)])


def _shown(kept: Calibration | None, place: str) -> list[tuple[str, str]]:
    """What a step measured, as names of values and words; nothing where it is not done."""
    if kept is None:
        return []
    if place == CHECK:
        return [] if kept.last_check is None else [("delta_e", f"{kept.last_check.delta_e:g}")]
    done = kept.steps.get(_step(place))
    return [] if done is None else _words(done.checks)


def _words(checks: Mapping[str, float]) -> list[tuple[str, str]]:
    return [(name, f"{value:.1%}" if name in SHARES else f"{value:g}") for name, value in checks.items()]
