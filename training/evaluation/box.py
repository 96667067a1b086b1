"""What the box would do with what the network said: the one place where evaluation touches the calibration.

Every decision comes from the box's own functions, so that a figure is about the product and not about a copy of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.vision.assessment import Finding, Risk
from appliance.vision.bundle import Calibration
from appliance.vision.calibration import prediction_set, probabilities, unlikeness
from appliance.vision.classes import CLASSES
from appliance.vision.risk import grade
from training.predict import Floats, Predictions

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Decisions:
    """Per photograph: none_of_these said; a grade of refer or urgent; urgent; malignancy and psoriasis suspected; sets.

    ``sets`` is N×8: whether the class is in the prediction set.
    """

    none_of_these: Flags
    referred: Flags
    urgent: Flags
    malignant: Flags
    psoriasis: Flags
    sets: Flags

    @property
    def seen(self) -> Flags:
        """Whether somebody is told to see a doctor, by any rule."""
        return self.none_of_these | self.referred

    def at(self, rows: NDArray[np.int64] | Flags) -> "Decisions":
        """The chosen rows."""
        return Decisions(
            self.none_of_these[rows],
            self.referred[rows],
            self.urgent[rows],
            self.malignant[rows],
            self.psoriasis[rows],
            self.sets[rows],
        )


@dataclass(frozen=True)
class Heard:
    """Calibrated probabilities (N×8), none-of-these scores (N) and what the box makes of them."""

    probability: Floats
    score: Floats
    decisions: Decisions


def hear(said: Predictions, calibration: Calibration) -> Heard:
    """Logits and outlier logits as the box takes them."""
    probability = probabilities(said.logits, calibration.temperature)
    score = unlikeness(said.logits, said.outlier, calibration.none_of_these)
    return Heard(probability, score, _decisions(probability, score, calibration))


def _decisions(probability: Floats, score: Floats, calibration: Calibration) -> Decisions:
    risks = [_risk(row, float(unlike), calibration) for row, unlike in zip(probability, score, strict=True)]
    grades = np.array([risk.grade for risk in risks], dtype=object)
    chosen = [set(prediction_set(row, calibration.conformal.thresholds)) for row in probability]
    return Decisions(
        none_of_these=score > calibration.none_of_these.threshold,
        referred=np.asarray(grades != "low", dtype=bool),
        urgent=np.asarray(grades == "urgent", dtype=bool),
        malignant=np.array([risk.malignancy_probability for risk in risks]) >= calibration.malignancy_threshold,
        psoriasis=probability[:, CLASSES.index("psoriasis")] >= calibration.psoriasis_threshold,
        sets=np.array([[name in each for name in CLASSES] for each in chosen], dtype=bool).reshape(-1, len(CLASSES)),
    )


def _risk(probability: Floats, unlike: float, calibration: Calibration) -> Risk:
    how = calibration.none_of_these
    order = np.argsort(-probability, kind="stable")
    findings = tuple(_finding(int(index), probability) for index in order)
    return grade(
        findings, unlike > how.threshold, calibration.malignancy_threshold, in_doubt=unlike > how.refer_threshold
    )


def _finding(index: int, probability: Floats) -> Finding:
    # No grade depends on how well a class is known.
    return Finding(CLASSES[index], float(probability[index]), evidence="limited")
