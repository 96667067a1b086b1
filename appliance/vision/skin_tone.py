"""Skin tone as the Individual Typology Angle of the skin around the lesion, and how much evidence applies to it."""

from typing import Final, Literal

import numpy as np

Tone = Literal["very_light", "light", "intermediate", "tan", "brown", "dark"]
Types = Literal["I-II", "III-IV", "V-VI"]
Evidence = Literal["fair", "limited"]
LOWEST: Final[dict[Tone, float]] = {
    "very_light": 55.0,
    "light": 41.0,
    "intermediate": 28.0,
    "tan": 10.0,
    "brown": -30.0,
    "dark": -180.0,
}
"""Above which angle, in degrees, skin belongs to a group (Chardon, Cretois & Hourseau 1991)."""
TYPES: Final[dict[Tone, Types]] = {
    "very_light": "I-II",
    "light": "I-II",
    "intermediate": "III-IV",
    "tan": "III-IV",
    "brown": "V-VI",
    "dark": "V-VI",
}
"""The Fitzpatrick types that skin of a group roughly is. How many training photographs there
are of a group is counted by the type that their source states: an angle measured in unknown light finds dark skin in
many a dim photograph of light skin, and would promise evidence that is not there."""
FEW: Final = 100
"""Training photographs of such skin below which the answer says that there were few."""
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


def evidence(photographs: int | None) -> Evidence:
    """How far an answer for skin of which there were so many ``photographs`` in training may be trusted for it.

    ``None``: nobody counted, which is no reason to trust it.
    """
    return "fair" if photographs is not None and photographs >= FEW else "limited"


def evidence_key(photographs: int | None, *, measured: bool) -> str:
    """Message key of the sentence that says so. ``measured``: the tone is known, not guessed in unknown light."""
    if photographs is None:
        return "skin_tone.unknown"
    if photographs >= FEW:
        return "skin_tone.enough"
    if not measured:
        return "skin_tone.unmeasured"
    return "skin_tone.few" if photographs else "skin_tone.none"
