"""What calibration found out about this box, how it is kept, and what it does to a photograph."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from firmware.devices import CaptureSettings, Pixels
from firmware.errors import CalibrationDamaged
from firmware.linear import Light, to_codes, to_light

SCHEMA: Final = "dermkiosk.calibration/1"
StepName = Literal["exposure", "white_balance", "flat_field", "colour", "scale"]
STEPS: Final[tuple[StepName, ...]] = ("exposure", "white_balance", "flat_field", "colour", "scale")
"""In the order they are done: each stands on those before it."""
Condition = Literal["missing", "incomplete", "foreign", "drifted", "clock", "old", "check_due", "ok"]
OLD: Final = timedelta(days=90)
"""A white LED loses a few per cent of light and shifts its colour within some hundred hours."""
CHECK_EVERY: Final = timedelta(days=1)
ROWS_AT_ONCE: Final = 128
"""Of a picture that is corrected: the box has little memory."""
WriteFile = Callable[[Path, bytes], None]
"""Writes a file whole or not at all: ``appliance.files.write_atomically``."""


@dataclass(frozen=True)
class Step:
    """One step that came to its end."""

    made_at: str
    """UTC, ISO 8601; by a clock that may be wrong."""
    counter: int
    """Grows with every step ever done on this box: the order, whatever the clock says."""
    values: Mapping[str, Any]
    """What it found, as JSON."""
    checks: Mapping[str, float]
    """How it knows that it converged."""


@dataclass(frozen=True)
class SelfCheck:
    """The last look at a card."""

    made_at: str
    delta_e: float
    """Mean CIEDE2000 between the card now and when the box was calibrated."""
    drifted: bool


@dataclass(frozen=True)
class Calibration:
    """Steps done so far, for one camera under one light."""

    hardware_id: str
    counter: int = 0
    steps: Mapping[StepName, Step] = field(default_factory=dict)
    last_check: SelfCheck | None = None

    @property
    def complete(self) -> bool:
        """True when every step was done."""
        return all(name in self.steps for name in STEPS)

    @property
    def settings(self) -> CaptureSettings | None:
        """What the camera is locked to, from the first two steps."""
        if "exposure" not in self.steps or "white_balance" not in self.steps:
            return None
        exposure, gains = self.steps["exposure"].values, self.steps["white_balance"].values["colour_gains"]
        return CaptureSettings(
            float(exposure["exposure_us"]), float(exposure["analogue_gain"]), (float(gains[0]), float(gains[1]))
        )

    @property
    def mm_per_pixel(self) -> float | None:
        """Of a full frame, at the cup's rim."""
        return float(self.steps["scale"].values["mm_per_pixel"]) if "scale" in self.steps else None

    def with_step(
        self, name: StepName, made_at: str, values: Mapping[str, Any], checks: Mapping[str, float]
    ) -> "Calibration":
        """With ``name`` done now. The steps that stand on it are gone, and so is the last self-check."""
        counter = self.counter + 1
        kept = {each: self.steps[each] for each in STEPS[: STEPS.index(name)] if each in self.steps}
        return replace(
            self, counter=counter, steps={**kept, name: Step(made_at, counter, values, checks)}, last_check=None
        )

    def evened(self, light: Light) -> Light:
        """``light`` (linear, H×W×3) without the shading of lens and lamp."""
        if "flat_field" not in self.steps:
            return light
        return np.asarray(light * _stretched(self._flat_field(), light.shape[:2]), np.float32)

    def coloured(self, light: Light) -> Light:
        """``light`` (linear, …×3) in the card's colours."""
        if "colour" not in self.steps:
            return light
        return np.asarray(light @ np.array(self.steps["colour"].values["matrix"], np.float32).T)

    def corrected(self, pixels: Pixels) -> Pixels:
        """A frame as it would be under an even light by a true camera, uint8 RGB, H×W×3."""
        if not {"flat_field", "colour"} & set(self.steps):
            return pixels
        flat = _stretched(self._flat_field(), pixels.shape[:2]) if "flat_field" in self.steps else None
        done = np.empty_like(pixels)
        for top in range(0, len(pixels), ROWS_AT_ONCE):
            rows = slice(top, top + ROWS_AT_ONCE)
            light = to_light(pixels[rows])
            done[rows] = to_codes(self.coloured(light if flat is None else light * flat[rows]))
        return done

    def summary(self) -> dict[str, object]:
        """For the result document: which calibration, and how good it was."""
        last = max(self.steps.values(), key=lambda step: step.counter, default=None)
        colour = self.steps.get("colour")
        return {
            "counter": self.counter,
            "made_at": last and last.made_at,
            "hardware_id": self.hardware_id,
            "steps": [name for name in STEPS if name in self.steps],
            "delta_e": colour and colour.checks["delta_e_after"],
        }

    def _flat_field(self) -> Light:
        return np.array(self.steps["flat_field"].values["gains"], np.float32)


