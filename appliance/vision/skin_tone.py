"""Skin tone as the Individual Typology Angle of the skin around the lesion, and how much evidence applies to it."""

from typing import Final, Literal

import numpy as np

Tone = Literal["very_light", "light", "intermediate", "tan", "brown", "dark"]
LOWEST: Final[dict[Tone, float]] = {
    "very_light": 55.0,
    "light": 41.0,
    "intermediate": 28.0,
    "tan": 10.0,
    "brown": -30.0,
    "dark": -180.0,
}
"""Above which angle, in degrees, skin belongs to a group (Chardon, Cretois & Hourseau 1991)."""
FEW: Final = 100
"""Training photographs of a group below which the answer says that there were few."""
LEAST_YELLOW: Final = 1e-6


def ita(skin: tuple[float, float, float]) -> float:
    """Individual Typology Angle in degrees of a CIELAB colour: arctan((L* − 50) / b*) · 180 / π (Chardon et al. 1991).

    Known only as well as the light is: from an uncontrolled photograph it is a guess. Skin without any yellow (b* ≤ 0)
    is given the angle of the limit, ±90.
    """
    lightness, _, yellow = skin
    return float(np.degrees(np.arctan2(lightness - 50, max(yellow, LEAST_YELLOW))))


def tone_of(angle: float) -> Tone:
    """Group of an Individual Typology Angle in degrees."""
    return next(tone for tone, lowest in LOWEST.items() if angle > lowest)


def evidence_key(tone: Tone, counts: dict[str, int]) -> str:
    """Message key of the sentence on how many photographs of skin like this were in training. ``counts``: by group."""
    known = counts.get(tone, 0)
    if known == 0:
        return "skin_tone.none"
    return "skin_tone.few" if known < FEW else "skin_tone.enough"
