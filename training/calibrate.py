"""Everything that turns logits into an honest answer, fitted on the INT8 outputs of validation photographs."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from appliance.vision.bundle import Calibration, Conformal, read_card
from appliance.vision.calibration import probabilities
from appliance.vision.classes import CLASSES, MALIGNANT, ClassId
from appliance.vision.runtime import Network
from training.predict import Floats, int8
from training.quantise import Run, write_card

LEVEL: Final = 0.9
"""Share of a class's photographs whose set contains the class."""
KNOWN_KEPT: Final = 0.9
"""Share of the eight's validation photographs that must not be called none_of_these."""
SENSITIVITY: Final = 0.95
"""Share of malignant validation photographs that must be graded refer."""


def calibrate(run_folder: Path, bundle: Path) -> Calibration:
    """Fit the calibration and write it into the bundle."""
    card = read_card(bundle)
    validation = Run.open(run_folder).photographs.of("validation")
    said = int8(Network((bundle / card.model).read_bytes(), threads=2), validation)
    targets = validation.targets
    known = targets >= 0
    calibration = fit(said.logits[known], targets[known], 1 / (1 + np.exp(-said.outlier[known])))
    write_card(bundle, card.model_copy(update={"calibration": calibration}))
    return calibration


def fit(logits: Floats, targets: NDArray[np.int64], outlier_score: Floats) -> Calibration:
    """From INT8 logits (N×8), class indices (N) and none-of-these scores (N) of photographs of the eight."""
    scale = temperature(logits, targets)
    probability = probabilities(logits, scale)
    malignant = [CLASSES.index(name) for name in CLASSES if name in MALIGNANT]
    malignancy = probability[:, malignant].sum(axis=1)[np.isin(targets, malignant)]
    return Calibration(
        temperature=round(scale, 4),
        conformal=conformal(probability, targets),
        none_of_these_threshold=round(float(np.quantile(outlier_score, KNOWN_KEPT)), 4),
        malignancy_threshold=round(float(np.quantile(malignancy, 1 - SENSITIVITY, method="lower")), 4),
        fitted_on=f"{len(targets)} validation photographs of the eight classes, INT8 outputs",
    )


def temperature(logits: Floats, targets: NDArray[np.int64]) -> float:
    """The temperature with the least negative log-likelihood (Guo et al. 2017, arXiv 1706.04599)."""

    def loss(log_temperature: float) -> float:
        probability = probabilities(logits, float(np.exp(log_temperature)))
        return float(-np.log(probability[np.arange(len(targets)), targets]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def conformal(probability: Floats, targets: NDArray[np.int64]) -> Conformal:
    """Class-conditional thresholds on 1 − probability; a class with too few photographs borrows the pooled one."""
    scores = 1 - probability[np.arange(len(targets)), targets]
    pooled = threshold(scores)
    own = {name: threshold(scores[targets == index]) for index, name in enumerate(CLASSES)}
    borrowing: tuple[ClassId, ...] = tuple(name for name, value in own.items() if value is None)
    return Conformal(
        level=LEVEL,
        thresholds={name: round(value if value is not None else pooled or 1.0, 4) for name, value in own.items()},
        pooled=borrowing,
    )


def threshold(scores: Floats) -> float | None:
    """The ⌈(n+1)·level⌉-th smallest score, rounded up; ``None`` where n is too small for the level to be promised."""
    rank = int(np.ceil((len(scores) + 1) * LEVEL))
    return None if rank > len(scores) else float(np.ceil(np.sort(scores)[rank - 1] * 1e4) / 1e4)
