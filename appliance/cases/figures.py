"""How often this box was right, from the later diagnoses: confusion, calibration and coverage, each with its interval.

Intervals are Wilson's score intervals at 95 % (Wilson 1927, "Probable inference, the law of succession, and
statistical inference", JASA 22). They take each photograph for a patient of its own, and know nothing of who was never
followed up.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from appliance.cases.reviews import OTHER, Judged
from appliance.vision.classes import CLASSES, MALIGNANT

Z: Final = 1.959964
"""Of the normal distribution, two-sided 95 %."""
TOO_FEW: Final = 20
"""With fewer the interval is so wide that a percentage only misleads."""
BINS: Final = 5
TRUTHS: Final = (*CLASSES, "other")
ANSWERS: Final = (*CLASSES, "none_of_these", "cannot_assess")
DANGEROUS: Final = frozenset({*MALIGNANT, f"{OTHER}melanoma"})


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    right: int
    total: int

    @property
    def value(self) -> float:
        """Between 0 and 1. Raises ``ZeroDivisionError`` where there are none."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %; from 0 to 1 where there are none."""
        return wilson(self.right, self.total)

    @property
    def too_few(self) -> bool:
        """Whether to keep silent about the percentage."""
        return self.total < TOO_FEW


@dataclass(frozen=True)
class Bin:
    """Answers whose first probability was from ``low`` to ``high``: what was said, how often it was so."""

    low: float
    high: float
    said: float
    share: Share


@dataclass(frozen=True)
class Figures:
    """All of it. ``confusion`` counts by diagnosis and answer."""

    judged: int
    evidence: Mapping[str, int]
    confusion: Mapping[tuple[str, str], int]
    first_right: Share
    """Of those whose diagnosis is one of the eight and that got a ranking."""
    sent_on: Share
    """Of skin cancers, melanoma included: those the box told to see somebody."""
    coverage: Share
    """Of those whose diagnosis is one of the eight and that got a ranking: it was in the prediction set."""
    bins: tuple[Bin, ...]


def figures(judged: Sequence[Judged]) -> Figures:
    """Count. Of none there is nothing but zeros."""
    ranked = [each for each in judged if each.document["outcome"] == "findings"]
    known = [each for each in ranked if each.diagnosis in CLASSES]
    dangerous = [each for each in judged if each.diagnosis in DANGEROUS]
    return Figures(
        judged=len(judged),
        evidence=Counter(each.evidence for each in judged),
        confusion=Counter((_truth(each.diagnosis), _answer(each.document)) for each in judged),
        first_right=_share(_answer(each.document) == each.diagnosis for each in known),
        sent_on=_share(_sent_on(each.document) for each in dangerous),
        coverage=_share(each.diagnosis in each.document["prediction_set"] for each in known),
        bins=tuple(_bins(ranked)),
    )


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % score interval of ``right`` out of ``total``; nothing is known where ``total`` is 0: (0, 1)."""
    if total == 0:
        return 0.0, 1.0
    share, extra = right / total, Z**2 / total
    middle = (share + extra / 2) / (1 + extra)
    half = Z * math.sqrt(share * (1 - share) / total + extra / (4 * total)) / (1 + extra)
    return max(0.0, middle - half), min(1.0, middle + half)


def _share(hits: Iterable[bool]) -> Share:
    counted = list(hits)
    return Share(sum(counted), len(counted))


def _truth(diagnosis: str) -> str:
    return "other" if diagnosis.startswith(OTHER) else diagnosis


def _answer(document: Mapping[str, Any]) -> str:
    return str(document["findings"][0]["class"] if document["outcome"] == "findings" else document["outcome"])


def _sent_on(document: Mapping[str, Any]) -> bool:
    """Told to see somebody; a photograph that could not be assessed sends nobody on."""
    risk = document["risk"]
    return risk is not None and risk["grade"] != "low"


def _bins(ranked: Sequence[Judged]) -> Iterable[Bin]:
    """Of equal width; those without an answer are left out."""
    for number in range(BINS):
        inside = [each for each in ranked if min(int(_said(each) * BINS), BINS - 1) == number]
        if inside:
            said = sum(map(_said, inside)) / len(inside)
            right = _share(_answer(each.document) == each.diagnosis for each in inside)
            yield Bin(number / BINS, (number + 1) / BINS, said, right)


def _said(judged: Judged) -> float:
    return float(judged.document["findings"][0]["probability"])
