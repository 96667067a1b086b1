"""Mixup and CutMix: two photographs in one, and a target in the same proportion."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Views = NDArray[np.uint8]
Truths = tuple[Floats, Floats, Floats]
"""Class targets (N×C), outlier targets (N×1), weights of the class targets (N)."""


@dataclass(frozen=True)
class Mixing:
    """``share`` of the photographs are mixed with another of the batch, at a proportion from Beta(alpha, alpha).

    ``cut`` of those by a pasted rectangle (Yun et al. 2019, arXiv 1905.04899), the others by blending (Zhang et al.
    2018, arXiv 1710.09412).
    """

    share: float = 0.5
    alpha: float = 0.4
    cut: float = 0.5


def mix(views: Views, truth: Truths, how: Mixing, rng: Generator) -> tuple[Views, Truths]:
    """Views uint8 N×H×W×3 with their truth; returns both mixed."""
    count = len(views)
    partner = rng.permutation(count)
    keep = np.maximum(draw := rng.beta(how.alpha, how.alpha, count), 1 - draw).astype(np.float32)
    keep = np.where(rng.random(count) < how.share, keep, 1).astype(np.float32)
    mixed = views.copy()
    for row in np.flatnonzero(keep < 1):
        combine = _cut if rng.random() < how.cut else _blend
        mixed[row], keep[row] = combine(views[row], views[partner[row]], float(keep[row]), rng)
    return mixed, mixed_truth(truth, partner, keep)


def _blend(view: Views, other: Views, keep: float, rng: Generator) -> tuple[Views, float]:  # noqa: ARG001  # as _cut
    return (view * keep + other * (1 - keep) + 0.5).astype(np.uint8), keep


def _cut(view: Views, other: Views, keep: float, rng: Generator) -> tuple[Views, float]:
    """Paste a rectangle of ``other`` that covers 1 − keep of the area, anywhere."""
    height, width = view.shape[:2]
    tall, wide = (round(side * np.sqrt(1 - keep)) for side in (height, width))
    top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    pasted = view.copy()
    pasted[top : top + tall, left : left + wide] = other[top : top + tall, left : left + wide]
    return pasted, 1 - tall * wide / (height * width)


def mixed_truth(truth: Truths, partner: NDArray[np.int64], keep: Floats) -> Truths:
    """The truth of photographs of which ``keep`` (N) stayed and the rest is their ``partner`` (N indices).

    In proportion; a class target counts for as much as its weight, so one that is unused adds nothing.
    """
    classes, outlier, weights = truth
    mine, its = (keep * weights)[:, None], ((1 - keep) * weights[partner])[:, None]
    whole = np.maximum(mine + its, np.float32(1e-9))
    blended = (classes * mine + classes[partner] * its) / whole
    share = keep[:, None]
    mixed = outlier * share + outlier[partner] * (1 - share)
    return blended.astype(np.float32), mixed.astype(np.float32), (mine + its)[:, 0]
