"""The light or the white balance is coloured: nothing has the hue of skin.

Value: how far the picture's median colour lies from the hue of skin (CIELAB hue angle 50°), across that hue, in CIELAB
units; 0 where there is no colour at all. Refused above the limit. So a pale greyish picture is not refused for a hue
that nobody sees.
"""

from typing import Final

import numpy as np

from appliance.vision.assessment import Check
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "colour_cast"
ADVICE: Final = ("advice.colour_cast",)
SKIN_HUE: Final = 50.0


def check(scene: Scene, limits: GateLimits) -> Check:
    """Distance of the median colour from the hue of skin."""
    _, a, b = np.median(scene.colours.reshape(-1, 3), axis=0)
    away = abs((np.degrees(np.arctan2(b, a)) - SKIN_HUE + 180) % 360 - 180)
    value = float(np.hypot(a, b) * np.sin(np.radians(min(away, 90.0))))
    return Check(ID, value <= limits.colour_cast, value, limits.colour_cast, ADVICE[0])
