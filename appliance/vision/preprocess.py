"""From a photograph to what the network sees. Training and the box share this one function."""

from typing import Final

import numpy as np
from PIL import Image

from appliance.vision.photo import Pixels

INPUT_SIDE_PX: Final = 299


def preprocess(pixels: Pixels) -> Pixels:
    """Central square, resampled to the network's input.

    Takes uint8 RGB, H×W×3; returns uint8 RGB, 299×299×3. The network is fed these very bytes: its
    input has scale 1/255 and zero point 0.
    """
    return resample(pixels, central_square(pixels))


def central_square(pixels: Pixels) -> tuple[float, float, float, float]:
    """The largest centred square as (left, top, right, bottom) in pixels."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def resample(pixels: Pixels, box: tuple[float, float, float, float]) -> Pixels:
    """Resample ``box`` (left, top, right, bottom, px) of uint8 RGB pixels to 299×299×3, area-weighted bilinear."""
    size = (INPUT_SIDE_PX, INPUT_SIDE_PX)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, box=box))
