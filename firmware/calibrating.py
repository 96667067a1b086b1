"""The steps of the calibration. Each looks at a card, checks that it converged, and gives what it found.

They change nothing by themselves: whoever leads through them keeps the calibration (:mod:`firmware.calibration`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware import card
from firmware.calibration import Calibration, SelfCheck, StepName
from firmware.colour import Colours, delta_e_2000
from firmware.devices import CaptureSettings, Frame, Light
from firmware.errors import (
    CalibrationDrifted,
    CalibrationImpossible,
    CalibrationUnconverged,
    CardUneven,
    ReferenceUnseen,
    RoomTooBright,
)
from firmware.frames import Frames
from firmware.linear import Light as LinearLight
from firmware.linear import to_light

GREY_TARGET: Final = 0.17
"""Light of the grey card's middle in a frame: white paper then stays below what clips."""
CLOSE: Final = 0.01
"""A step has converged when its next correction would be smaller, share."""
TURNS_AT_MOST: Final = 8
SHORTEST_US: Final = 100.0
LONGEST_US: Final = 20_000.0
"""A longer exposure would show the hand's tremor."""
GAIN_AT_MOST: Final = 8.0
ROOM_LIMIT: Final = 0.03
"""Share of the light that may be the room's while the box is calibrated."""
GRID: Final = (18, 24)
"""Rows and columns of the flat field."""
FLAT_FRAMES: Final = 4
CARD_FRAMES: Final = 3
FLAT_GAINS: Final = (0.5, 3.0)
UNEVEN_AT_MOST: Final = 0.03
"""What is left of the shading after it was corrected, share."""
BEND_AT_MOST: Final = 0.03
"""Of the flat field from cell to cell, share (second difference): light falls off smoothly, a blot does not."""
DELTA_E_MEAN: Final = 3.0
DELTA_E_WORST: Final = 8.0
DARK_WEIGHT: Final = 0.05
"""Of light, added where errors are weighed: eyes judge by ratios, but not in the black."""
DRIFT_DELTA_E: Final = 2.0
CAP_UNEVEN: Final = 0.1
"""Share by which a cell may differ from the middle where the grey cap is seen: skin and a room differ by more."""
CAP_LEVELS: Final = (0.5, 2.0)
"""Its light by what it was: a ring that lost half of it says so as a black picture does."""
REPEATS: Final = 20
Found = tuple[dict[str, Any], dict[str, float]]
"""Values and checks of a step."""


@dataclass(frozen=True)
class Bench:
    """What the steps work with. Nothing else may use the camera meanwhile."""

    frames: Frames
    light: Light

    @contextmanager
    def lit(self) -> Iterator[None]:
        """Under the ring light, which is off afterwards, and the camera chooses for itself again."""
        try:
            self.light.on()
            yield
        finally:
            self.light.off()
            self.frames.camera.lock(None, self.frames.timeout_s)

    def middle(self, settings: CaptureSettings) -> tuple[NDArray[np.float64], Frame]:
        """Mean light of the middle of a frame taken with ``settings``, 3 numbers, and the frame."""
        frame = self.frames.locked(settings)
        return _middle(to_light(frame.pixels)), frame

    def mean(self, settings: CaptureSettings, count: int) -> LinearLight:
        """Mean light of ``count`` full frames, H×W×3."""
        self.frames.locked(settings)
        total = sum(to_light(self.frames.captured(settings).pixels).astype(np.float64) for _ in range(count))
        return np.asarray(total / count, np.float32)


def exposure(bench: Bench, calibration: Calibration) -> Found:
    """Exposure and gain that put the grey card at :data:`GREY_TARGET`. Raises :class:`CalibrationUnconverged`."""
    del calibration  # the first step stands on nothing
    settings = bench.frames.preview().settings
    if settings is None:
        raise CalibrationImpossible("the camera tells no exposure")
    settings = CaptureSettings(8000.0, 1.0, settings.colour_gains)
    with bench.lit():
        for _ in range(TURNS_AT_MOST):
            middle, frame = bench.middle(settings)
            ratio = GREY_TARGET / max(float(middle[1]), 1e-4)
            if abs(ratio - 1) < CLOSE:
                break
            settings = _brighter(frame.settings or settings, ratio)
        else:
            raise CalibrationUnconverged(f"the grey card stays at {middle[1]:.3f}, not {GREY_TARGET}", step="exposure")
    room = _room_share(bench, settings, float(middle[1]))
    values = {"exposure_us": settings.exposure_us, "analogue_gain": settings.analogue_gain}
    return values, {"grey": round(float(middle[1]), 4), "room_share": round(room, 4)}


