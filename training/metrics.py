"""Figures about predictions, each with its interval from a bootstrap over groups (patients), not photographs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from appliance.vision.calibration import probabilities
from appliance.vision.classes import CLASSES, MALIGNANT
from training.predict import Floats

Ints = NDArray[np.int64]
BINS: Final = 15
RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Answers:
    """Probabilities (N×8) and none-of-these scores (N) with the truth: class index or −1, and the group."""

    probability: Floats
    outlier: Floats
    targets: Ints
    groups: NDArray[np.object_]

    @classmethod
    def of(
        cls, logits: Floats, outlier: Floats, targets: Ints, groups: NDArray[np.object_], temperature: float
    ) -> "Answers":
        """From logits."""
        return cls(probabilities(logits, temperature), 1 / (1 + np.exp(-outlier)), targets, groups)

    def at(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Answers":
        """The chosen rows."""
        return Answers(self.probability[rows], self.outlier[rows], self.targets[rows], self.groups[rows])

    @property
    def eight(self) -> "Answers":
        """Only the photographs of the eight classes."""
        return self.at(self.targets >= 0)


Figure = Callable[[Answers], float]


def top1(answers: Answers) -> float:
    """Share of photographs of the eight whose likeliest class is right."""
    eight = answers.eight
    return float((eight.probability.argmax(axis=1) == eight.targets).mean())


def top3(answers: Answers) -> float:
    """Share of photographs of the eight whose class is among the three likeliest."""
    eight = answers.eight
    best = np.argsort(-eight.probability, axis=1)[:, :3]
    return float((best == eight.targets[:, None]).any(axis=1).mean())


def balanced(answers: Answers) -> float:
    """Mean recall over the classes that are there: say how many, beside it."""
    eight = answers.eight
    right = eight.probability.argmax(axis=1) == eight.targets
    return float(np.mean([right[eight.targets == index].mean() for index in there(answers)]))


def macro_auroc(answers: Answers) -> float:
    """Mean one-against-rest area under the ROC curve over the classes that are there."""
    eight = answers.eight
    return float(np.mean([area(eight.targets == index, eight.probability[:, index]) for index in there(answers)]))


def malignant_auroc(answers: Answers) -> float:
    """Area under the ROC curve of the summed malignant probability, among the eight."""
    eight = answers.eight
    return area(np.isin(eight.targets, malignant_indices()), malignancy(eight))


def there(answers: Answers) -> list[int]:
    """Channels of the classes that have photographs here."""
    return [index for index in range(len(CLASSES)) if (answers.targets == index).any()]


def area(positive: NDArray[np.bool_], score: Floats) -> float:
    """Area under the ROC curve; not a number where all or none are positive."""
    return float(roc_auc_score(positive, score)) if 0 < positive.sum() < len(positive) else float("nan")


def calibration_error(answers: Answers) -> float:
    """Expected calibration error of the likeliest class, 15 bins of equal width (Guo et al. 2017)."""
    eight = answers.eight
    confidence, right = eight.probability.max(axis=1), eight.probability.argmax(axis=1) == eight.targets
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [(bins == b).mean() * abs(right[bins == b].mean() - confidence[bins == b].mean()) for b in np.unique(bins)]
    return float(np.sum(gaps))


def none_of_these_auroc(answers: Answers) -> float:
    """Area under the ROC curve of the none-of-these score, others against the eight."""
    return area(answers.targets < 0, answers.outlier)


def malignancy(answers: Answers) -> Floats:
    """Summed probability of the malignant classes."""
    return np.asarray(answers.probability[:, malignant_indices()].sum(axis=1))


def malignant_indices() -> list[int]:
    """Channels of the malignant classes."""
    return [CLASSES.index(name) for name in CLASSES if name in MALIGNANT]


FIGURES: Final[dict[str, Figure]] = {
    "top-1": top1,
    "balanced accuracy": balanced,
    "top-3": top3,
    "macro AUROC": macro_auroc,
    "malignant AUROC": malignant_auroc,
    "calibration error": calibration_error,
    "none_of_these AUROC": none_of_these_auroc,
}


def interval(figure: Figure, answers: Answers, seed: int = 8) -> tuple[float, float]:
    """95 % percentile interval of a figure over ``RESAMPLES`` bootstraps of whole groups."""
    rng = np.random.default_rng(seed)
    names, member = np.unique(answers.groups.astype(str), return_inverse=True)
    rows_of = [np.flatnonzero(member == number) for number in range(len(names))]
    draws = (rng.integers(len(names), size=len(names)) for _ in range(RESAMPLES))
    values = [figure(answers.at(np.concatenate([rows_of[number] for number in draw]))) for draw in draws]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
