"""Nothing to look at in the middle: it holds neither skin nor anything that skin surrounds.

Value: share of the middle that belongs to the largest region of skin colour or is enclosed by it. Refused below the
limit. Plain skin without any lesion passes: normal skin is one of the eight classes.
"""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "no_lesion"
ADVICE: Final = ("advice.no_lesion",)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Share of the middle that is skin or surrounded by it."""
    value = scene.in_the_middle(scene.body)
    return Check(ID, value >= limits.no_lesion, value, limits.no_lesion, ADVICE[0])