def white_balance(bench: Bench, calibration: Calibration) -> Found:
    """Colour gains under which the grey card has no colour. Raises :class:`CalibrationUnconverged`."""
    values = calibration.steps["exposure"].values
    red, blue = (bench.frames.preview().settings or _impossible()).colour_gains
    with bench.lit():
        for _ in range(TURNS_AT_MOST):
            middle, _ = bench.middle(CaptureSettings(values["exposure_us"], values["analogue_gain"], (red, blue)))
            cast = middle[1] / np.maximum(middle, 1e-4)
            if max(abs(cast - 1)) < CLOSE:
                break
            red, blue = float(np.clip(red * cast[0], 0.1, 16)), float(np.clip(blue * cast[2], 0.1, 16))
        else:
            raise CalibrationUnconverged(f"the grey card stays {np.round(middle, 3)}", step="white_balance")
    return {"colour_gains": [red, blue]}, {"cast": round(float(max(abs(cast - 1))), 4)}


def flat_field(bench: Bench, calibration: Calibration) -> Found:
    """Gains that make the grey card even. Raises :class:`CardUneven`, :class:`CalibrationUnconverged`."""
    settings = calibration.settings or _impossible()
    with bench.lit():
        grid = _grid(bench.mean(settings, FLAT_FRAMES))
        gains = _middle(grid) / np.maximum(grid, 1e-4)  # a black cell is refused as uneven
        _refuse_uneven(gains)
        trial = calibration.with_step("flat_field", "", {"gains": gains.tolist()}, {})
        left = _grid(trial.evened(bench.mean(settings, 1)))
    uneven = float(np.max(abs(left / left.mean(axis=(0, 1)) - 1)))
    if uneven > UNEVEN_AT_MOST:
        raise CalibrationUnconverged(f"{uneven:.3f} of the shading is left", step="flat_field")
    values = {"gains": np.round(gains, 4).tolist(), "grey": _middle(left).tolist()}
    return values, {"uneven": round(uneven, 4), "corner_gain": round(float(gains.max()), 3)}


def colour(bench: Bench, calibration: Calibration) -> Found:
    """The 3×3 matrix that brings the 24 patches nearest to their colours. Raises :class:`CalibrationUnconverged`."""
    patches, _ = _read_card(bench, calibration.with_step("flat_field", "", calibration.steps["flat_field"].values, {}))
    wanted = card.reference()
    matrix = _fitted(patches, wanted)
    corrected = np.clip(patches @ matrix.T, 0, 1)
    before, after = delta_e_2000(patches, wanted), delta_e_2000(corrected, wanted)
    if after.mean() > DELTA_E_MEAN or after.max() > DELTA_E_WORST:
        raise CalibrationUnconverged(f"ΔE stays at {after.mean():.1f}, worst {after.max():.1f}", step="colour")
    checks = {
        "delta_e_before": round(float(before.mean()), 2),
        "delta_e_after": round(float(after.mean()), 2),
        "delta_e_worst": round(float(after.max()), 2),
    }
    return {"matrix": np.round(matrix, 5).tolist(), "patches": np.round(corrected, 5).tolist()}, checks


def scale(bench: Bench, calibration: Calibration) -> Found:
    """Millimetres per pixel of a full frame, from the card's corner marks. Raises :class:`CalibrationUnconverged`."""
    found = [_read_card(bench, calibration, frames=1)[1] for _ in range(2)]
    spread = abs(found[0] / found[1] - 1)
    if spread > CLOSE:
        raise CalibrationUnconverged(f"the card moves: {found}", step="scale")
    return {"mm_per_pixel": round(sum(found) / len(found), 6)}, {"spread": round(spread, 5)}


PROCEDURE: Final[dict[StepName, Callable[[Bench, Calibration], Found]]] = {
    "exposure": exposure,
    "white_balance": white_balance,
    "flat_field": flat_field,
    "colour": colour,
    "scale": scale,
}
GREY_STEPS: Final[tuple[StepName, ...]] = ("exposure", "white_balance", "flat_field")
"""Steps that look at the grey card; the others look at the one with 24 patches."""


def calibrated(bench: Bench, calibration: Calibration, name: StepName, now: datetime) -> Calibration:
    """``calibration`` with the step ``name`` done. Raises :class:`firmware.errors.CalibrationError` and others."""
    values, checks = PROCEDURE[name](bench, calibration)
    return calibration.with_step(name, now.isoformat(), values, checks)


def self_check(bench: Bench, calibration: Calibration, now: datetime) -> Calibration:
    """``calibration`` with a fresh look at the 24 patches in it; :func:`refuse_drift` raises the alarm."""
    patches, _ = _read_card(bench, calibration)
    seen = np.clip(calibration.coloured(patches), 0, 1)
    return _checked(calibration, seen, np.array(calibration.steps["colour"].values["patches"], np.float32), now)


def self_check_grey(bench: Bench, calibration: Calibration, now: datetime) -> Calibration:
    """The same with the grey card or the cup's grey cap, the ring's own reference: nobody need be there.

    Blind to single colours. Raises :class:`ReferenceUnseen`: a cap that is not on the cup is no drift.
    """
    settings = calibration.settings or _impossible()
    with bench.lit():
        grid = _grid(calibration.evened(bench.mean(settings, 1)))
    known = np.array([calibration.steps["flat_field"].values["grey"]], np.float32)
    grey = _middle(grid)
    _refuse_anything_else(grid / np.maximum(grey, 1e-6), float(grey[1] / known[0, 1]))
    return _checked(calibration, grey[None].astype(np.float32), known, now)


