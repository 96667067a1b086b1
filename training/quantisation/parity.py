"""How far the INT8 file may stray from the float network before it is refused."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from appliance.vision.calibration import probabilities
from appliance.vision.classes import CLASSES
from appliance.vision.photo import Pixels
from training.augment import SYMMETRIES, turned
from training.calibration.calibrate import SENSITIVITY, temperature
from training.dataset import Photographs
from training.errors import StepRefused
from training.evaluation.bootstrap import FEWEST_GROUPS, between, draws
from training.evaluation.metrics import Answers, calibration_error, malignant_indices
from training.predict import Floats, Predictions

Ints = NDArray[np.int64]
MALIGNANT_CHANNELS: Final = malignant_indices()

AGREEMENT: Final = 0.97
"""Least share of photographs of which both name the same class."""
TOP1_DROP: Final = 0.01
SENSITIVITY_DROP: Final = 0.005
"""At the float network's threshold for a sensitivity of 0.95."""
FEW: Final = 200
"""Of fewer photographs one is more than half a point: they are looked at from all sides, and limits must be passed by
more than chance."""
RECALL_DROP: Final = 0.1
"""For a class of too few groups for an interval: its recall may not fall by more than this, or one view …"""
HALF: Final = 0.5
"""… as long as that is not more than half of them."""
CAP: Final = 2.0
"""What few photographs may cost at most, in limits, whatever chance says of it."""
ERROR_GROWTH: Final = 0.005
"""Least growth of the calibration error that counts, however sure it is."""


@dataclass(frozen=True)
class Parity:
    """The figures, and what they break; an empty list lets the file pass.

    ``recall_drop_CLASS_no_interval`` stands among the figures for each class of too few groups for an interval.
    """

    figures: dict[str, float]
    broken: list[str]


@dataclass(frozen=True)
class Views(Photographs):
    """Photographs in several orientations each, one after the other: a row for each view, as its column ``turn`` says.

    Skin has no up, so each is as honest a photograph of the lesion, and INT8 rounds each anew. So a few photographs
    tell how often rounding decides, where each seen once would be many points.
    """

    @classmethod
    def of_the_gate(cls, photographs: Photographs) -> Self:
        """In all eight orientations where there are fewer than ``FEW``, else as they are."""
        times = SYMMETRIES if len(photographs) < FEW else 1
        rows = photographs.rows.loc[photographs.rows.index.repeat(times)].reset_index(drop=True)
        return cls(photographs.folder, rows.assign(turn=np.arange(len(rows)) % times))

    @property
    def few(self) -> bool:
        """Whether a limit must be passed by more than chance."""
        return bool((self.rows["turn"] > 0).any())

    def pixels(self, position: int) -> Pixels:
        """The photograph, turned."""
        return turned(super().pixels(position), int(self.rows["turn"].iloc[position]))


class StraysTooFar(StepRefused):
    """The INT8 file is not the float network any more."""


def compare(
    exact: Predictions, rounded: Predictions, targets: Ints, groups: NDArray[np.str_], few: bool = False
) -> Parity:
    """Both on the same views of photographs of the eight (N), with their class indices and groups; see :class:`Views`.

    ``few``: the limits of agreement, top-1 and sensitivity must be passed by more than chance. Raises ``StepRefused``
    where none of them is malignant: the sensitivity could not be judged.
    """
    malignant = np.isin(targets, MALIGNANT_CHANNELS)
    if not malignant.any():
        raise StepRefused(
            "no validation photograph shows a malignant class, so nobody can say whether the INT8 file still finds them"
        )
    named = exact.logits.argmax(axis=1), rounded.logits.argmax(axis=1)
    right = [(names == targets).astype(float) for names in named]
    caught = [_caught(exact, said, targets) for said in (exact, rounded)]
    answers = [_calibrated(said, targets, groups) for said in (exact, rounded)]
    errors = [calibration_error(each) for each in answers]
    figures = {
        "views": float(len(targets)),
        "argmax_agreement": float((named[0] == named[1]).mean()),
        "top1_float": float(right[0].mean()),
        "top1_int8": float(right[1].mean()),
        "malignant_sensitivity_float": float(caught[0].mean()),
        "malignant_sensitivity_int8": float(caught[1].mean()),
        "calibration_error_float": errors[0],
        "calibration_error_int8": errors[1],
        "mean_logit_difference": float(np.abs(exact.logits - rounded.logits).mean()),
    }
    limits = (
        Limit("named otherwise", (named[0] != named[1]).astype(float), groups, 1 - AGREEMENT, CAP),
        Limit("top-1 drop", right[0] - right[1], groups, TOP1_DROP, CAP),
        Limit("malignant sensitivity drop", caught[0] - caught[1], groups[malignant], SENSITIVITY_DROP),
    )
    dropped = _without_interval(right, targets, groups)
    broken = [
        *(sentence for limit in limits for sentence in limit.broken(few)),
        *(_lost(caught) if few else []),
        *_recalls(right, targets, groups),
        *_by_point(dropped, targets),
        *_calibration(answers),
    ]
    return Parity(figures | {f"recall_drop_{CLASSES[i]}_no_interval": drop for i, drop in dropped.items()}, broken)


