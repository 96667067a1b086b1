"""Too dark or too bright to show colour, where it matters: in the lesion and the skin around it.

Value: share of the middle of the picture that is black (brightest channel under 40 of 255) or burnt out (two channels
at 250 or more). Refused above the limit. A dark background does not count; well exposed skin of any tone is lighter.
"""

from typing import Final

import numpy as np

from appliance.vision.assessment import Check
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "exposure"
ADVICE: Final = ("advice.exposure_dark", "advice.exposure_bright")
DARK: Final = 40
BRIGHT: Final = 250
BURNT_WEIGHT: Final = 10.0
"""Burnt skin is rarer in good photographs than black shade is: one per cent of it counts as ten per cent of shade."""


def check(scene: Scene, limits: GateLimits) -> Check:
    """Share of the middle that is clipped."""
    red, green, blue = np.ascontiguousarray(scene.planes[:, :-1:2, :-1:2])
    dark = scene.in_the_middle(np.maximum(np.maximum(red, green), blue) < DARK)
    second = np.maximum(np.minimum(red, green), np.minimum(np.maximum(red, green), blue))
    burnt = min(1.0, BURNT_WEIGHT * scene.in_the_middle(second >= BRIGHT))
    value = max(dark, burnt)
    advice = ADVICE[0] if dark >= burnt else ADVICE[1]
    return Check(ID, value <= limits.exposure, value, limits.exposure, advice)
