"""How sharp a picture is: the fine contrast by the coarser one, so that a plain subject is not called blurred."""

from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from appliance.vision.morphology import Bytes

FINE_PX: Final = 1.5
COARSE_PX: Final = 6.0
FURTHER_PX: Final = (COARSE_PX**2 - FINE_PX**2) ** 0.5
"""What makes the coarser blur of the finer one."""
FLOOR: Final = 1.0
"""Grey levels added to the coarse contrast, so that bare even skin is not divided by nearly nothing."""


def sharpness(grey: Bytes) -> float:
    """A ratio (no unit), so that a smooth palm (uint8, H×W) is not called blurred for having little contrast."""
    smooth = _smoothed(grey, FINE_PX)
    every_other = np.ascontiguousarray(smooth[::2, ::2])  # nothing finer is left in it
    coarse = _smoothed(every_other, FURTHER_PX / 2)
    return _spread(grey, smooth) / (_spread(every_other, coarse) + FLOOR)


def _spread(picture: Bytes, smooth: Bytes) -> float:
    """Standard deviation of the difference, in grey levels: the quick formula, exact enough for whole numbers."""
    difference = np.subtract(picture, smooth, dtype=np.float32).ravel()
    variance = np.vdot(difference, difference) / len(difference) - difference.mean() ** 2
    return float(np.sqrt(np.maximum(variance, 0)))


def _smoothed(grey: Bytes, radius: float) -> Bytes:
    return np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(radius)))
