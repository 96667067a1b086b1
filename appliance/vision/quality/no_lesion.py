"""Nothing to look at in the middle: it holds neither skin nor anything that skin surrounds.

Value: share of the middle that belongs to the largest region of skin colour or is enclosed by it. Refused below the
limit. Plain skin without any lesion passes: normal skin is one of the eight classes. Where that region is smaller than
skin must be (``not_skin``), the picture shows no skin anywhere: a few specks have its colour, and the advice says so.
"""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.colour import share
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "no_lesion"
ADVICE: Final = ("advice.no_lesion", "advice.not_skin")


def check(scene: Scene, limits: GateLimits) -> Check:
    """Share of the middle that is skin or surrounded by it."""
    value = scene.in_the_middle(scene.body)
    advice = ADVICE[share(scene.body) < limits.not_skin]
    return Check(ID, value >= limits.no_lesion, value, limits.no_lesion, advice)
