"""Colour differences as people see them, through the library coloraide (it needs no numpy of its own)."""

from collections.abc import Sequence

import numpy as np
from coloraide import Color
from numpy.typing import NDArray

Colours = NDArray[np.float32]
"""Linear sRGB, N×3; what sRGB cannot show is below 0 or above 1."""


def from_lab_d50(lab: Sequence[tuple[float, float, float]]) -> Colours:
    """CIELAB under D50, as cards are specified, to linear sRGB (Bradford adaptation), N×3."""
    return np.array([Color("lab", list(each)).convert("srgb-linear").coords() for each in lab], np.float32)


def delta_e_2000(one: Colours, other: Colours) -> NDArray[np.float64]:
    """CIEDE2000 (Sharma et al. 2005) of each pair under D65, N. 1 is just visible side by side."""
    return np.array([_linear(a).delta_e(_linear(b), method="2000") for a, b in zip(one, other, strict=True)])


def _linear(rgb: NDArray[np.float32]) -> Color:
    return Color("srgb-linear", [float(value) for value in rgb])
