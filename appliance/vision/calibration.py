"""From logits to probabilities that mean something. Every number here is fitted on the INT8 file that ships."""

import numpy as np
from numpy.typing import NDArray

from appliance.vision.classes import CLASSES, ClassId

Floats = NDArray[np.float64]


def probabilities(logits: NDArray[np.floating], temperature: float) -> Floats:
    """Softmax of logits (…×classes) over the temperature, in float (Guo et al. 2017, arXiv 1706.04599)."""
    scaled = np.asarray(logits, np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def prediction_set(probability: Floats, thresholds: dict[ClassId, float]) -> tuple[ClassId, ...]:
    """Class-conditional conformal set: every class whose 1 − probability is within its own threshold.

    Highest probability first. Vovk 2012, "Conditional validity of inductive conformal predictors", arXiv 1209.2673.
    """
    order = np.argsort(-probability, kind="stable")
    return tuple(CLASSES[i] for i in order if 1 - probability[i] <= thresholds[CLASSES[i]])


def sigmoid(logit: float) -> float:
    """1 / (1 + e^−x)."""
    return float(1 / (1 + np.exp(-logit)))
