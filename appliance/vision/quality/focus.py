"""Out of focus: the fine structure is missing while the coarser one is there.

Value: contrast finer than 1.5 px over contrast between 1.5 and 6 px (no unit). Refused below the limit.
"""

from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from appliance.vision.assessment import Check
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.morphology import Bytes
from appliance.vision.quality.scene import Scene

ID: Final = "focus"
ADVICE: Final = ("advice.focus",)
FINE_PX: Final = 1.5
COARSE_PX: Final = 6.0
FLOOR: Final = 1.0
"""Grey levels added to the coarse contrast, so that bare even skin is not divided by nearly nothing."""


def sharpness(grey: Bytes) -> float:
    """A ratio, so that a smooth palm is not called blurred for having little contrast of any kind."""
    smooth = _smoothed(grey, FINE_PX)
    coarse = smooth - _smoothed(grey, COARSE_PX)
    return float((grey - smooth).std() / (coarse.std() + FLOOR))


def check(scene: Scene, limits: GateLimits) -> Check:
    """Sharpness of the view."""
    value = sharpness(scene.grey)
    return Check(ID, value >= limits.focus, value, limits.focus, ADVICE[0])


def _smoothed(grey: Bytes, radius: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(radius)), np.float32)
