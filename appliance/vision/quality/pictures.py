"""The network's view, and the pictures made of it that several checks measure on, each computed once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from appliance.vision import lesion
from appliance.vision.colour import Floats, halved, halved_light, lab, length, median, skin_coloured
from appliance.vision.lesion import Lesion
from appliance.vision.morphology import Bytes, closed, filled, opened
from appliance.vision.photo import Pixels
from appliance.vision.quality.middle import middle
from appliance.vision.quality.sharpness import sharpness

LUMA: Final = (77, 150, 29)
"""Of 256."""
LINE_PX: Final = 5
"""Lines up to this width (px of the 299 px view) count as lines; hairs are 1 to 3."""


@dataclass(frozen=True)
class Pictures:
    """The network's view, uint8 RGB, 299×299×3, with what is derived from it. Half: 149×149; quarter: 74×74."""

    view: Pixels

    @cached_property
    def planes(self) -> Bytes:
        """Red, green and blue, one after the other in memory: 3×299×299."""
        return np.ascontiguousarray(np.moveaxis(self.view, -1, 0))

    @cached_property
    def grey(self) -> Bytes:
        """Luma (ITU-R BT.601), uint8, 299×299."""
        r, g, b = (np.multiply(plane, part, dtype=np.uint16) for plane, part in zip(self.planes, LUMA, strict=True))
        return np.asarray((r + g + b) >> 8, np.uint8)

    @cached_property
    def sharpness(self) -> float:
        """See :func:`appliance.vision.quality.sharpness.sharpness`."""
        return sharpness(self.grey)

    @cached_property
    def half_light(self) -> Floats:
        """Linear light at half size."""
        return halved_light(np.moveaxis(self.planes, 0, -1))

    @cached_property
    def colours(self) -> Floats:
        """CIELAB at half size."""
        return lab(self.half_light)

    @cached_property
    def quarter(self) -> Floats:
        """CIELAB at quarter size."""
        return halved(self.colours)

    @cached_property
    def skin(self) -> NDArray[np.bool_]:
        """Skin-coloured pixels at half size."""
        return skin_coloured(self.colours)

    @cached_property
    def lesion(self) -> Lesion:
        """What stands out, at quarter size."""
        return lesion.find_in(self.quarter)

    @cached_property
    def tone(self) -> Floats:
        """Median CIELAB of the skin around the lesion; of the whole view where there is no skin."""
        if self.lesion.skin is not None:
            return np.array(self.lesion.skin, np.float32)
        return median(self.colours)

    @cached_property
    def chroma(self) -> Floats:
        """CIELAB chroma at half size."""
        return length(self.colours[..., 1], self.colours[..., 2])

    @cached_property
    def apart(self) -> Floats:
        """CIELAB at half size, less the skin's: darker below 0, redder and yellower above."""
        return self.colours - self.tone

    @cached_property
    def dark_lines(self) -> Bytes:
        """How much darker than both sides, where narrower than a line (299×299)."""
        return closed(self.grey, LINE_PX) - self.grey

    @cached_property
    def light_lines(self) -> Bytes:
        """How much lighter than both sides, where narrower than a line (299×299)."""
        return self.grey - opened(self.grey, LINE_PX)

    def in_the_middle(self, what: NDArray[np.floating] | NDArray[np.bool_]) -> float:
        """Mean of ``what`` (half or quarter size), weighted by the middle."""
        weights, total = middle(len(what))
        return float(np.vdot(weights, what.astype(np.float32, copy=False)) / total)

    @cached_property
    def body(self) -> NDArray[np.bool_]:
        """The largest connected region of skin colour with what it encloses, at half size."""
        labels, count = ndimage.label(self.skin)
        if count == 0:
            return np.zeros_like(self.skin)
        largest = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
        return filled(labels == largest)
