"""Dye painted over skin: gentian violet, brilliant green or green soap, iodine.

The colour of skin is made by two pigments over a light base, melanin and blood (Tsumura et al. 1999). Both take more of
the green light than of the red; melanin takes yet more of the blue, blood about as much. So no amount of them leaves
more blue than green, or more green than red, or nearly no blue where much green is left. A dye does one of these. What
is left is compared with the skin around as the logarithm of linear light, so that shade and tone cancel out.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.vision.colour import Floats, halved, middle_value, skin_coloured
from appliance.vision.lesion import MIN_SKIN, surroundings
from appliance.vision.quality.pictures import Pictures

Mask = NDArray[np.bool_]
BLACK: Final = 0.001
"""Linear light added, so that black is not infinitely dark."""
RIM: Final = 5
"""Width of the rim, of the 74 pixels of a side."""


class Left(NamedTuple):
    """Light that is left, as natural logarithms, H×W."""

    red: Floats
    """By the green."""
    green: Floats
    """By the blue."""
    all: Floats
    """Mean of red, green and blue."""


def in_the_middle(seen: Pictures) -> float:
    """Share of the middle that a dye covers less its share of the rim, −1 … 1; of three dyes the one of most.

    A dye lies over the lesion; what has its colour and reaches the rim all along is cloth.
    """
    light = halved(seen.half_light)
    left = _left(light)
    skin = surroundings(skin_coloured(seen.quarter))
    if np.count_nonzero(skin) < MIN_SKIN:
        return 0.0
    more = Left(*(each - middle_value(each[skin]) for each in left))
    covers = (_violet(left, more), _green(left, more) & (light[..., 1] > 0.03), _iodine(left, more))
    rim = np.ones(skin.shape, np.bool_)
    rim[RIM:-RIM, RIM:-RIM] = False
    return max(seen.in_the_middle(cover) - float(cover[rim].mean()) for cover in covers)


def _left(light: Floats) -> Left:
    red, green, blue = np.log(np.moveaxis(light, -1, 0) + np.float32(BLACK))
    return Left(red - green, green - blue, (red + green + blue) / 3)


def _violet(left: Left, more: Left) -> Mask:
    """Takes the green light: more blue than green, and not so much less than red as in raw flesh."""
    return (more.red > 0.3) & (more.green < -0.7) & (left.green < -0.2) & (left.red + left.green < 1.1) & _darker(more)


def _green(left: Left, more: Left) -> Mask:
    """Takes the red light: more green than red, and blue not far above both as in a blue cloth."""
    return (more.red < -0.75) & (left.red < 0) & (left.green > -0.5) & _darker(more)


def _iodine(left: Left, more: Left) -> Mask:
    """Takes nearly all of the blue light, and much of the green."""
    return (more.red > 0.8) & (more.green > 0.3) & (left.green > 0.9) & (more.all < -0.5)


def _darker(more: Left) -> Mask:
    return np.asarray(more.all < -0.2)
