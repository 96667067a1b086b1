"""A teacher: a logistic regression on the pooled features of several frozen networks, asked out of fold.

Each training photograph is judged by a teacher that never saw its group: what it says is an opinion, not a memory.
``finetune`` mixes it into the targets where the recipe gives it a share (Hinton et al. 2015, arXiv 1503.02531).
"""

from pathlib import Path
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from appliance.vision.classes import CLASSES
from training.dataset import Photographs
from training.errors import StepRefused
from training.features import Features, Frozen, extract

FOLDS: Final = 5
STRENGTH: Final = 0.005
"""Inverse of the regularisation: there are more features than photographs."""


def teach(photographs: Photographs, networks: list[Frozen], cache: Path, file: Path) -> dict[str, float]:
    """Write the teacher's probabilities of the training photographs of the eight; returns its top-1 on validation.

    Raises ``StepRefused`` where the split has no validation photographs.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    train = photographs.of("train").of_the_eight()
    validation = photographs.of("validation").of_the_eight()
    if not len(validation):
        raise StepRefused("the split has no validation photographs to judge the teacher by")
    for some in (train, validation):
        some.all_there()
    known, asked = (np.hstack([extract(each, some, cache) for each in networks]) for some in (train, validation))
    probability = np.zeros((len(train), len(CLASSES)), np.float32)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=8)
    for seen, held in folds.split(known, train.targets, train.rows["group"]):
        probability[held] = _asked(_fitted(known[seen], train.targets[seen]), known[held])
    np.savez(file, image=train.rows["image"].to_numpy(str), probability=probability)
    said = _asked(_fitted(known, train.targets), asked)
    return {
        "top-1 out of fold, train": float((probability.argmax(axis=1) == train.targets).mean()),
        "top-1, validation": float((said.argmax(axis=1) == validation.targets).mean()),
    }


def _fitted(features: Features, targets: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=500)).fit(features, targets)


def _asked(teacher: Pipeline, features: Features) -> Features:
    """Probabilities for all eight, 0 for a class the teacher never saw."""
    probability = np.zeros((len(features), len(CLASSES)), np.float32)
    probability[:, teacher.classes_] = teacher.predict_proba(features)
    return probability
