"""From logits to probabilities that mean something. Every number here is fitted on the INT8 file that ships."""

import numpy as np
from numpy.typing import NDArray

from appliance.vision.bundle import NoneOfThese
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


def signals(logits: NDArray[np.floating], outlier: NDArray[np.floating]) -> Floats:
    """What may tell that none of the eight is there, each higher for less like them; N×3 for N×classes and N.

    The outlier channel's logit; the energy −log Σ e^logit (Liu et al. 2020, arXiv 2010.03759); the largest logit,
    negated (Hendrycks et al. 2022, arXiv 1911.11132).
    """
    exact = np.asarray(logits, np.float64)
    return np.column_stack([outlier, -np.logaddexp.reduce(exact, axis=1), -exact.max(axis=1)])


def unlikeness(logits: NDArray[np.floating], outlier: NDArray[np.floating], how: NoneOfThese) -> Floats:
    """The none-of-these score in 0 … 1 (N) for logits (N×classes) and the outlier channel's logits (N)."""
    weights = np.array([how.outlier, how.energy, how.max_logit])
    return np.asarray(1 / (1 + np.exp(-(signals(logits, outlier) @ weights + how.bias))))
