"""Ink, dye (gentian violet, iodine), cream or a plaster on the skin.

Value: evidence from 0 to 1, out of the measures of the view and the network's features. Refused above the limit.
"""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.quality.evidence import verdict
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "residue"
ADVICE: Final = ("advice.residue",)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Evidence of residue."""
    return verdict(ID, ADVICE[0], scene, limits)
