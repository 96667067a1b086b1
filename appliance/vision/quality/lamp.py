"""The colour of the light, as far as a picture of skin tells it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from appliance.vision.colour import Floats, middle_value
from appliance.vision.part import Part

BLACK: Final = 0.004
"""Linear light added, so that the hue of what is nearly black does not count."""
LUMINANCE: Final = (0.2126, 0.7152, 0.0722)
BRIGHTEST: Final = 20
"""One pixel in so many: where it shines, it has the colour of the lamp rather than of the skin."""
NORM: Final = 6
"""Minkowski norm of shades of grey (Finlayson & Trezzi 2004)."""
COLOURS: Final = 7


class Lamp(Part):
    """A quadratic form of the seven numbers of :func:`colours`: about 0 in white light, 1 under a coloured lamp."""

    centre: tuple[float, ...]
    weights: tuple[float, ...]
    """Of the terms, see :func:`terms`."""
    bias: float

    @model_validator(mode="after")
    def _as_many_as_there_are(self) -> "Lamp":
        if (len(self.centre), len(self.weights)) != (COLOURS, COLOURS * (COLOURS + 3) // 2):
            raise ValueError(f"a lamp has {COLOURS} numbers and a weight for each term of them")
        return self

    def evidence(self, seen: Floats) -> float:
        """Of the numbers of one picture."""
        return float(terms(seen[None] - np.array(self.centre))[0] @ np.array(self.weights) + self.bias)


def colours(picture: Floats) -> Floats:
    """Seven numbers of linear RGB, 74×74×3.

    Natural logarithms of red over green and of green over blue: of the median, of the brightest pixels, of the shades
    of grey; and the logarithm of the median luminance.
    """
    light = picture.reshape(-1, 3)
    red_green, green_blue = _hue(light)
    luminance = light @ np.array(LUMINANCE, np.float32)
    few = len(light) // BRIGHTEST
    bright = np.argpartition(luminance, -few)[-few:]
    grey = _hue(np.mean(light**NORM, axis=0) ** (1 / NORM))
    middle = middle_value(red_green), middle_value(green_blue)
    shining = red_green[bright].mean(), green_blue[bright].mean()
    return np.array([*middle, *shining, *grey, np.log(middle_value(luminance) + 0.01)], np.float32)


def terms(numbers: NDArray[np.floating]) -> NDArray[np.floating]:
    """The numbers, N×7, and the products of every two of them: N×35."""
    one, other = np.triu_indices(numbers.shape[1])
    return np.concatenate([numbers, numbers[:, one] * numbers[:, other]], axis=1)


def _hue(light: Floats) -> tuple[Floats, Floats]:
    left = np.log(light + np.float32(BLACK))
    return left[..., 0] - left[..., 1], left[..., 1] - left[..., 2]
