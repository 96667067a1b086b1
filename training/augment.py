"""What may vary between two honest photographs of one lesion: framing, direction, light, colour, focus, file.

The resampling is :func:`appliance.vision.preprocess.resample`, the box's own.
"""

import io
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import INPUT_SIDE_PX, resample
from training.gate.faults import LAMPS

Box = tuple[float, float, float, float]
AROUND_THE_LESION: Final = 0.5
SYMMETRIES: Final = 8
"""Of the square: four quarter turns, and those of the mirrored picture."""
HIDDEN_FOR_NOTHING: Final = 0.1
MARK_ROWS: Final = (0.42, 0.505, 0.59)
MARK_COLUMNS: Final = (0.2, 0.8)
"""Where dermnet_com writes its name, as shares of height (top, middle, bottom) and width; measured on its pictures."""
LUMINANCE: Final = np.array((0.2126, 0.7152, 0.0722))
SRGB_GAMMA: Final = 2.2
Floats = NDArray[np.float32]


def augment(pixels: Pixels, rng: Generator, lesion: Box | None = None, marked: bool = False) -> Pixels:
    """One random variant of uint8 RGB pixels (H×W×3) as network input, uint8 RGB 299×299×3.

    Where the lesion's box (left, top, right, bottom, px) is known, half of the variants are framed around it.
    ``marked``: the source writes its name across the middle. The mark is hidden, and so is the middle of some
    photographs without one, lest the hiding itself give the source away.
    """
    if marked or rng.random() < HIDDEN_FOR_NOTHING:
        pixels = hide_middle(pixels)
    if lesion is not None and rng.random() < AROUND_THE_LESION:
        framed = resample(pixels, around(lesion, pixels, rng))
    else:
        framed = frame(tilt(pixels, rng), rng)
    framed = turn(framed, rng)
    lit = light(framed, rng)
    return recompress(blur(lit, rng), rng)


def hide_middle(pixels: Pixels) -> Pixels:
    """Lay the rows above and below, mirrored, over the band of the middle in which a mark would stand."""
    height, width = pixels.shape[:2]
    top, middle, bottom = (round(height * share) for share in MARK_ROWS)
    left, right = (round(width * share) for share in MARK_COLUMNS)
    hidden = pixels.copy()
    hidden[top:middle, left:right] = pixels[top - (middle - top) : top, left:right][::-1]
    hidden[middle:bottom, left:right] = pixels[bottom : bottom + bottom - middle, left:right][::-1]
    return hidden


def around(lesion: Box, pixels: Pixels, rng: Generator) -> Box:
    """A square 1.2 to 3 times the lesion's longer side that holds its middle, as far as the picture reaches."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = lesion
    longer = max(right - left, bottom - top, min(height, width) / 8)
    side = min(longer * rng.uniform(1.2, 3.0), height, width)
    slack = max(side - longer, 0) / 2
    middle = np.array([left + right, top + bottom]) / 2 + rng.uniform(-slack, slack, 2)
    x, y = np.clip(middle - side / 2, 0, [width - side, height - side])
    return float(x), float(y), float(x + side), float(y + side)


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
    quarters = int(rng.integers(4))
    return turned(pixels, quarters + (4 if rng.random() < 0.5 else 0))


def turned(pixels: Pixels, symmetry: int) -> Pixels:
    """One of the eight ``SYMMETRIES`` by its number: 0 leaves the picture as it is, from 4 on it is mirrored."""
    upright = np.rot90(pixels, symmetry)
    return np.ascontiguousarray(upright[:, ::-1] if symmetry >= SYMMETRIES // 2 else upright)


def light(pixels: Pixels, rng: Generator) -> Pixels:
    """Exposure ±30 %, contrast ±25 %, saturation ±30 %, white balance ±8 % a channel, gamma 0.8 … 1.25, a lamp."""
    gamma, gains = rng.uniform(0.8, 1.25), rng.uniform(0.7, 1.3) * rng.uniform(0.92, 1.08, 3) * lamp(pixels, rng)
    saturation, contrast = rng.uniform(0.7, 1.3), rng.uniform(0.75, 1.25)
    curve = (np.power(np.arange(256) / 255, gamma)[:, None] * gains * 255).astype(np.float32)
    values: Floats = np.stack([curve[:, channel][pixels[..., channel]] for channel in range(3)], axis=2)
    grey = (values[..., :1] + values[..., 1:2] + values[..., 2:]) / np.float32(3)
    middle = float(grey.mean())
    values *= np.float32(contrast * saturation)
    values += grey * np.float32(contrast * (1 - saturation)) + np.float32(middle * (1 - contrast) + 0.5)
    return np.clip(values, 0, 255, out=values).astype(np.uint8)


def lamp(pixels: Pixels, rng: Generator, share: float = 0.3, most: float = 0.6) -> NDArray[np.float64]:
    """What a coloured lamp does to the sRGB values, as red, green and blue factors; 1 for all but a ``share``.

    One of the lamps of :mod:`training.gate.faults`, after the camera has made up for all but up to ``most`` of its
    colour (as an exponent of the linear light), and exposed for as bright a picture as before. A phone's white balance
    does no better in a room, and the photograph checks let some of it pass (``benchmarks/bench_lamps.py``).
    """
    if rng.random() > share:
        return np.ones(3)
    colours = np.array(list(LAMPS.values()))
    factors = colours[rng.integers(len(colours))] ** (rng.uniform(0, most) / SRGB_GAMMA)
    mean = pixels.reshape(-1, 3).mean(axis=0) + 1
    return np.asarray(factors * (mean @ LUMINANCE) / ((mean * factors) @ LUMINANCE))


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
