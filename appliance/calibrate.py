"""Leads through the calibration of the box, step by step, and keeps what came of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from appliance.errors import FileUnwritable
from appliance.files import write_atomically
from appliance.messages import Language, text
from appliance.settings import Settings
from firmware import calibrating, card, factories
from firmware.calibrating import Bench
from firmware.calibration import STEPS, Calibration, Condition, Step, StepName, condition, load, store
from firmware.devices import Camera
from firmware.errors import CalibrationDamaged, CalibrationImpossible
from firmware.frames import Frames
from firmware.recovery import RecoveringCamera
from firmware.synthetic import SyntheticCamera, with_margin

CardName = Literal["grey", "card"]
SIMULATED_ROOM = 0.01
"""Light of the room a simulated camera is calibrated in: the curtain is closed."""


@dataclass(frozen=True)
class Dialogue:
    """How to speak with whoever calibrates."""

    language: Language
    say: Callable[[str], None]
    ask: Callable[[str], object]
    """Shows a sentence and waits until the card lies there."""

    def tell(self, key: str, **values: object) -> None:
        """Say a text of the catalogue."""
        self.say(text(self.language, key, **values))


class Steps:
    """The steps, done with a bench and kept in a file. Whoever leads through them says what to lay down."""

    def __init__(self, file: Path, bench: Bench) -> None:
        """Raises :class:`CalibrationImpossible` where the bench's camera has nothing to calibrate."""
        camera = bench.frames.camera
        if camera.hardware_id is None:
            raise CalibrationImpossible(f"camera {camera.name}")
        self._file = file
        self.bench = bench
        self._hardware_id = camera.hardware_id
        self.calibration = self._known()

    def do(self, name: StepName) -> Step:
        """Do the step ``name`` and keep it. Raises what the step raises; then the old calibration stays."""
        self.refuse_before(name)
        self._keep(calibrating.calibrated(self.bench, self.calibration, name, datetime.now(UTC)))
        return self.calibration.steps[name]

    def check(self, reference: CardName = "card") -> float:
        """The self-check, kept; ΔE to the calibration. ``grey``: with the cup's cap, the ring's own reference.

        Raises :class:`firmware.errors.CalibrationDrifted`, :class:`firmware.errors.ReferenceUnseen`.
        """
        self.refuse_incomplete()
        look = calibrating.self_check if reference == "card" else calibrating.self_check_grey
        self._keep(look(self.bench, self.calibration, datetime.now(UTC)))
        return calibrating.refuse_drift(self.calibration)

    def refuse_incomplete(self) -> None:
        """Raises :class:`CalibrationImpossible` before the last step is done."""
        if not self.calibration.complete:
            raise CalibrationImpossible("the steps come first")

    def refuse_before(self, name: StepName) -> None:
        """Raises :class:`CalibrationImpossible` where a step that ``name`` stands on is not done."""
        if any(each not in self.calibration.steps for each in STEPS[: STEPS.index(name)]):
            raise CalibrationImpossible(f"{name} is not the next step")

    def _known(self) -> Calibration:
        """The stored one; a new one where it is damaged or of another camera, and then the counter goes on."""
        try:
            stored = load(self._file)
        except CalibrationDamaged:
            stored = None
        if stored is not None and stored.hardware_id == self._hardware_id:
            return stored
        return Calibration(self._hardware_id, 0 if stored is None else stored.counter)

    def _keep(self, calibration: Calibration) -> None:
        store(self._file, calibration, write_atomically)
        self.calibration = calibration


class Workbench:
    """The camera and the light, for the calibration from a terminal; the kiosk must not run meanwhile."""

    def __init__(self, settings: Settings, dialogue: Dialogue, bench: Bench) -> None:
        self._steps = Steps(settings.calibration_file, bench)
        self._dialogue = dialogue

    def run(self, steps: Sequence[StepName]) -> None:
        """Do ``steps`` in their order; each is kept when it succeeded. Raises what a step raises."""
        for name in steps:
            with self._laid_down(card_of(name)):
                done = self._steps.do(name)
            checks = ", ".join(f"{what} {value:g}" for what, value in done.checks.items())
            self._dialogue.tell("calibrate.done", step=name, checks=checks)

    def check(self) -> None:
        """The daily self-check. Raises :class:`firmware.errors.CalibrationDrifted`."""
        self._steps.refuse_incomplete()
        with self._laid_down("card"):
            delta_e = self._steps.check()
        self._dialogue.tell("calibrate.checked", delta_e=delta_e)

    def repeat(self) -> None:
        """The same card many times, and how far the looks lie apart."""
        self._steps.refuse_incomplete()
        with self._laid_down("card"):
            spread = calibrating.spread(self._steps.bench, self._steps.calibration)
        median, p95, worst = (float(value) for value in np.quantile(spread, (0.5, 0.95, 1)))
        figures = {"median": f"{median:.2f}", "p95": f"{p95:.2f}", "worst": f"{worst:.2f}"}
        self._dialogue.tell("calibrate.repeated", times=len(spread), **figures)

    @contextmanager
    def _laid_down(self, name: CardName) -> Iterator[None]:
        """Ask for the card; a simulated camera is shown the drawn one."""
        camera = self._steps.bench.frames.camera
        if not isinstance(camera, SyntheticCamera):
            self._dialogue.ask(text(self._dialogue.language, f"calibrate.{name}"))
        with drawn(camera, name):
            yield


def card_of(name: StepName) -> CardName:
    """Which card a step looks at."""
    return "grey" if name in calibrating.GREY_STEPS else "card"


@contextmanager
def drawn(camera: Camera, name: CardName) -> Iterator[None]:
    """A simulated camera sees the drawn card in a dark room meanwhile; a real one sees what lies there."""
    if isinstance(camera, RecoveringCamera):
        camera = camera.device
    if not isinstance(camera, SyntheticCamera):
        yield
        return
    scene, room = camera.scene, camera.physics.ambient_level
    draw = card.grey_scene if name == "grey" else card.card_scene
    camera.physics.ambient_level, camera.scene = SIMULATED_ROOM, draw(*with_margin(camera.size))
    try:
        yield
    finally:
        camera.physics.ambient_level, camera.scene = room, scene


@contextmanager
def workbench(settings: Settings, dialogue: Dialogue) -> Iterator[Workbench]:
    """The light and the camera that the settings name, opened for the calibration."""
    with ExitStack() as stack:
        light = stack.enter_context(factories.open_light(settings.light, settings.light_pin, settings.light_level))
        camera = stack.enter_context(factories.open_camera(settings.camera, light))
        yield Workbench(settings, dialogue, Bench(Frames(camera), light))


def from_step(first: StepName) -> tuple[StepName, ...]:
    """``first`` and the steps that stand on it."""
    return STEPS[STEPS.index(first) :]


def state(settings: Settings, hardware_id: str | None) -> Condition:
    """What is to be done about the stored calibration. Raises :class:`CalibrationDamaged`."""
    return condition(load(settings.calibration_file), hardware_id, datetime.now(UTC))


def print_card(path: Path) -> None:
    """Write the card as SVG, to be printed at 100 %. Raises :class:`FileUnwritable`."""
    try:
        path.write_text(card.svg(), encoding="utf-8")
    except OSError as error:
        raise FileUnwritable(str(error), path=path) from error
