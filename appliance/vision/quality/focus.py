"""Out of focus: the fine structure is missing while the coarser one is there.

Value: contrast finer than 1.5 px over contrast between 1.5 and 6 px (no unit). Refused below the limit.
"""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "focus"
ADVICE: Final = ("advice.focus",)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Sharpness of the view."""
    return Check(ID, scene.sharpness >= limits.focus, scene.sharpness, limits.focus, ADVICE[0])
