"""How well the source of a photograph can be told, and how far one gets with nothing but the source.

Where several classes come from one source each, a network may learn the source's colours and framing instead of the
disease. Both figures are cross-validated by group.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.dataset import Photographs
from training.evaluation.bootstrap import mean_with_interval
from training.evaluation.metrics import share
from training.predict import Floats

FOLDS: Final = 5
STRENGTH: Final = 0.01
"""Inverse of the logistic probe's L2 penalty: thousands of features against a few hundred photographs."""

Report = dict[str, Any]


def source_probe(features: Floats, photographs: Photographs, seed: int = 8) -> Report:
    """Both figures; ``features`` N×D, in the photographs' order. Sources of fewer groups than folds are left out."""
    groups_of = photographs.rows.groupby("source")["group"].nunique()
    kept = photographs.rows["source"].map(groups_of).to_numpy() >= FOLDS
    chosen = photographs.where(kept)
    left_out = sorted(set(photographs.rows["source"]) - set(chosen.rows["source"]))
    if chosen.rows["source"].nunique() < 2:
        return {"photographs": 0, "left_out": left_out}
    folds = _folds(chosen, seed)
    told = _told(features[kept], chosen.rows["source"].to_numpy(dtype=str), folds)
    return {
        "photographs": len(chosen),
        "left_out": left_out,
        "sources": {str(name): int(count) for name, count in chosen.rows["source"].value_counts().items()},
        "source told from features": _accuracy(told, chosen.rows["source"], chosen.rows["group"]),
        "class told from source alone": _class_from_source(chosen, folds),
    }


def _folds(photographs: Photographs, seed: int) -> NDArray[np.int64]:
    rows = photographs.rows
    fold_of = np.zeros(len(rows), dtype=np.int64)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(rows, rows["source"], rows["group"])):
        fold_of[held] = number
    return fold_of


def _told(features: Floats, names: NDArray[np.str_], folds: NDArray[np.int64]) -> NDArray[np.object_]:
    told = np.empty(len(names), dtype=object)
    for number in range(FOLDS):
        held = folds == number
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=2000))
        told[held] = probe.fit(features[~held], names[~held]).predict(features[held])
    return told


def _class_from_source(photographs: Photographs, folds: NDArray[np.int64]) -> Report:
    """Call every photograph of the eight what most of its source's were, by the other folds."""
    known = photographs.targets >= 0
    rows, fold_of = photographs.rows[known], folds[known]
    told = np.full(len(rows), "", dtype=object)
    for number in range(FOLDS):
        held = fold_of == number
        commonest = rows[~held].groupby("source")["label"].agg(lambda labels: labels.value_counts().index[0])
        told[held] = rows[held]["source"].map(commonest).fillna("").to_numpy()
    return _accuracy(told, rows["label"], rows["group"])


def _accuracy(told: NDArray[np.object_], truth: "pd.Series[str]", groups: "pd.Series[str]") -> Report:
    """Accuracy with its interval, mean recall, and the chance of each: always the commonest, or any at random."""
    correct = (told == truth.to_numpy(dtype=object)).astype(np.float64)
    names = sorted(set(truth))
    return {
        "accuracy": mean_with_interval(correct, groups.to_numpy(dtype=object)),
        "chance": float(truth.value_counts(normalize=True).iloc[0]),
        "balanced": float(np.mean([share(correct[(truth == name).to_numpy()]) for name in names])),
        "balanced_chance": 1 / len(names),
    }
