"""Light from one side: one edge of the picture is far darker than the other.

Value: the fall of brightness across the picture along its steepest direction, in stops (log2 of luminance; a plane
fitted to the middles of 5×5 fields), times the share of the differences which that plane explains, so that a dark
background behind a limb counts less than a shadow over skin. Refused above the limit.
"""

from typing import Final

import numpy as np

from appliance.vision.assessment import Check
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "uneven_light"
ADVICE: Final = ("advice.uneven_light",)
FIELDS: Final = 5
BLACK: Final = 0.004
"""Linear luminance added, so that black is not infinitely dark."""
LUMINANCE: Final = (0.2126, 0.7152, 0.0722)


def check(scene: Scene, limits: GateLimits) -> Check:
    """Fall of brightness across the view, in stops."""
    value = fall(scene)
    return Check(ID, value <= limits.uneven_light, value, limits.uneven_light, ADVICE[0])


def fall(scene: Scene) -> float:
    """Stops from one edge to the other along the steepest direction, weighted by how well a plane fits."""
    stops = np.log2(scene.half_light @ np.array(LUMINANCE, np.float32) + BLACK)
    size = len(stops) // FIELDS
    fields = stops[: size * FIELDS, : size * FIELDS].reshape(FIELDS, size, FIELDS, size).mean(axis=(1, 3))
    axis = np.linspace(-1, 1, FIELDS)
    centred = fields - fields.mean()
    slopes = np.array([(centred * axis[:, None]).sum(), (centred * axis[None, :]).sum()]) / (FIELDS * (axis**2).sum())
    explained = FIELDS * float((axis**2).sum() * (slopes**2).sum())
    total = float((centred**2).sum())
    return 2 * float(np.hypot(*slopes)) * (explained / total if total else 0.0)
