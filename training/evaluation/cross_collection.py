"""Trained without one source, tested on it: the nearest thing to another clinic that these photographs offer."""

from typing import Any

from training.dataset import Photographs
from training.errors import StepRefused
from training.evaluation.bootstrap import RESAMPLES
from training.evaluation.crossvalidate import apart, joined, parts, raw, report_of
from training.evaluation.learners import Learner
from training.evaluation.metrics import Answers

Report = dict[str, Any]


def without(source: str, photographs: Photographs, learner: Learner) -> tuple[Answers, Photographs, Photographs]:
    """Answers for the photographs of ``source`` by a network that saw none of it, those photographs, and what taught.

    The split's test photographs take no part on either side. What belongs to its photographs but lies in other sources
    (a lesion and its surroundings, near-duplicates) does not teach. Raises ``StepRefused`` where there is no such
    source, or no other.
    """
    everyone = joined(*parts(photographs))
    there = (everyone.rows["source"] == source).to_numpy()
    if not there.any():
        raise StepRefused(f"there is no source {source!r}; there are {sorted(set(everyone.rows['source']))}")
    held = everyone.where(there)
    train = apart(everyone, held)
    if not (train.targets >= 0).any():
        raise StepRefused(f"without {source} there is nothing to learn from")
    return raw(learner.answer(train, held, f"without-{source}"), held), held, train


def cross_collection(source: str, photographs: Photographs, learner: Learner, resamples: int = RESAMPLES) -> Report:
    """The figures on ``source`` of a network that never saw it, and which of its classes it could know at all."""
    answers, held, taught = without(source, photographs, learner)
    return {
        "without": source,
        "classes_elsewhere": sorted(set(taught.rows["label"]) & set(held.rows["label"])),
        **report_of(answers, held, resamples),
    }
