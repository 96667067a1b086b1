"""What may vary between two honest photographs of one lesion: framing, direction, light, colour, focus, file.

The resampling is :func:`appliance.vision.preprocess.resample`, the box's own.
"""

import io

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import INPUT_SIDE_PX, resample

Floats = NDArray[np.float32]


def augment(pixels: Pixels, rng: Generator) -> Pixels:
    """One random variant of uint8 RGB pixels (H×W×3) as network input, uint8 RGB 299×299×3."""
    framed = turn(frame(tilt(pixels, rng), rng), rng)
    lit = light(framed, rng)
    return recompress(blur(lit, rng), rng)


def tilt(pixels: Pixels, rng: Generator, share: float = 0.4, degrees: float = 25.0) -> Pixels:
    """Rotate by up to ``degrees`` for a ``share`` of the photographs, keeping only what has no empty corner."""
    if rng.random() > share:
        return pixels
    angle = rng.uniform(-degrees, degrees)
    turned = Image.fromarray(pixels).rotate(angle, Image.Resampling.BILINEAR)
    slope = np.deg2rad(abs(angle))
    height, width = pixels.shape[:2]
    inset = 1 / (np.cos(slope) + np.sin(slope) * max(height / width, width / height))
    left, top = (1 - inset) * width / 2, (1 - inset) * height / 2
    return np.asarray(turned.crop((round(left), round(top), round(width - left), round(height - top))))


def frame(pixels: Pixels, rng: Generator) -> Pixels:
    """A random crop of 30 to 100 % of the largest square's area, aspect ratio 3:4 to 4:3, anywhere in the picture."""
    height, width = pixels.shape[:2]
    side = min(height, width) * np.sqrt(rng.uniform(0.3, 1.0))
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    crop_width, crop_height = min(width, side * np.sqrt(aspect)), min(height, side / np.sqrt(aspect))
    left, top = rng.uniform(0, width - crop_width), rng.uniform(0, height - crop_height)
    return resample(pixels, (left, top, left + crop_width, top + crop_height))


def turn(pixels: Pixels, rng: Generator) -> Pixels:
    """One of the eight symmetries of the square: skin has no up."""
    turned = np.rot90(pixels, int(rng.integers(4)))
    return np.ascontiguousarray(turned[:, ::-1] if rng.random() < 0.5 else turned)


def light(pixels: Pixels, rng: Generator) -> Pixels:
    """Exposure ±30 %, contrast ±25 %, saturation ±30 %, white balance ±8 % a channel, gamma 0.8 … 1.25."""
    values: Floats = pixels.astype(np.float32) / np.float32(255)
    values = np.power(values, rng.uniform(0.8, 1.25), dtype=np.float32)
    values *= (rng.uniform(0.7, 1.3) * rng.uniform(0.92, 1.08, 3)).astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * rng.uniform(0.7, 1.3)
    values = values.mean() + (values - values.mean()) * rng.uniform(0.75, 1.25)
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def blur(pixels: Pixels, rng: Generator, share: float = 0.3, sigma_px: float = 2.0) -> Pixels:
    """Out of focus by up to ``sigma_px`` at the network's resolution."""
    if rng.random() > share:
        return pixels
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, sigma_px))))


def recompress(pixels: Pixels, rng: Generator, share: float = 0.3) -> Pixels:
    """JPEG again at quality 40 to 90, so that the blocks of one source say nothing."""
    if rng.random() > share:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(40, 91)))
    return np.asarray(Image.open(file))


def blank() -> Pixels:
    """A black network input, for shapes and warm-up."""
    return np.zeros((INPUT_SIDE_PX, INPUT_SIDE_PX, 3), np.uint8)
