"""Wet, bleeding or crusted: what is seen is fluid and its reflections, not the lesion.

Value: evidence from 0 to 1, out of the measures of the view and the network's features. Refused above the limit.
"""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.quality.evidence import verdict
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "exudate"
ADVICE: Final = ("advice.exudate",)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Evidence of exudate."""
    return verdict(ID, ADVICE[0], scene, limits)
