"""Where the lesion is: the region in the middle whose colour differs most from the skin around it.

Good enough for a crop, a size and the share of a map inside; it is no clinical outline. ``dermkiosk-train lesion``
measures it against drawn masks.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from appliance.vision.colour import Floats, halved, halved_light, lab, median, share, skin_coloured
from appliance.vision.morphology import filled, narrowed, widened
from appliance.vision.photo import Pixels

Mask = NDArray[np.bool_]
LIGHTNESS_WEIGHT: Final = 0.6
"""Shade changes lightness more than colour, so lightness counts less than in ΔE."""
CENTRE_SHARE: Final = 0.3
"""Standard deviation of the preference for the middle, as a share of the side."""
MIN_CONTRAST: Final = 4.0
"""Weighted ΔE below which nothing stands out from the skin."""
MIN_SKIN: Final = 20
"""Pixels of the reduced picture below which there is no skin to compare with."""


@dataclass(frozen=True)
class Lesion:
    """What stands out in the view. ``mask`` is 74×74 bool over the view; shares are of the view's area or side."""

    mask: Mask
    share: float
    """Area of the lesion over the area of the view; 0 where nothing stands out."""
    box: tuple[float, float, float, float] | None
    """Left, top, right, bottom as shares of the view's side."""
    contrast: float
    """Mean weighted ΔE between the lesion and the skin around it."""
    skin: tuple[float, float, float] | None
    """Median CIELAB of the skin around it."""

    def diameter(self, view_side: float) -> float:
        """Diameter of a circle of the same area, in the unit of ``view_side`` (px, or mm where the scale is known)."""
        return 2 * float(np.sqrt(self.share / np.pi)) * view_side


def find(view: Pixels) -> Lesion:
    """Find the lesion in the network's view (uint8 RGB, 299×299×3)."""
    return find_in(lab(halved(halved_light(view))))


def find_in(colours: Floats) -> Lesion:
    """Find the lesion in CIELAB, H×W×3, about 75 px a side."""
    skin = skin_coloured(colours)
    around = surroundings(skin)
    if np.count_nonzero(around) < MIN_SKIN:
        return _nothing(colours.shape[0], None)
    reference = _median_where(colours, around)
    distance = _distance(colours, reference)
    mask = _central_region(distance, distance > max(_otsu(distance), MIN_CONTRAST))
    if not mask.any():
        return _nothing(colours.shape[0], reference)
    outside = around & ~widened(mask, 2)
    if np.count_nonzero(outside) >= MIN_SKIN:
        reference = _median_where(colours, outside)
    return Lesion(mask, share(mask), _box(mask), float(distance[mask].mean()), _triple(reference))


def dilated(lesion: Lesion, margin: float) -> tuple[float, float, float, float]:
    """The lesion's box, widened by ``margin`` (share of the view's side) and kept in the view; all of it if none."""
    if lesion.box is None:
        return 0.0, 0.0, 1.0, 1.0
    left, top, right, bottom = lesion.box
    return max(0.0, left - margin), max(0.0, top - margin), min(1.0, right + margin), min(1.0, bottom + margin)


def surroundings(skin: Mask) -> Mask:
    """Skin outside the middle, of the mask of all skin (H×W); all of it where there is too little."""
    ring = skin & _outer(len(skin))
    return ring if np.count_nonzero(ring) >= MIN_SKIN else skin


def _median_where(colours: Floats, where: Mask) -> Floats:
    return median(np.moveaxis(np.moveaxis(colours, -1, 0)[:, where], 0, -1))


def _distance(colours: Floats, reference: Floats) -> Floats:
    lightness, a, b = np.moveaxis(np.square(colours - reference), -1, 0)
    return np.asarray(ndimage.gaussian_filter(np.sqrt(LIGHTNESS_WEIGHT**2 * lightness + a + b), 1.0), np.float32)


def _otsu(values: Floats, bins: int = 64) -> float:
    """Threshold between two groups with the largest variance between them (Otsu 1979); their value if all are alike."""
    low, high = values.min(), values.max()
    if low == high:
        return float(high)
    step = (high - low) / bins
    counts = np.bincount(np.minimum((values.ravel() - low) / step, bins - 1).astype(np.intp), minlength=bins)
    centres = low + step * (np.arange(bins) + 0.5)
    below = np.cumsum(counts).astype(np.float64)
    above = below[-1] - below
    total = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(centres[int(np.nanargmax(between))])


def _central_region(distance: Floats, candidate: Mask) -> Mask:
    """The connected region with the most contrast near the middle, closed and without holes."""
    closed = filled(narrowed(widened(widened(narrowed(candidate)), 2), 2))
    labels, count = ndimage.label(closed)
    if count == 0:
        return np.zeros_like(candidate)
    scores = np.bincount(labels.ravel(), (distance * _near(len(distance))).ravel())[1:]
    return np.asarray(labels == 1 + int(np.argmax(scores)))


@cache
def _outer(side: int) -> Mask:
    """What is not the middle."""
    along = np.linspace(-1, 1, side)
    return np.asarray(np.hypot(along[:, None], along[None, :]) > 0.6)


@cache
def _near(side: int) -> NDArray[np.float64]:
    """How much a place counts for its nearness to the middle."""
    along = np.linspace(-0.5, 0.5, side)
    return np.asarray(np.exp(-(along[:, None] ** 2 + along[None, :] ** 2) / (2 * CENTRE_SHARE**2)))


def _box(mask: Mask) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    side = len(mask)
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return float(left / side), float(top / side), float(right / side), float(bottom / side)


def _nothing(side: int, reference: Floats | None) -> Lesion:
    skin = None if reference is None else _triple(reference)
    return Lesion(np.zeros((side, side), np.bool_), 0.0, None, 0.0, skin)


def _triple(colour: Floats) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])
