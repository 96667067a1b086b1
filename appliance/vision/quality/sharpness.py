"""How sharp a picture is: the fine contrast by the coarser one, so that a plain subject is not called blurred."""

from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from appliance.vision.quality.morphology import Bytes

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
    coarse = np.subtract(every_other, _smoothed(every_other, FURTHER_PX / 2), dtype=np.float32)
    return float(np.subtract(grey, smooth, dtype=np.float32).std() / (coarse.std() + FLOOR))


def _smoothed(grey: Bytes, radius: float) -> Bytes:
    return np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(radius)))