def refuse_drift(calibration: Calibration) -> float:
    """ΔE that the last self-check saw.

    Raises :class:`CalibrationDrifted` where that is a drift, :class:`CalibrationImpossible` where there was no look.
    """
    check = calibration.last_check
    if check is None:
        raise CalibrationImpossible("there was no self-check")
    if check.drifted:
        raise CalibrationDrifted(f"ΔE {check.delta_e} since the calibration", delta_e=f"{check.delta_e:.1f}")
    return check.delta_e


def spread(bench: Bench, calibration: Calibration, repeats: int = REPEATS) -> NDArray[np.float64]:
    """The same card many times: CIEDE2000 of each patch from its mean over all times, repeats×24."""
    looks = np.array([calibration.coloured(_read_card(bench, calibration, frames=1)[0]) for _ in range(repeats)])
    mean = looks.mean(axis=0)
    return np.array([delta_e_2000(look, mean) for look in looks])


def _checked(calibration: Calibration, seen: Colours, known: Colours, now: datetime) -> Calibration:
    delta_e = round(float(delta_e_2000(seen, known).mean()), 2)
    return replace(calibration, last_check=SelfCheck(now.isoformat(), delta_e, drifted=delta_e > DRIFT_DELTA_E))


def _read_card(bench: Bench, calibration: Calibration, frames: int = CARD_FRAMES) -> tuple[Colours, float]:
    """Patches without shading, not yet in the card's colours, and mm per pixel."""
    settings = calibration.settings or _impossible()
    with bench.lit():
        return card.read(calibration.evened(bench.mean(settings, frames)))


def _brighter(settings: CaptureSettings, ratio: float) -> CaptureSettings:
    """More or less light; gain comes in where the exposure would be too long for a hand."""
    wanted = settings.gathered * ratio
    exposure_us = float(np.clip(wanted, SHORTEST_US, LONGEST_US))
    return replace(
        settings, exposure_us=exposure_us, analogue_gain=float(np.clip(wanted / exposure_us, 1.0, GAIN_AT_MOST))
    )


def _room_share(bench: Bench, settings: CaptureSettings, lit: float) -> float:
    """The room's share of the grey card's light. Raises :class:`RoomTooBright`."""
    try:
        dark, _ = bench.middle(settings)
    finally:
        bench.frames.camera.lock(None, bench.frames.timeout_s)
    share = float(dark[1]) / lit
    if share > ROOM_LIMIT:
        raise RoomTooBright(f"{share:.3f} of the light", share=f"{share:.0%}", limit=f"{ROOM_LIMIT:.0%}")
    return share


def _grid(light: LinearLight) -> NDArray[np.float64]:
    """Means of the cells of :data:`GRID`, R×C×3; a remainder at the edges is left out."""
    rows, columns = light.shape[0] // GRID[0], light.shape[1] // GRID[1]
    cells = light[: rows * GRID[0], : columns * GRID[1]].reshape(GRID[0], rows, GRID[1], columns, 3)
    return np.asarray(cells.mean(axis=(1, 3), dtype=np.float64))


def _middle(light: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of the middle ninth, 3 numbers."""
    rows, columns = light.shape[0], light.shape[1]
    part = light[rows // 3 : rows - rows // 3, columns // 3 : columns - columns // 3]
    return np.asarray(part.mean(axis=(0, 1), dtype=np.float64))


def _refuse_uneven(gains: NDArray[np.float64]) -> None:
    bend = max(float(abs(np.diff(np.log(gains), n=2, axis=axis)).max()) for axis in (0, 1))
    if bend > BEND_AT_MOST or gains.min() < FLAT_GAINS[0] or gains.max() > FLAT_GAINS[1]:
        raise CardUneven(f"gains {gains.min():.2f} … {gains.max():.2f}, bend {bend:.3f}")


def _refuse_anything_else(evenness: NDArray[np.float64], level: float) -> None:
    uneven = float(abs(evenness - 1).max())
    if uneven > CAP_UNEVEN or not CAP_LEVELS[0] < level < CAP_LEVELS[1]:
        raise ReferenceUnseen(f"uneven by {uneven:.2f}, {level:.2f} of the light of the calibration")


def _fitted(patches: Colours, wanted: Colours) -> NDArray[np.float32]:
    """Least squares over the patches, each weighed by the inverse of its own light: an eye judges by ratios."""
    weights = 1 / (wanted.mean(axis=1, keepdims=True) + DARK_WEIGHT)
    solved = np.linalg.lstsq(patches * weights, wanted * weights, rcond=None)[0]
    return np.asarray(solved.T, np.float32)


def _impossible() -> Any:
    raise CalibrationImpossible("exposure and white balance come first")
