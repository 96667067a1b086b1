"""Where the lesion is: the region in the middle whose colour differs most from the skin around it.

Good enough for a crop, a size and the share of a map inside; it is no clinical outline. ``dermkiosk-train lesion``
measures it against drawn masks.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from appliance.vision.colour import Floats, halved, lab, linear, median, skin_coloured
from appliance.vision.photo import Pixels
from appliance.vision.quality.morphology import filled

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
    return find_in(lab(halved(halved(linear(view)))))


def find_in(colours: Floats) -> Lesion:
    """Find the lesion in CIELAB, H×W×3, about 75 px a side."""
    skin = skin_coloured(colours)
    around = _surroundings(skin)
    if around.sum() < MIN_SKIN:
        return _nothing(colours.shape[0], None)
    reference = median(colours[around])
    distance = _distance(colours, reference)
    mask = _central_region(distance, distance > max(_otsu(distance), MIN_CONTRAST))
    if not mask.any():
        return _nothing(colours.shape[0], reference)
    outside = around & ~ndimage.binary_dilation(mask, iterations=2)
    if outside.sum() >= MIN_SKIN:
        reference = median(colours[outside])
    return Lesion(mask, float(mask.mean()), _box(mask), float(distance[mask].mean()), _triple(reference))


def dilated(lesion: Lesion, margin: float) -> tuple[float, float, float, float]:
    """The lesion's box, widened by ``margin`` (share of the view's side) and kept in the view; all of it if none."""
    if lesion.box is None:
        return 0.0, 0.0, 1.0, 1.0
    left, top, right, bottom = lesion.box
    return max(0.0, left - margin), max(0.0, top - margin), min(1.0, right + margin), min(1.0, bottom + margin)


def _surroundings(skin: Mask) -> Mask:
    """Skin outside the middle; all skin where there is too little of it."""
    side = np.linspace(-1, 1, len(skin))
    ring = skin & (np.hypot(side[:, None], side[None, :]) > 0.6)
    return ring if ring.sum() >= MIN_SKIN else skin


def _distance(colours: Floats, reference: Floats) -> Floats:
    weights = np.array((LIGHTNESS_WEIGHT, 1, 1), np.float32)
    difference = (colours - reference) * weights
    return np.asarray(ndimage.gaussian_filter(np.sqrt((difference**2).sum(axis=2)), 1.0), np.float32)


def _otsu(values: Floats, bins: int = 64) -> float:
    """Threshold between two groups with the largest variance between them (Otsu 1979)."""
    counts, edges = np.histogram(values, bins)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(np.float64)
    above = below[-1] - below
    total = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(centres[int(np.nanargmax(between))])


def _central_region(distance: Floats, candidate: Mask) -> Mask:
    """The connected region with the most contrast near the middle, closed and without holes."""
    closed = filled(ndimage.binary_closing(ndimage.binary_opening(candidate), iterations=2))
    labels, count = ndimage.label(closed)
    if count == 0:
        return np.zeros_like(candidate)
    axis = np.linspace(-0.5, 0.5, len(distance))
    near = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * CENTRE_SHARE**2))
    scores = ndimage.sum(distance * near, labels, np.arange(1, count + 1))
    return np.asarray(labels == 1 + int(np.argmax(scores)))


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
