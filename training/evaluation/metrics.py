"""Figures about answers: what each counts is in its sentence. Intervals are in :mod:`training.evaluation.bootstrap`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from appliance.vision.bundle import Calibration
from appliance.vision.classes import CLASSES, MALIGNANT
from training.dataset import Photographs
from training.errors import StepRefused
from training.evaluation.box import Decisions, Flags, hear
from training.predict import Floats, Predictions

Ints = NDArray[np.int64]
BINS: Final = 15
MELANOMA: Final = ("melanoma", "黑素瘤", "黑色素瘤")
"""Conditions with one of these in their name must never be called low; none of them is among the eight."""
PSORIASIS: Final = CLASSES.index("psoriasis")
NORMAL: Final = CLASSES.index("normal_skin")
HARMLESS: Final = (NORMAL, CLASSES.index("seborrheic_keratosis"))
"""What needs no doctor."""


@dataclass(frozen=True)
class Answers:
    """Probabilities (N×8) and none-of-these scores (N) with the truth: class index or −1, the group, the condition.

    ``decisions`` is what the box makes of them; ``None`` where there is no calibration yet.
    """

    probability: Floats
    outlier: Floats
    targets: Ints
    groups: NDArray[np.object_]
    conditions: NDArray[np.object_]
    decisions: Decisions | None = None

    @classmethod
    def of(cls, said: Predictions, photographs: Photographs, calibration: Calibration) -> "Answers":
        """From what a network said of the photographs, in their order."""
        heard = hear(said, calibration)
        return cls(heard.probability, heard.score, *truth(photographs), heard.decisions)

    def at(self, rows: Ints | Flags) -> "Answers":
        """The chosen rows."""
        decisions = None if self.decisions is None else self.decisions.at(rows)
        return Answers(
            self.probability[rows],
            self.outlier[rows],
            self.targets[rows],
            self.groups[rows],
            self.conditions[rows],
            decisions,
        )

    @cached_property
    def eight(self) -> "Answers":
        """Only the photographs of the eight classes."""
        return self.at(self.targets >= 0)

    @cached_property
    def melanoma(self) -> Flags:
        """Which photographs show a melanoma, by the source's own name for it."""
        return melanomas(self.conditions)

    @property
    def decided(self) -> Decisions:
        """The decisions. Raises ``StepRefused`` where there is no calibration."""
        if self.decisions is None:
            raise StepRefused("these answers are not calibrated, so no decision follows from them")
        return self.decisions


def truth(photographs: Photographs) -> tuple[Ints, NDArray[np.object_], NDArray[np.object_]]:
    """Class indices (−1: other), groups and conditions of the photographs."""
    rows = photographs.rows
    conditions = rows["condition" if "condition" in rows else "label"]
    return photographs.targets, rows["group"].to_numpy(dtype=object), conditions.to_numpy(dtype=object)


def melanomas(conditions: Iterable[object]) -> Flags:
    """Which conditions name a melanoma, however they are capitalised."""
    return np.array([any(name in str(condition).casefold() for name in MELANOMA) for condition in conditions], bool)


Figure = Callable[[Answers], float]


def share(flags: Flags) -> float:
    """Share of the flags that are true; not a number where there are none."""
    return float(np.mean(flags)) if len(flags) else float("nan")


def right(answers: Answers) -> Flags:
    """Whether the likeliest class is the true one."""
    return np.asarray(answers.probability.argmax(axis=1) == answers.targets)


def top1(answers: Answers) -> float:
    """Share of photographs of the eight whose likeliest class is right."""
    return share(right(answers.eight))


def top3(answers: Answers) -> float:
    """Share of photographs of the eight whose class is among the three likeliest."""
    eight = answers.eight
    best = np.argsort(-eight.probability, axis=1)[:, :3]
    return share((best == eight.targets[:, None]).any(axis=1))


def balanced(answers: Answers) -> float:
    """Mean recall over the classes that have photographs here."""
    recalls = [share(right(answers.at(answers.targets == index))) for index in there(answers)]
    return float(np.mean(recalls)) if recalls else float("nan")


def macro_auroc(answers: Answers) -> float:
    """Mean one-against-rest area under the ROC curve over the classes that are there."""
    eight = answers.eight
    areas = [area(eight.targets == index, eight.probability[:, index]) for index in there(answers)]
    return float(np.mean(areas)) if areas else float("nan")


def malignant_auroc(answers: Answers) -> float:
    """Area under the ROC curve of the summed malignant probability, among the eight."""
    eight = answers.eight
    return area(is_malignant(eight), malignancy(eight))


def psoriasis_auroc(answers: Answers) -> float:
    """Area under the ROC curve of the probability of psoriasis, among the eight."""
    eight = answers.eight
    return area(eight.targets == PSORIASIS, eight.probability[:, PSORIASIS])


def calibration_error(answers: Answers) -> float:
    """Expected calibration error of the likeliest class, 15 bins of equal width (Guo et al. 2017)."""
    eight = answers.eight
    confidence, correct = eight.probability.max(axis=1), right(eight)
    if not len(correct):
        return float("nan")
    bins = calibration_bins(confidence)
    gaps = [(bins == b).mean() * abs(correct[bins == b].mean() - confidence[bins == b].mean()) for b in np.unique(bins)]
    return float(np.sum(gaps))


def calibration_bins(confidence: Floats) -> Ints:
    """The bin (0 … 14, of equal width) of each confidence."""
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def none_of_these_auroc(answers: Answers) -> float:
    """Area under the ROC curve of the none-of-these score, others against the eight."""
    return area(answers.targets < 0, answers.outlier)


