"""Morphology that is quick enough for the gate: grey with flat squares on uint8 by running maxima, masks.

Masks are widened and narrowed by their neighbours, holes filled by labels.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Bytes = NDArray[np.uint8]


def closed(grey: Bytes, size: int) -> Bytes:
    """Closing (H×W) with a square of ``size`` px (odd): fills what is darker and narrower."""
    return ~opened(~grey, size)


def opened(grey: Bytes, size: int) -> Bytes:
    """Opening (H×W) with a square of ``size`` px (odd): removes what is lighter and narrower."""
    return _dilated(~_dilated(~grey, size), size)


def filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """As ``ndimage.binary_fill_holes``: with what does not touch the rim of the picture, H×W."""
    labels, count = ndimage.label(~mask)
    outside = np.zeros(count + 1, np.bool_)
    for rim in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        outside[rim] = True
    outside[0] = False
    return np.asarray(~outside[labels])


def widened(mask: NDArray[np.bool_], times: int = 1) -> NDArray[np.bool_]:
    """As ``ndimage.binary_dilation``: with the four neighbours of each pixel, H×W."""
    for _ in range(times):
        before, mask = mask, mask.copy()
        mask[1:] |= before[:-1]
        mask[:-1] |= before[1:]
        mask[:, 1:] |= before[:, :-1]
        mask[:, :-1] |= before[:, 1:]
    return mask


def narrowed(mask: NDArray[np.bool_], times: int = 1) -> NDArray[np.bool_]:
    """As ``ndimage.binary_erosion``: what has its four neighbours, H×W; nothing lies beyond the rim."""
    for _ in range(times):
        kept = np.zeros_like(mask)
        kept[1:-1, 1:-1] = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
        mask = kept
    return mask


def _dilated(grey: Bytes, size: int) -> Bytes:
    half = size // 2
    padded = np.pad(grey, half, mode="edge")
    return np.ascontiguousarray(_running(_running(padded, size).T, size).T)


def _running(rows: Bytes, size: int) -> Bytes:
    """Maximum of ``size`` rows from each on, by doubling."""
    reach, best = 1, rows
    while reach * 2 <= size:
        best, reach = np.maximum(best[:-reach], best[reach:]), reach * 2
    rest = size - reach
    return np.maximum(best[: len(best) - rest], best[rest:]) if rest else best
