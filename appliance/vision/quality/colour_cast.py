"""The light or the white balance is coloured: nothing has the hue of skin.

Value: the chroma of the picture's median colour less what of it lies along the hue of skin (CIELAB hue angle 50°), in
CIELAB units. Refused above the limit. A pale greyish picture is not refused for a hue that nobody sees; red or orange
skin, which is near that hue, has a small value, and blue and green have up to twice their chroma.
"""

from typing import Final

import numpy as np

from appliance.vision.assessment import Check
from appliance.vision.colour import median
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "colour_cast"
ADVICE: Final = ("advice.colour_cast",)
SKIN_HUE: Final = 50.0


def check(scene: Scene, limits: GateLimits) -> Check:
    """Chroma of the median colour that is not that of skin."""
    _, a, b = median(scene.colours)
    along = a * np.cos(np.radians(SKIN_HUE)) + b * np.sin(np.radians(SKIN_HUE))
    value = float(np.hypot(a, b) - along)
    return Check(ID, value <= limits.colour_cast, value, limits.colour_cast, ADVICE[0])
