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


def grade(findings: tuple[Finding, ...], none_of_these: bool, malignancy_threshold: float) -> Risk:
    """Grade the findings (all eight, highest first)."""
    malignant = sum(finding.probability for finding in findings if finding.class_id in MALIGNANT)
    urgent = max(finding.probability for finding in findings if finding.class_id in URGENT)
    likeliest = findings[0].class_id
    if likeliest in URGENT or urgent >= URGENT_PROBABILITY:
        return Risk("urgent", malignant, "pemphigus_possible")
    if malignant >= malignancy_threshold:
        return Risk("refer", malignant, "malignancy_above_threshold")
    if none_of_these:
        return Risk("refer", malignant, "none_of_these")
    return Risk(BY_LIKELIEST[likeliest][0], malignant, BY_LIKELIEST[likeliest][1])
