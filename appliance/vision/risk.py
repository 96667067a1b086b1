"""How soon somebody should look: a rule one can read. The more severe wins."""

from typing import Final

from appliance.vision.assessment import Finding, Grade, Risk
from appliance.vision.classes import MALIGNANT, URGENT, ClassId

URGENT_PROBABILITY: Final = 0.3
"""Pemphigus kills within weeks if missed, and its training evidence is thin: it need not be the likeliest."""

BY_LIKELIEST: Final[dict[ClassId, tuple[Grade, str]]] = {
    "lichen_planus": ("refer", "inflammatory"),
    "lupus_erythematosus": ("refer", "inflammatory"),
    "basal_cell_carcinoma": ("refer", "malignancy_above_threshold"),
    "squamous_cell_carcinoma": ("refer", "malignancy_above_threshold"),
    "normal_skin": ("low", "normal"),
    "pemphigus": ("urgent", "pemphigus_possible"),
    "psoriasis": ("refer", "inflammatory"),
    "seborrheic_keratosis": ("low", "benign"),
}


SEVERITY: Final[tuple[Grade, ...]] = ("low", "refer", "urgent")


def grade(
    findings: tuple[Finding, ...], none_of_these: bool, malignancy_threshold: float, in_doubt: bool = False
) -> Risk:
    """Grade the findings (all eight, highest first): the most severe of the rules that apply, the first of equals.

    ``none_of_these``: that is the outcome. ``in_doubt``: it nearly is, so nothing may be called low.
    """
    malignant = sum(finding.probability for finding in findings if finding.class_id in MALIGNANT)
    urgent = max(finding.probability for finding in findings if finding.class_id in URGENT)
    rules: tuple[tuple[bool, Grade, str], ...] = (
        (urgent >= URGENT_PROBABILITY, "urgent", "pemphigus_possible"),
        (malignant >= malignancy_threshold, "refer", "malignancy_above_threshold"),
        (none_of_these, "refer", "none_of_these"),
        (True, *BY_LIKELIEST[findings[0].class_id]),
        (in_doubt, "refer", "in_doubt"),
    )
    said, rule = max(((grade, rule) for applies, grade, rule in rules if applies), key=_severity)
    return Risk(said, malignant, rule)


def cautious(risk: Risk) -> Risk:
    """Of an answer to a photograph that the gate refused: nothing may be called low."""
    return Risk("refer", risk.malignancy_probability, "reservation") if risk.grade == "low" else risk


def _severity(ruling: tuple[Grade, str]) -> int:
    return SEVERITY.index(ruling[0])
