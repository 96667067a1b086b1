"""All checks of the gate, in the order in which a person would mend what they object to."""

from collections.abc import Callable
from types import ModuleType
from typing import Final

from appliance.vision.assessment import Check, Quality
from appliance.vision.quality import (
    colour_cast,
    exposure,
    exudate,
    focus,
    hair,
    motion,
    no_lesion,
    not_skin,
    residue,
    too_small,
    uneven_light,
)
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

CHECKS: Final[tuple[ModuleType, ...]] = (
    exposure,
    focus,
    motion,
    not_skin,
    colour_cast,
    uneven_light,
    no_lesion,
    too_small,
    residue,
    hair,
    exudate,
)


def examine(scene: Scene, limits: GateLimits) -> Quality:
    """Run every check on a scene. Raises ``ValueError`` where the limits need features and the scene has none."""
    return Quality(tuple(check(scene, limits) for check in _checks()))


def _checks() -> list[Callable[[Scene, GateLimits], Check]]:
    return [module.check for module in CHECKS]
