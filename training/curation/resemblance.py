"""Is one picture a copy of the other: re-compressed, resized, slightly cropped, or with a mark on it?

A perceptual hash alone calls every dark spot on pale skin the same picture. So a pair with near hashes counts only
if the fine structure agrees too: what is left of hairs, scale and pores once light, colour and the lesion's mere
shape are taken away, laid over each other at every shift and at a few scales.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft, ndimage

from appliance.vision.photo import Pixels

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

SHORT_PX: Final = 64
"""Short side of the small grey picture that is compared."""
LONG_PX: Final = 112
"""What is longer is cut to its middle: a panorama is compared by its middle."""
FINE_PX: Final = 0.6
COARSE_PX: Final = 2.5
AROUND_PX: Final = 5.0
"""Contrast is evened out over this distance, so that a frame or a printed name does not outweigh the skin."""
FLOOR: Final = 2.0
"""Grey levels below which structure is taken for noise and not amplified."""
MIN_OVERLAP: Final = 0.6
"""Share of the smaller picture that must lie on the other: below it, chance finds good agreement of small corners."""
SCALES: Final = (1.0, 0.96, 1.04, 0.92, 1.08, 0.88, 1.12, 0.85, 1.16)
STEP: Final = 0.02
"""Both neighbours of the best scale are tried at this distance."""


def miniature(pixels: Pixels) -> Grey:
    """Grey, short side ``SHORT_PX``, long side at most ``LONG_PX`` (uint8 h×w); of uint8 RGB H×W×3."""
    image = Image.fromarray(pixels).convert("L")
    shrink = SHORT_PX / min(image.size)
    size = (max(SHORT_PX, round(image.width * shrink)), max(SHORT_PX, round(image.height * shrink)))
    small = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    top, left = ((side - min(side, LONG_PX)) // 2 for side in small.shape)
    return np.ascontiguousarray(small[top : top + LONG_PX, left : left + LONG_PX])


def resemblance(one: Grey, other: Grey) -> float:
    """Correlation of the two miniatures' fine structure, best over shift and scale: about 0 for strangers, 1 the same.

    The correlation at all shifts by Fourier transform (Lewis 1995, Fast normalized cross-correlation); the energy of
    the overlap is taken as its area's share, which evened contrast allows.
    """
    still, moved = _structure(one.astype(np.float32)), _structure(other.astype(np.float32))
    at = {scale: _agreement(still, _zoomed(moved, scale)) for scale in SCALES}
    best = max(at, key=lambda scale: at[scale])
    return min(1.0, max(at[best], *(_agreement(still, _zoomed(moved, best + step)) for step in (-STEP, STEP))))


def _zoomed(structure: Floats, scale: float) -> Floats:
    return structure if scale == 1 else np.asarray(_unit(ndimage.zoom(structure, scale, order=1)))


def _structure(grey: Floats) -> Floats:
    """Band-passed, contrast evened out, unit variance (float32 h×w)."""
    band = ndimage.gaussian_filter(grey, FINE_PX) - ndimage.gaussian_filter(grey, COARSE_PX)
    evened = band / (np.sqrt(ndimage.gaussian_filter(band * band, AROUND_PX)) + FLOOR)
    return _unit(np.asarray(evened, np.float32))


def _unit(values: Floats) -> Floats:
    return np.asarray(values / (values.std() + 1e-6), np.float32)


def _agreement(one: Floats, other: Floats) -> float:
    """Largest mean product of two structures over the shifts with enough overlap; −1 where there are none."""
    frame = tuple(fft.next_fast_len(a + b, real=True) for a, b in zip(one.shape, other.shape, strict=True))
    product = fft.irfft2(fft.rfft2(one, frame) * fft.rfft2(other, frame).conj(), frame)
    down, right = (_overlap(a, b, n) for a, b, n in zip(one.shape, other.shape, frame, strict=True))
    area = np.outer(down, right)
    enough = area >= MIN_OVERLAP * min(one.size, other.size)
    return float((product[enough] / area[enough]).max(initial=-1.0))


def _overlap(one: int, other: int, frame: int) -> Floats:
    """Length on which two stretches lie on each other, by (cyclic) shift."""
    shift = np.arange(frame)
    shift = np.where(shift < one, shift, shift - frame)
    both = np.minimum(one, other + shift) - np.maximum(0, shift)
    return np.asarray(np.maximum(0, both), np.float32)
