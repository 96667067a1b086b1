"""All checks of the gate, in the order in which a person would mend what they object to."""

from collections.abc import Callable
from types import ModuleType
from typing import Final

from appliance.vision.assessment import Check, Quality
from appliance.vision.photo import Pixels
from appliance.vision.quality import (
    colour_cast,
    exposure,
    exudate,
    focus,
    hair,
    measures,
    motion,
    no_lesion,
    not_skin,
    residue,
    too_small,
    uneven_light,
)
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene
from appliance.vision.runtime import Outputs

CHECKS: Final[tuple[ModuleType, ...]] = (
    exposure,
    focus,
    motion,
    not_skin,
    colour_cast,
    uneven_light,
    no_lesion,
    residue,  # before the size: a blot of ink is easily taken for the lesion, and then small
    too_small,
    hair,
    exudate,
)


def scene_of(view: Pixels, outputs: Outputs, limits: GateLimits, side_mm: float | None = None) -> Scene:
    """A view with what ``limits`` ask of the network's ``outputs`` for it. ``side_mm``: its side on the skin, if known.

    Raises ``KeyError`` where an output is missing.
    """
    features = {name: measures.pooled(outputs[name]) for name in limits.features}
    return Scene(view, features, side_mm, limits.measured_at_places(outputs))


def examine(scene: Scene, limits: GateLimits) -> Quality:
    """Run every check on a scene. Raises ``ValueError`` where the limits need features and the scene has none."""
    return Quality(tuple(check(scene, limits) for check in _checks()))


def _checks() -> list[Callable[[Scene, GateLimits], Check]]:
    return [module.check for module in CHECKS]
