"""Which photographs each figure counts or compares: an interval needs patients enough on every side, not in total."""

from collections.abc import Callable
from typing import Final

import numpy as np

from training.evaluation import metrics
from training.evaluation.box import Flags
from training.evaluation.metrics import Answers, Figure

Side = Callable[[Answers], Flags]


def _eight(answers: Answers) -> Flags:
    return np.asarray(answers.targets >= 0)


def _others(answers: Answers) -> Flags:
    return np.asarray(answers.targets < 0)


def _harmless(answers: Answers) -> Flags:
    return np.isin(answers.targets, metrics.HARMLESS)


def _benign(answers: Answers) -> Flags:
    """The eight that are not malignant."""
    return _eight(answers) & ~metrics.is_malignant(answers)


def _melanoma(answers: Answers) -> Flags:
    return answers.melanoma


def _of(index: int) -> Side:
    return lambda answers: np.asarray(answers.targets == index)


def _not_of(index: int) -> Side:
    return lambda answers: _eight(answers) & (answers.targets != index)


SIDES: Final[dict[str, tuple[Side, ...]]] = {
    "malignant AUROC": (metrics.is_malignant, _benign),
    "psoriasis AUROC": (_of(metrics.PSORIASIS), _not_of(metrics.PSORIASIS)),
    "none_of_these AUROC": (_others, _eight),
    "melanoma AUROC": (_melanoma, _eight),
    "malignant sensitivity": (metrics.is_malignant,),
    "malignant specificity": (_benign,),
    "malignant sensitivity by grade": (metrics.is_malignant,),
    "malignant specificity by grade": (_benign,),
    "harmless not sent to a doctor": (_harmless,),
    "psoriasis sensitivity": (_of(metrics.PSORIASIS),),
    "psoriasis specificity": (_not_of(metrics.PSORIASIS),),
    "others called none_of_these": (_others,),
    "melanoma called none_of_these": (_melanoma,),
    "melanoma sent to a doctor": (_melanoma,),
    "normal skin sent to a doctor": (_of(metrics.NORMAL),),
}
"""By the figure's name; every other one counts the eight."""

OVER_CLASSES: Final[tuple[Figure, ...]] = (metrics.balanced, metrics.macro_auroc)
"""Means over the classes that are there: in a resample that lacks one they would be another figure."""

_BY_FIGURE: Final = {figure: SIDES.get(name, (_eight,)) for name, figure in metrics.FIGURES.items()}


def fewest_groups(figure: Figure, answers: Answers) -> int:
    """Groups on the side of the figure that has fewest; of all photographs where its sides are not known."""
    sides = [side(answers) for side in _BY_FIGURE.get(figure, ())] or [np.ones(len(answers.targets), bool)]
    return min(len(set(answers.groups[side])) for side in sides)


def is_the_same(figure: Figure, resample: Answers, whole: Answers) -> bool:
    """Whether the figure means in the resample what it means in the whole: its classes are all there."""
    return figure not in OVER_CLASSES or metrics.there(resample) == metrics.there(whole)
