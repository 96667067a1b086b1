"""Moved while the shutter was open: in one direction neighbouring pixels hardly differ, though farther ones do.

Value: the smallest, over four directions, of the difference over 2 px by the difference over 12 px (root mean
squares, no unit). Refused below the limit. Hairs or skin lines that lie in one direction do not lower it, since they
lower both.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.assessment import Check
from appliance.vision.quality.focus import sharpness
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "motion"
ADVICE: Final = ("advice.motion",)
NEAR_PX: Final = 2
FAR_PX: Final = 12
FLOOR: Final = 1.0
"""Grey levels added to the far difference, so that even skin is not divided by nearly nothing."""
DIAGONAL: Final = 3 / 4
"""A diagonal step is longer: 9 diagonal steps are about 12 px."""


def steadiness(grey: NDArray[np.floating]) -> float:
    """The smallest ratio of near to far differences over the four directions."""
    straight = [_ratio(grey, direction, FAR_PX) for direction in ((0, 1), (1, 0))]
    diagonal = [_ratio(grey, direction, round(FAR_PX * DIAGONAL)) for direction in ((1, 1), (1, -1))]
    return min(straight + diagonal)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Steadiness of the view. What is out of focus altogether is left to that check: one thing to do, not two."""
    value = steadiness(scene.grey.astype(np.float32))
    blurred = sharpness(scene.grey) < limits.focus
    return Check(ID, value >= limits.motion or blurred, value, limits.motion, ADVICE[0])


def _ratio(grey: NDArray[np.floating], direction: tuple[int, int], far: int) -> float:
    return _difference(grey, direction, NEAR_PX) / (_difference(grey, direction, far) + FLOOR)


def _difference(grey: NDArray[np.floating], direction: tuple[int, int], steps: int) -> float:
    """Root mean square of the difference between pixels ``steps`` apart in ``direction`` (down, right)."""
    down, right = direction[0] * steps, direction[1] * steps
    height, width = grey.shape
    from_ = grey[: height - down, max(0, -right) : width - max(0, right)]
    to = grey[down:, max(0, right) : width + min(0, right)]
    return float(np.sqrt(np.square(to - from_).mean()))
