"""Too dark or too bright to show colour."""

from typing import Final

from appliance.vision.assessment import Check
from appliance.vision.photo import Pixels

DARK: Final = 16
BRIGHT: Final = 250
LIMIT: Final = 0.5
"""Share of the picture that may be black or burnt out."""


def check(view: Pixels) -> Check:
    """Share of pixels whose brightest channel is black, or whose darkest channel is burnt out."""
    dark = float((view.max(axis=2) < DARK).mean())
    bright = float((view.min(axis=2) > BRIGHT).mean())
    advice = "advice.exposure_dark" if dark >= bright else "advice.exposure_bright"
    return Check("exposure", dark + bright <= LIMIT, dark + bright, LIMIT, advice)
