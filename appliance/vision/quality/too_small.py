"""The lesion is too small in the picture, or the camera too far away.

Value: evidence from 0 to 1, out of the measures of the view and the network's features; refused above the limit. A
lesion that stands out plainly in the middle is evidence enough by its diameter alone, where that is under about a
seventh of the view's side. Where the scale is known, the diameter in mm of a circle of the lesion's area instead;
refused below the limit in mm.
"""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.quality.evidence import verdict
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "too_small"
ADVICE: Final = ("advice.too_small",)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Evidence, or diameter where the scale is known. Where nothing stands out the skin is normal, not too small."""
    if scene.side_mm is None:
        return verdict(ID, ADVICE[0], scene, limits)
    found = scene.lesion.box is not None
    value = scene.lesion.diameter(scene.side_mm) if found else scene.side_mm
    return Check(ID, value >= limits.too_small_mm, value, limits.too_small_mm, ADVICE[0])
