"""The light or the white balance is coloured, so that skin does not look like skin.

Value: evidence of a coloured lamp, about 0 without and 1 with one, out of seven numbers of the whole picture: the hue
of its median, of its brightest twentieth and of its shades of grey (Finlayson & Trezzi 2004), each as the logarithms of
red over green and of green over blue, and how bright it is. Which of these go together in photographs, and which only
under a coloured lamp, is learned. Refused above the limit.
"""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.colour import halved
from appliance.vision.quality.lamp import colours
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "colour_cast"
ADVICE: Final = ("advice.colour_cast",)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Evidence of a coloured lamp."""
    value = limits.lamp.evidence(colours(halved(scene.half_light)))
    return Check(ID, value <= limits.colour_cast, value, limits.colour_cast, ADVICE[0])
