"""Which signal tells best that a photograph shows none of the eight, compared on validation photographs."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from appliance.vision.bundle import NoneOfThese
from appliance.vision.calibration import signals
from appliance.vision.classes import CLASSES
from training.predict import Floats, Predictions, pooled_features
from training.run import Run

SIGNALS: Final = ("outlier", "energy", "max_logit")
WORTH_IT: Final = 0.005
"""A combination must beat the best single signal by this much, by cross-validation, to be worth its complication."""
FOLDS: Final = 5
SAMPLE: Final = 600
"""Training photographs that the feature distance is measured from."""


def choose(
    said: Predictions, targets: NDArray[np.int64], groups: NDArray[np.str_]
) -> tuple[NoneOfThese, dict[str, Any]]:
    """The best signal or combination, its thresholds still open, and the areas under the ROC curve it was chosen by.

    Without photographs of none of the eight there is nothing to compare, and the outlier channel it is.
    """
    measured = signals(said.logits, said.outlier)
    other = targets < 0
    if not other.any() or other.all():
        return _single("outlier"), {"auroc": {}}
    areas = {name: float(roc_auc_score(other, measured[:, column])) for column, name in enumerate(SIGNALS)}
    best = max(SIGNALS, key=lambda name: areas[name])
    if min(len(set(groups[other])), len(set(groups[~other]))) < FOLDS:  # too few to cross-validate a combination
        return _single(best), {"auroc": areas, "chosen": best}
    combination = LogisticRegression(C=1.0)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=8)
    held_out = cross_val_predict(combination, measured, other, groups=groups, cv=folds, method="predict_proba")[:, 1]
    areas["combined"] = float(roc_auc_score(other, held_out))
    if areas["combined"] < areas[best] + WORTH_IT:
        return _single(best), {"auroc": areas, "chosen": best}
    return _combined(combination.fit(measured, other)), {"auroc": areas, "chosen": "combined"}


def _single(name: str) -> NoneOfThese:
    weights = {signal: float(signal == name) for signal in SIGNALS}
    return NoneOfThese.model_validate({"method": name, **weights, "bias": 0.0, "threshold": 1, "refer_threshold": 1})


def _combined(fitted: LogisticRegression) -> NoneOfThese:
    weights = {signal: round(float(weight), 5) for signal, weight in zip(SIGNALS, fitted.coef_[0], strict=True)}
    bias = round(float(fitted.intercept_[0]), 5)
    return NoneOfThese.model_validate(
        {"method": "combined", **weights, "bias": bias, "threshold": 1, "refer_threshold": 1}
    )


def feature_distance(run: Run, seed: int = 8) -> float | None:
    """Area under the ROC curve of the relative Mahalanobis distance (Ren et al. 2021, arXiv 2106.09022).

    Measured on the float network's pooled mixed10 of validation photographs, from a sample of training photographs. It
    is compared, not shipped: it would need a further output of 2048 numbers and a matrix in the bundle.
    """
    validation = run.photographs.of("validation")
    if not 0 < (validation.targets < 0).sum() < len(validation):
        return None
    train = run.photographs.of("train").of_the_eight()
    chosen = np.random.default_rng(seed).permutation(len(train))[:SAMPLE]
    network = run.network()
    known = train.where(np.isin(np.arange(len(train)), chosen))
    distance = _relative_mahalanobis(
        pooled_features(network, known), known.targets, pooled_features(network, validation)
    )
    return float(roc_auc_score(validation.targets < 0, distance))


def _relative_mahalanobis(known: Floats, targets: NDArray[np.int64], asked: Floats) -> Floats:
    """Distance to the nearest class mean less the distance to the mean of all, on 64 principal components."""
    middle = known.mean(axis=0)
    _, _, axes = np.linalg.svd(known - middle, full_matrices=False)
    near, far = (known - middle) @ axes[:64].T, (asked - middle) @ axes[:64].T
    means = {index: near[targets == index].mean(axis=0) for index in range(len(CLASSES)) if (targets == index).any()}
    within = np.linalg.pinv(np.cov((near - np.stack([means[int(index)] for index in targets])).T))
    whole = np.linalg.pinv(np.cov(near.T))
    to_class = np.min([_squared(far - mean, within) for mean in means.values()], axis=0)
    return np.asarray(to_class - _squared(far, whole))


def _squared(difference: Floats, inverse: Floats) -> Floats:
    return np.asarray(np.einsum("nd,de,ne->n", difference, inverse, difference))
