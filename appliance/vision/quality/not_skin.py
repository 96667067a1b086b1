"""No skin in the picture: paper, metal, cloth, leaves, sky."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.assessment import Check
from appliance.vision.photo import Pixels

MIN_CHROMA: Final = 5.0
LIMIT: Final = 0.1
"""Low on purpose: a first check that stops what is plainly not skin and lets every tone of skin pass."""
_TO_XYZ: Final = ((0.4339, 0.3762, 0.1899), (0.2126, 0.7152, 0.0722), (0.0178, 0.1095, 0.8727))
"""Linear sRGB to XYZ (IEC 61966-2-1), each row divided by the D65 white."""


def skin_share(view: Pixels) -> float:
    """Share of pixels between magenta and yellow (CIELAB a* > 0, b* > −a*, chroma over 5): blood under any melanin."""
    a, b = _lab_ab(view)
    return float(((a > 0) & (b > -a) & (np.hypot(a, b) > MIN_CHROMA)).mean())


def check(view: Pixels) -> Check:
    """Skin share of the network's view (uint8 RGB, 299×299×3)."""
    value = skin_share(view)
    return Check("not_skin", value >= LIMIT, value, LIMIT, "advice.not_skin")


def _lab_ab(view: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """CIELAB a* and b* (CIE 15:2004) of sRGB pixels."""
    encoded = np.arange(256, dtype=np.float32) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)
    xyz = linear[view] @ np.array(_TO_XYZ, np.float32).T
    curve = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return 500 * (curve[..., 0] - curve[..., 1]), 200 * (curve[..., 1] - curve[..., 2])
