"""All checks of the gate, in the order in which a person would mend what they object to."""

from typing import Final

from appliance.vision.assessment import Quality
from appliance.vision.photo import Pixels
from appliance.vision.quality import exposure, focus, not_skin

CHECKS: Final = (exposure.check, focus.check, not_skin.check)


def judge(view: Pixels) -> Quality:
    """Run every check on the network's own view of the photograph (uint8 RGB, 299×299×3)."""
    return Quality(tuple(check(view) for check in CHECKS))
