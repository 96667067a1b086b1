"""The lesion is too small in the picture, or the camera too far away.

Value: evidence from 0 to 1, out of the measures of the view and the network's features; refused above the limit. A
lesion that stands out plainly in the middle and is smaller across than a share of the view's side makes it 1. Where the
scale is known, the diameter in mm of a circle of the lesion's area instead; refused below the limit in mm.
"""

from dataclasses import replace
from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.lesion import Lesion
from appliance.vision.quality.evidence import verdict
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "too_small"
ADVICE: Final = ("advice.too_small",)
PLAIN_CONTRAST: Final = 5.0
"""Weighted ΔE from which on a lesion is no mottling of the skin; on dark skin a pigmented one has hardly more."""
OFF_MIDDLE: Final = 0.25
"""Of the view's side, from its middle to that of the lesion; at the rim it is a ring, a nail, or no skin at all."""


def check(scene: Scene, limits: GateLimits) -> Check:
    """Evidence, or diameter where the scale is known. Where nothing stands out the skin is normal, not too small."""
    if scene.side_mm is None:
        judged = verdict(ID, ADVICE[0], scene, limits)
        tiny = is_tiny(scene.lesion, limits.too_small_share)
        return replace(judged, ok=False, value=1.0) if tiny else judged
    found = scene.lesion.box is not None
    value = scene.lesion.diameter(scene.side_mm) if found else scene.side_mm
    return Check(ID, value >= limits.too_small_mm, value, limits.too_small_mm, ADVICE[0])


def is_tiny(lesion: Lesion, least: float) -> bool:
    """Whether it stands out plainly in the middle, and its diameter is below ``least`` (share of the view's side)."""
    if lesion.box is None or lesion.contrast < PLAIN_CONTRAST:
        return False
    left, top, right, bottom = lesion.box
    off = max(abs(left + right - 1), abs(top + bottom - 1)) / 2
    return off < OFF_MIDDLE and lesion.diameter(1.0) < least
