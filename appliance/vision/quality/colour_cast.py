"""The light or the white balance is coloured: nothing has the hue of skin.

Value: how far the picture's median hue lies from that of skin (CIELAB hue angle 50°), in degrees; 0 where there is no
colour at all. Refused above the limit.
"""

from typing import Final

import numpy as np

from appliance.vision.assessment import Check
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "colour_cast"
ADVICE: Final = ("advice.colour_cast",)
SKIN_HUE: Final = 50.0
MIN_CHROMA: Final = 4.0
"""Below it a hue is noise."""


def check(scene: Scene, limits: GateLimits) -> Check:
    """Hue of the median colour."""
    _, a, b = np.median(scene.colours.reshape(-1, 3), axis=0)
    away = abs((np.degrees(np.arctan2(b, a)) - SKIN_HUE + 180) % 360 - 180)
    value = float(away) if np.hypot(a, b) >= MIN_CHROMA else 0.0
    return Check(ID, value <= limits.colour_cast, value, limits.colour_cast, ADVICE[0])
