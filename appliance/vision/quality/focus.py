"""Out of focus, or moved: the fine structure is missing while the coarser one is there."""

from typing import Final

import numpy as np
from scipy import ndimage

from appliance.vision.assessment import Check
from appliance.vision.photo import Pixels

FINE_PX: Final = 1.5
COARSE_PX: Final = 6.0
FLOOR: Final = 1.0
"""Grey levels added to the coarse contrast, so that bare even skin is not divided by nearly nothing."""
LIMIT: Final = 0.27
"""``dermkiosk-train gate`` prints how many sharp and blurred photographs fall below it."""
LUMA: Final = (0.299, 0.587, 0.114)


def sharpness(view: Pixels) -> float:
    """Contrast finer than 1.5 px over contrast between 1.5 and 6 px (standard deviations, dimensionless).

    A ratio, so that a smooth palm is not called blurred for having little contrast of any kind.
    """
    grey = view.astype(np.float32) @ np.array(LUMA, np.float32)
    smooth = ndimage.gaussian_filter(grey, FINE_PX)
    coarse = smooth - ndimage.gaussian_filter(grey, COARSE_PX)
    return float((grey - smooth).std() / (coarse.std() + FLOOR))


def check(view: Pixels) -> Check:
    """Sharpness of the network's view (uint8 RGB, 299×299×3)."""
    value = sharpness(view)
    return Check("focus", value >= LIMIT, value, LIMIT, "advice.focus")
