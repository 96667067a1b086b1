"""How sharp a frame is, to choose the best of a burst."""

from typing import Final

import numpy as np
from scipy import ndimage

from firmware.devices import Pixels

SIGMA_PX: Final = 1.5
"""Scale of the Laplacian: coarser than the sensor's noise, finer than what a small shake leaves."""


def sharpness(pixels: Pixels) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000) of the middle of an RGB frame, H×W×3.

    Taken at the scale ``SIGMA_PX`` and divided by the squared mean, so that neither noise nor brightness
    counts as sharpness. Dimensionless; comparable between frames of one scene only.
    """
    green = _middle(pixels).astype(np.float32)
    laplacian = ndimage.gaussian_laplace(green, SIGMA_PX)
    return float(laplacian.var() / max(float(green.mean()), 1.0) ** 2)


def _middle(pixels: Pixels) -> Pixels:
    """The green channel of the middle half, where the lesion is."""
    height, width = pixels.shape[:2]
    return pixels[height // 4 : height - height // 4, width // 4 : width - width // 4, 1]