def condition(calibration: Calibration | None, hardware_id: str | None, now: datetime) -> Condition:
    """What is to be done about it, the most urgent first. ``now``: UTC.

    ``clock``: the clock stands before the calibration, so nobody can say how old that is.
    """
    if calibration is None or not calibration.steps:
        return "missing"
    if calibration.hardware_id != hardware_id:
        return "foreign"
    if not calibration.complete:
        return "incomplete"
    if calibration.last_check is not None and calibration.last_check.drifted:
        return "drifted"
    return _by_age(calibration, now)


def _by_age(calibration: Calibration, now: datetime) -> Condition:
    ages = [now - datetime.fromisoformat(step.made_at) for step in calibration.steps.values()]
    if min(ages) < timedelta(0):
        return "clock"
    if max(ages) > OLD:
        return "old"
    check = calibration.last_check
    looked_at = max(ages) if check is None else now - datetime.fromisoformat(check.made_at)
    return "check_due" if looked_at > CHECK_EVERY else "ok"


def load(path: Path) -> Calibration | None:
    """The stored calibration; ``None`` where there is none. Raises :class:`CalibrationDamaged`."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return _from_json(stored)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as damaged:
        raise CalibrationDamaged(f"{path}: {damaged}", path=path) from damaged


def store(path: Path, calibration: Calibration, write: WriteFile) -> None:
    """Keep it. Raises ``OSError``, and then the old one is still there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(path, json.dumps(_as_json(calibration), indent=1).encode())


def _as_json(calibration: Calibration) -> dict[str, Any]:
    check = calibration.last_check
    return {
        "schema": SCHEMA,
        "hardware_id": calibration.hardware_id,
        "counter": calibration.counter,
        "steps": {name: _members(step) for name, step in calibration.steps.items()},
        "last_check": None if check is None else _members(check),
    }


def _members(value: Step | SelfCheck) -> dict[str, Any]:
    return {name: dict(item) if isinstance(item, Mapping) else item for name, item in vars(value).items()}


def _from_json(stored: dict[str, Any]) -> Calibration:
    if stored["schema"] != SCHEMA:
        raise ValueError(f"the schema is {stored['schema']!r}, not {SCHEMA!r}")
    steps = {name: Step(**step) for name, step in stored["steps"].items() if name in STEPS}
    check = stored["last_check"]
    made = Calibration(stored["hardware_id"], stored["counter"], steps, None if check is None else SelfCheck(**check))
    _tried(made)
    for step in steps.values():
        datetime.fromisoformat(step.made_at)
    return made


def _tried(calibration: Calibration) -> object:
    """All that a capture will ask of it: a damaged file is found now."""
    picture = calibration.corrected(np.zeros((8, 8, 3), np.uint8))
    return calibration.settings, calibration.mm_per_pixel, calibration.summary(), picture


def _stretched(grid: NDArray[np.float32], shape: tuple[int, ...]) -> Light:
    """A coarse grid of gains, R×C×3, as large as a picture (bilinear)."""
    size = (shape[1], shape[0])
    planes = [
        Image.fromarray(np.ascontiguousarray(grid[..., i])).resize(size, Image.Resampling.BILINEAR) for i in range(3)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)
