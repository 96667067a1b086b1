"""A class map laid over its photograph."""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import central_square

SIDE_PX: Final = 640
STRONGEST: Final = 0.65
"""Opacity where the map is 1: the skin stays visible under it."""
COLOUR: Final = (255, 210, 0)
"""Yellow is far from every tone and rash of skin, and seen by the colour-blind."""


def positive_share(class_map: NDArray[np.floating]) -> NDArray[np.float32]:
    """What speaks for the class at each place, scaled so that the strongest is 1 (0 everywhere if nothing does)."""
    positive = np.maximum(np.asarray(class_map, np.float32), 0)
    return positive / positive.max() if positive.max() > 0 else positive


def overlay(pixels: Pixels, grid: NDArray[np.floating]) -> bytes:
    """PNG, 640×640, of the part of the photograph (uint8 RGB, H×W×3) the network saw, under its 8×8 map in 0 … 1."""
    size = (SIDE_PX, SIDE_PX)
    photo = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, box=central_square(pixels))
    heat = Image.fromarray(np.asarray(grid, np.float32)).resize(size, Image.Resampling.BICUBIC)
    weight = STRONGEST * np.clip(np.asarray(heat), 0, 1)[..., None]
    mixed = np.asarray(photo) * (1 - weight) + np.array(COLOUR) * weight
    file = io.BytesIO()
    Image.fromarray(mixed.round().astype(np.uint8)).save(file, "PNG", compress_level=3)
    return file.getvalue()