@dataclass(frozen=True)
class Limit:
    """What INT8 costs each view, on the average ``allowed`` at most."""

    name: str
    cost: Floats
    groups: NDArray[np.str_]
    allowed: float
    cap: float = np.inf
    """Of so many times as much, more than chance is not asked for."""

    def broken(self, few: bool) -> list[str]:
        """The sentence that says so; with ``few`` only beyond the cap, or by more than chance."""
        mean = float(self.cost.mean())
        if mean <= self.allowed + 1e-9:
            return []
        sentence = f"{self.name}: {mean:.4f}, allowed {self.allowed:.4f}"
        ends = between([float(self.cost[rows].mean()) for rows in draws(self.groups.astype(object))]) if few else None
        if ends is None or mean > self.cap * self.allowed + 1e-9:
            return [sentence]
        return [f"{sentence}, by more than chance ({ends[0]:.4f} – {ends[1]:.4f})"] if ends[0] > self.allowed else []


def _caught(exact: Predictions, said: Predictions, targets: Ints) -> Floats:
    """Of the malignant, 1 for each above the threshold that the float network needs for ``SENSITIVITY``, else 0."""
    malignant = np.isin(targets, MALIGNANT_CHANNELS)
    scale = temperature(exact.logits, targets)
    ranked = np.sort(_malignancy(exact, scale)[malignant])
    missed = int((1 - SENSITIVITY) * len(ranked))
    # Halfway between the last that is missed and the first that is not: a rounding error alone decides nothing.
    threshold = ranked[max(missed - 1, 0) : missed + 1].mean()
    return np.asarray(_malignancy(said, scale)[malignant] >= threshold, np.float64)


def _lost(caught: list[Floats]) -> list[str]:
    """No malignant photograph may be lost from most of its sides: that is no matter of how often rounding decides."""
    sides = (caught[0] - caught[1]).reshape(-1, SYMMETRIES).mean(axis=1)
    lost = int((sides > HALF).sum())
    return [f"malignant photographs lost from most of their {SYMMETRIES} sides: {lost}"] if lost else []


def _malignancy(said: Predictions, scale: float) -> Floats:
    return np.asarray(probabilities(said.logits, scale)[:, MALIGNANT_CHANNELS].sum(axis=1))


def _calibrated(said: Predictions, targets: Ints, groups: NDArray[np.str_]) -> Answers:
    scale = temperature(said.logits, targets)
    names = groups.astype(object)
    return Answers(probabilities(said.logits, scale), said.outlier, targets, names, names)


def _recalls(right: list[Floats], targets: Ints, groups: NDArray[np.str_]) -> list[str]:
    """Classes whose recall drops by more than chance: the paired 95 % interval of the drop lies above nothing."""
    broken = []
    for index in np.unique(targets):
        rows = targets == index
        lost = right[0][rows] - right[1][rows]
        drawn = between([float(lost[chosen].mean()) for chosen in draws(groups[rows].astype(object))])
        if drawn is not None and drawn[0] > 0:
            broken.append(f"recall of {CLASSES[index]}: drops by {lost.mean():.3f}, more than chance")
    return broken


def _without_interval(right: list[Floats], targets: Ints, groups: NDArray[np.str_]) -> dict[int, float]:
    """The drop of recall of each class of too few groups for an interval."""
    few = [int(index) for index in np.unique(targets) if len(set(groups[targets == index])) < FEWEST_GROUPS]
    return {index: float((right[0] - right[1])[targets == index].mean()) for index in few}


def _by_point(dropped: dict[int, float], targets: Ints) -> list[str]:
    """What broke among those: a class may lose one view, but not half of them."""
    broken = []
    for index, drop in dropped.items():
        allowed = min(HALF, max(RECALL_DROP, 1 / int((targets == index).sum())))
        if drop > allowed + 1e-9:
            broken.append(f"recall of {CLASSES[index]}: drops by {drop:.3f}, allowed {allowed:.3f} without an interval")
    return broken


def _calibration(answers: list[Answers]) -> list[str]:
    """The calibration error may not grow by more than chance and by ``ERROR_GROWTH``."""
    exact, rounded = answers

    def growth(chosen: NDArray[np.int64]) -> float:
        return calibration_error(rounded.at(chosen)) - calibration_error(exact.at(chosen))

    whole = growth(np.arange(len(exact.targets)))
    if whole < ERROR_GROWTH:
        return []
    drawn = between([growth(chosen) for chosen in draws(exact.groups)])
    return [f"calibration error: grows by {whole:.3f}, more than chance"] if drawn is not None and drawn[0] > 0 else []