def melanoma_auroc(answers: Answers) -> float:
    """Area under the ROC curve of the none-of-these score, melanomas against the eight."""
    those = answers.at((answers.targets >= 0) | answers.melanoma)
    return area(those.melanoma, those.outlier)


def malignant_sensitivity(answers: Answers) -> float:
    """Share of the malignant photographs whose malignancy reaches the bundle's threshold."""
    eight = answers.eight
    return share(eight.decided.malignant[is_malignant(eight)])


def malignant_specificity(answers: Answers) -> float:
    """Share of the other photographs of the eight that stay below the malignancy threshold."""
    eight = answers.eight
    return share(~eight.decided.malignant[~is_malignant(eight)])


def graded_sensitivity(answers: Answers) -> float:
    """Share of the malignant photographs that are graded refer or urgent, by whichever rule."""
    eight = answers.eight
    return share(eight.decided.referred[is_malignant(eight)])


def graded_specificity(answers: Answers) -> float:
    """Share of the other photographs of the eight that are graded low: most of their classes are rightly not."""
    eight = answers.eight
    return share(~eight.decided.referred[~is_malignant(eight)])


def harmless_left_alone(answers: Answers) -> float:
    """Share of normal skin and seborrheic keratosis, which need no doctor, that is told so."""
    harmless = answers.at(np.isin(answers.targets, HARMLESS))
    return share(~harmless.decided.seen)


def psoriasis_sensitivity(answers: Answers) -> float:
    """Share of psoriasis that is called so at its own operating point."""
    eight = answers.eight
    return share(eight.decided.psoriasis[eight.targets == PSORIASIS])


def psoriasis_specificity(answers: Answers) -> float:
    """Share of the rest of the eight that is not called psoriasis at its operating point."""
    eight = answers.eight
    return share(~eight.decided.psoriasis[eight.targets != PSORIASIS])


def set_coverage(answers: Answers) -> float:
    """Share of photographs of the eight whose prediction set holds their class."""
    eight = answers.eight
    return share(eight.decided.sets[np.arange(len(eight.targets)), eight.targets])


def set_size(answers: Answers) -> float:
    """Mean number of classes in the prediction sets of the eight."""
    return share(answers.eight.decided.sets.sum(axis=1))


def others_noticed(answers: Answers) -> float:
    """Share of the others that are called none_of_these."""
    return share(answers.decided.none_of_these[answers.targets < 0])


def eight_turned_away(answers: Answers) -> float:
    """Share of the eight that are called none_of_these, wrongly."""
    return share(answers.eight.decided.none_of_these)


def melanoma_noticed(answers: Answers) -> float:
    """Share of melanomas that are called none_of_these."""
    return share(answers.decided.none_of_these[answers.melanoma])


def melanoma_seen(answers: Answers) -> float:
    """Share of melanomas that end in none_of_these or a grade of refer or urgent."""
    return share(answers.decided.seen[answers.melanoma])


def normal_seen(answers: Answers) -> float:
    """Share of normal skin that ends in none_of_these or a grade of refer or urgent, needlessly."""
    return share(answers.decided.seen[answers.targets == NORMAL])


def there(answers: Answers) -> list[int]:
    """Channels of the classes that have photographs here."""
    return [index for index in range(len(CLASSES)) if (answers.targets == index).any()]


def area(positive: Flags, score: Floats) -> float:
    """Area under the ROC curve by ranks (Mann–Whitney); not a number where all or none are positive."""
    ones = int(positive.sum())
    zeros = len(positive) - ones
    if not ones or not zeros:
        return float("nan")
    return float((rankdata(score)[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def malignancy(answers: Answers) -> Floats:
    """Summed probability of the malignant classes."""
    return np.asarray(answers.probability[:, malignant_indices()].sum(axis=1))


def is_malignant(answers: Answers) -> Flags:
    """Which photographs are of a malignant class."""
    return np.isin(answers.targets, malignant_indices())


def malignant_indices() -> list[int]:
    """Channels of the malignant classes."""
    return [CLASSES.index(name) for name in CLASSES if name in MALIGNANT]


RANKED: Final[dict[str, Figure]] = {
    "top-1": top1,
    "balanced accuracy": balanced,
    "top-3": top3,
    "macro AUROC": macro_auroc,
    "malignant AUROC": malignant_auroc,
    "psoriasis AUROC": psoriasis_auroc,
    "calibration error": calibration_error,
    "none_of_these AUROC": none_of_these_auroc,
    "melanoma AUROC": melanoma_auroc,
}
"""Figures that need no decision, so no calibration."""

DECIDED: Final[dict[str, Figure]] = {
    "malignant sensitivity": malignant_sensitivity,
    "malignant specificity": malignant_specificity,
    "malignant sensitivity by grade": graded_sensitivity,
    "malignant specificity by grade": graded_specificity,
    "harmless not sent to a doctor": harmless_left_alone,
    "psoriasis sensitivity": psoriasis_sensitivity,
    "psoriasis specificity": psoriasis_specificity,
    "set coverage": set_coverage,
    "set size": set_size,
    "others called none_of_these": others_noticed,
    "eight called none_of_these": eight_turned_away,
    "melanoma called none_of_these": melanoma_noticed,
    "melanoma sent to a doctor": melanoma_seen,
    "normal skin sent to a doctor": normal_seen,
}
"""Figures at the bundle's operating points."""

FIGURES: Final[dict[str, Figure]] = {**RANKED, **DECIDED}
