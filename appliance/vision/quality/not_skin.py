"""No skin in the picture: paper, metal, cloth, leaves, sky.

Value: share of pixels between magenta and yellow (CIELAB a* > 0, b* > −a*, chroma over 5): blood under any melanin.
Refused below the limit, which is low on purpose: it lets every tone of skin pass.
"""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.colour import share
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "not_skin"
ADVICE: Final = ("advice.not_skin",)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Skin share of the view."""
    value = share(scene.skin)
    return Check(ID, value >= limits.not_skin, value, limits.not_skin, ADVICE[0])
