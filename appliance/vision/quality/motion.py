"""Moved while the shutter was open: along one direction the fine structure is gone, across it it is there.

Value: the energy of fine contrast (spatial frequencies of 0.06 to 0.25 per px) in the direction that has least of it,
by that in the direction that has most (no unit; twelve directions, two neighbours together). Refused below the limit.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from appliance.vision.assessment import Check
from appliance.vision.colour import Floats
from appliance.vision.morphology import Bytes
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "motion"
ADVICE: Final = ("advice.motion",)
SIDE_PX: Final = 288
"""Of the middle that is looked at: a size whose Fourier transform is quick."""
FINE: Final = (0.06, 0.25)
DIRECTIONS: Final = 12


def steadiness(grey: Bytes) -> float:
    """Least by most energy over the directions; 1 where there is no structure at all."""
    cut = (len(grey) - SIDE_PX) // 2
    middle = grey[cut : cut + SIDE_PX, cut : cut + SIDE_PX].astype(np.float32)
    direction, weight = _fine()
    rows = fft.rfft((middle - middle.mean()) * _window(), axis=1)
    spectrum = fft.fft(rows[:, : weight.shape[1]], axis=0)  # what is finer across is not asked for
    energy = (np.square(spectrum.real) + np.square(spectrum.imag)) * weight
    each = np.bincount(direction, energy.ravel(), DIRECTIONS)
    pairs = each + np.roll(each, 1)
    return float(pairs.min() / pairs.max()) if pairs.max() else 1.0


def check(scene: Scene, limits: GateLimits) -> Check:
    """Steadiness of the view. What is out of focus altogether is left to that check: one thing to do, not two."""
    value = steadiness(scene.grey)
    blurred = scene.sharpness < limits.focus
    return Check(ID, value >= limits.motion or blurred, value, limits.motion, ADVICE[0])


@cache
def _window() -> Floats:
    side = np.hanning(SIDE_PX).astype(np.float32)
    return np.asarray(np.outer(side, side), np.float32)


@cache
def _fine() -> tuple[NDArray[np.int64], Floats]:
    """The direction and the square of the frequency, 0 where not fine, of the spectrum that is fine across."""
    down, across = np.fft.fftfreq(SIDE_PX)[:, None], np.fft.rfftfreq(SIDE_PX)[None, :]
    across = across[across < FINE[1]]
    frequency = np.hypot(down, across)
    fine = (frequency > FINE[0]) & (frequency < FINE[1])
    direction = (np.mod(np.arctan2(down, across), np.pi) / np.pi * DIRECTIONS).astype(np.int64) % DIRECTIONS
    return direction.ravel(), np.where(fine, np.square(frequency), 0).astype(np.float32)
