"""The verdict that the four exclusion cases share: evidence from 0 to 1, refused above one half."""

from appliance.vision.assessment import Check
from appliance.vision.quality.limits import EVIDENCE_LIMIT, GateLimits
from appliance.vision.quality.scene import Scene


def verdict(name: str, advice: str, scene: Scene, limits: GateLimits) -> Check:
    """The check ``name`` of ``limits.exclusions``."""
    value = limits.exclusions[name].score(scene.measures, scene.features)
    return Check(name, value <= EVIDENCE_LIMIT, value, EVIDENCE_LIMIT, advice)
