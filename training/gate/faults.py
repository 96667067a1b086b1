"""Faults rendered onto a photograph, so that a check is judged by the fault and not by where a photograph came from.

Every fault takes the network's view (uint8 RGB, 299×299×3) and a generator, and returns a view of the same shape. The
severities are those a person calls plain at a glance.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from appliance.vision.photo import Pixels

Fault = Callable[[Pixels, np.random.Generator], Pixels]
Floats = NDArray[np.floating]
TONES: Final = ((240, 210, 195), (222, 180, 155), (190, 140, 110), (140, 95, 70), (85, 55, 40), (52, 34, 26))
"""Mean sRGB of forearms from very light to dark (Individual Typology Angle 60° to −60°)."""
FINER: Final = 3
"""Strokes are drawn this many times larger, then reduced: Pillow's lines have no soft edge of their own."""
INKS: Final = ((60, 40, 130), (40, 60, 140), (95, 50, 130), (35, 35, 60), (70, 60, 110), (30, 80, 110))
"""Skin markers and ball pens (violet, blue, black) and gentian violet, sRGB."""
STAINS: Final = ((110, 50, 140), (110, 50, 12), (60, 120, 110))
"""Gentian violet, iodine, green soap, sRGB."""
HAIRS: Final = ((25, 18, 15), (60, 40, 28), (120, 85, 55), (215, 210, 205))
"""Black, brown, fair and white hair, sRGB."""
LAMPS: Final = {
    "bulb": (1.0, 0.397, 0.095),
    "sodium": (1.0, 0.26, 0.02),
    "yellow": (1.0, 0.9, 0.3),
    "blue": (0.25, 0.6, 2.2),
    "green": (0.3, 1.7, 0.4),
    "cyan": (0.35, 1.4, 1.7),
    "magenta": (1.2, 0.25, 1.9),
}
"""Linear red, green and blue against white light. ``bulb``: a black body of 2,700 K against daylight."""
HALVED: Final = {name: (red**0.5, green**0.5, blue**0.5) for name, (red, green, blue) in LAMPS.items()}
"""The same lamps after a camera's white balance has made up for half of their colour."""
UNSEEN: Final = ("yellow",)
"""Lamps whose light is not plain at a glance: alone, one takes it for the tone of the skin."""
USUAL_SKIN: Final = (0.5, 0.28, 0.19)
"""Linear sRGB of light skin; only its hue counts."""
BLACK: Final = 0.003
"""Linear light added, so that black is not infinitely dark."""
CREAMS: Final = ((245, 244, 238), (235, 225, 210), (250, 240, 225))


def blur(view: Pixels, random: np.random.Generator) -> Pixels:
    """Out of focus: Gaussian, standard deviation 3 to 5 px."""
    return np.asarray(Image.fromarray(view).filter(ImageFilter.GaussianBlur(random.uniform(3, 5))))


def motion(view: Pixels, random: np.random.Generator) -> Pixels:
    """Moved 20 to 32 px in one direction while the shutter was open."""
    length, angle = int(random.uniform(20, 32)), random.uniform(0, np.pi)
    steps = np.linspace(-length / 2, length / 2, length)
    moved = [ndimage.shift(view, (s * np.sin(angle), s * np.cos(angle), 0), order=1, mode="nearest") for s in steps]
    return np.asarray(np.mean(moved, axis=0), np.uint8)


def dark(view: Pixels, random: np.random.Generator) -> Pixels:
    """Underexposed by 5.5 to 7 stops: light skin comes out darker than well exposed skin of any tone."""
    return _exposed(view, 2 ** -random.uniform(5.5, 7))


def bright(view: Pixels, random: np.random.Generator) -> Pixels:
    """Overexposed until the lightest channel of the median skin would be at 2.5 to 4 times white."""
    median = float(np.median(_linear(view).max(axis=2)))
    return _exposed(view, random.uniform(2.5, 4) / max(median, 0.02))


def uneven(view: Pixels, random: np.random.Generator) -> Pixels:
    """Light from one side: linear light falls to between 1 and 2 per cent from one corner or edge to the other.

    From the side from which more came already: from the other one it would make an uneven photograph even.
    """
    axis = np.linspace(-1, 1, len(view), dtype=np.float32)
    angle = random.uniform(0, 2 * np.pi)
    along = np.cos(angle) * axis[None, :] + np.sin(angle) * axis[:, None]
    light = _linear(view)
    own = float((np.log(light.mean(axis=2) + BLACK) * along).mean())
    fall = np.log(random.uniform(0.01, 0.02)) / 2 * (1 if own < 0 else -1)
    return _encoded(light * np.exp(fall * along / np.abs(along).max())[..., None] * 0.8)


def cast(view: Pixels, random: np.random.Generator) -> Pixels:
    """A coloured lamp on skin of the usual hue: one of the :data:`LAMPS` but the :data:`UNSEEN`.

    The photograph's own tint is taken out first: under a blue lamp a yellowish photograph would come out neutral.
    """
    light = _linear(view)
    median = np.median(light.reshape(-1, 3), axis=0)
    usual = np.array(USUAL_SKIN, np.float32) * median.mean() / np.mean(USUAL_SKIN)
    plain = [lamp for name, lamp in LAMPS.items() if name not in UNSEEN]
    return _encoded(under(light * (usual / np.maximum(median, 1e-3)), plain[random.choice(len(plain))]))


def under(light: Floats, lamp: tuple[float, float, float]) -> Floats:
    """Linear light (H×W×3) as under ``lamp``, exposed until the median is as luminous as it was; 1 is what clips."""
    weights = np.array((0.2126, 0.7152, 0.0722), np.float32)
    coloured = light * np.array(lamp, np.float32)
    median, now = (float(np.median(each @ weights)) for each in (light, coloured))
    return np.asarray(coloured * np.float32(median / max(now, 1e-4)))


def glare(view: Pixels, random: np.random.Generator) -> Pixels:
    """Wet: many burnt-out specks and streaks over the middle, as light mirrored by fluid."""
    size, middle = len(view), len(view) / 2
    field = ndimage.gaussian_filter(random.normal(size=(size, size)), random.uniform(1.6, 2.6))
    specks = field > np.quantile(field, 1 - random.uniform(0.11, 0.17))
    y, x = np.ogrid[:size, :size]
    near = np.exp(-((((x - middle) / (0.3 * size)) ** 2 + ((y - middle) / (0.3 * size)) ** 2) ** 2))
    return mixed(view, (252, 251, 248), ndimage.gaussian_filter(specks * near, 0.7) * 1.3)


def crust(view: Pixels, random: np.random.Generator) -> Pixels:
    """A wet wound in the middle: dark red and yellow patches with bright reflections."""
    size = len(view)
    shape = _blob(size, random, random.uniform(0.2, 0.3))
    texture = ndimage.gaussian_filter(random.normal(size=(size, size)), 4)
    red, yellow = shape * (texture > 0), shape * (texture <= -0.02)
    wet = mixed(mixed(view, (120, 20, 20), red * 0.8), (190, 150, 60), yellow * 0.7)
    spots = ndimage.gaussian_filter(random.normal(size=(size, size)), 1.5)
    spots = (spots > np.quantile(spots, 0.93)) * shape
    return mixed(wet, (255, 252, 245), ndimage.gaussian_filter(spots, 0.6) * 1.2)


def ink(view: Pixels, random: np.random.Generator) -> Pixels:
    """A circle, arcs, dots or strokes of a skin marker or pen, 6 to 12 px wide."""
    way = random.choice(4)
    paths = (_circle, _arcs, _dots, _strokes)[way](len(view), random)
    cover = stroked(len(view), paths, random.uniform(6, 12))
    patchy = 1 - random.uniform(0, 0.25) * np.clip(
        ndimage.gaussian_filter(random.normal(size=cover.shape), 1.5) * 3, 0, 1
    )
    return mixed(view, INKS[random.choice(len(INKS))], cover * patchy * random.uniform(0.88, 0.97))


def stain(view: Pixels, random: np.random.Generator) -> Pixels:
    """Gentian violet, iodine or green soap, painted over a part of the skin: it multiplies as a dye does."""
    dye = np.array(STAINS[random.choice(len(STAINS))], np.float32) / 255
    cover = (_blob(len(view), random, random.uniform(0.3, 0.42)) * random.uniform(0.85, 0.98))[..., None]
    return np.clip(view * (1 - cover + cover * dye * 1.25), 0, 255).astype(np.uint8)


def cream(view: Pixels, random: np.random.Generator) -> Pixels:
    """White or ivory cream, thick enough to hide the skin in places."""
    size = len(view)
    smear = ndimage.gaussian_filter(random.normal(size=(size, size)), (6, 3))
    cover = _blob(size, random, random.uniform(0.3, 0.42)) * np.clip(0.85 + smear * 6, 0.5, 1)
    return mixed(view, CREAMS[random.choice(len(CREAMS))], cover * 0.97)


def hair(view: Pixels, random: np.random.Generator) -> Pixels:
    """90 to 180 curved hairs of one colour across the picture, 1 to 2 px wide."""
    colour, width = HAIRS[random.choice(len(HAIRS))], random.uniform(1.0, 2.0)
    lie = random.uniform(0, 2 * np.pi)
    paths = [one_hair(len(view), random, lie) for _ in range(int(random.uniform(90, 180)))]
    return mixed(view, colour, stroked(len(view), paths, width) * random.uniform(0.75, 0.95))


def far(view: Pixels, random: np.random.Generator) -> Pixels:
    """The same spot from three to five times the distance: the photograph reduced, in a field of the skin around it."""
    size = len(view)
    small = int(size / random.uniform(3, 5))
    field = _skin_field(view, random)
    reduced = np.asarray(Image.fromarray(view).resize((small, small), Image.Resampling.BOX))
    y, x = (random.integers(int(0.2 * size), int(0.8 * size) - small, 2)).tolist()
    mask = np.zeros((size, size), np.float32)
    mask[y + small // 10 : y + small - small // 10, x + small // 10 : x + small - small // 10] = 1
    placed = field.copy()
    placed[y : y + small, x : x + small] = reduced
    soft = ndimage.gaussian_filter(mask, small / 16)[..., None]
    return (soft * placed + (1 - soft) * field).astype(np.uint8)


FAULTS: Final[dict[str, tuple[Fault, str]]] = {
    "blur": (blur, "focus"),
    "motion": (motion, "motion"),
    "dark": (dark, "exposure"),
    "bright": (bright, "exposure"),
    "uneven": (uneven, "uneven_light"),
    "cast": (cast, "colour_cast"),
    "glare": (glare, "exudate"),
    "crust": (crust, "exudate"),
    "ink": (ink, "residue"),
    "stain": (stain, "residue"),
    "cream": (cream, "residue"),
    "hair": (hair, "hair"),
    "far": (far, "too_small"),
}
"""Each fault with the check it is meant for."""


def _linear(view: Pixels) -> Floats:
    """Linear light, approximated by gamma 2.2."""
    return np.asarray((view.astype(np.float32) / 255) ** 2.2, np.float32)


def _encoded(light: Floats) -> Pixels:
    return (np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def _exposed(view: Pixels, gain: float) -> Pixels:
    return _encoded(_linear(view) * np.float32(gain))


def mixed(view: Pixels, colour: tuple[int, int, int], cover: Floats) -> Pixels:
    """``colour`` over the view where ``cover`` (H×W, 0 … 1) says so, with part of the view's own light and shade."""
    share = np.clip(cover, 0, 1)[..., None].astype(np.float32)
    shade = view.astype(np.float32).mean(axis=2, keepdims=True)
    shaded = np.array(colour, np.float32) + 0.15 * (shade - shade.mean())
    return np.asarray(np.clip((1 - share) * view + share * shaded, 0, 255), np.uint8)


def stroked(size: int, paths: list[Floats], width: float) -> Floats:
    """Cover (0 … 1), size×size, of polylines of that ``width``, in view pixels."""
    canvas = Image.new("L", (size * FINER, size * FINER))
    draw = ImageDraw.Draw(canvas)
    for path in paths:
        draw.line([tuple(point) for point in path * FINER], 255, max(1, round(width * FINER)), joint="curve")
    reduced = canvas.resize((size, size), Image.Resampling.BOX)
    return np.asarray(reduced, np.float32) / 255


def _blob(size: int, random: np.random.Generator, radius: float) -> Floats:
    """A soft-edged irregular patch near the middle; ``radius`` is a share of the side."""
    y, x = np.mgrid[:size, :size] / size - 0.5 - random.uniform(-0.08, 0.08, (2, 1, 1))
    angle, far_off = np.arctan2(y, x), np.hypot(x, y)
    wave = sum(random.uniform(0, 0.2) * np.cos(k * angle + random.uniform(0, 6)) for k in (2, 3, 5))
    return np.asarray(1 / (1 + np.exp((far_off / (radius * (1 + wave)) - 1) * 14)), np.float32)


def _ring(size: int, random: np.random.Generator, start: float, end: float) -> Floats:
    angle = np.linspace(start, end, 60)
    radius = size * random.uniform(0.22, 0.36) * (1 + 0.06 * np.sin(3 * angle + random.uniform(0, 6)))
    centre = size * random.uniform(0.45, 0.55, 2)
    return np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * 0.9 * np.sin(angle)], 1).astype(
        np.float32
    )


def _circle(size: int, random: np.random.Generator) -> list[Floats]:
    return [_ring(size, random, 0, 2 * np.pi)]


def _arcs(size: int, random: np.random.Generator) -> list[Floats]:
    starts = random.uniform(0, 2 * np.pi, 3)
    return [_ring(size, random, start, start + random.uniform(0.5, 1.2)) for start in starts]


def _dots(size: int, random: np.random.Generator) -> list[Floats]:
    ring = _ring(size, random, 0, 2 * np.pi)[:: random.integers(8, 15)]
    return [point + random.uniform(-5, 5, (6, 2)).astype(np.float32) for point in ring]


def _strokes(size: int, random: np.random.Generator) -> list[Floats]:
    starts = random.uniform(0.12, 0.8, (3, 2)) * size
    return [np.stack([s, s + random.uniform(-0.2, 0.2, 2) * size]).astype(np.float32) for s in starts]


def _small_ring(size: int, random: np.random.Generator) -> list[Floats]:
    ring = _ring(size, random, 0, 2 * np.pi)
    middle = ring.mean(axis=0)
    return [((ring - middle) * random.uniform(0.3, 0.9) + middle + random.uniform(-40, 40, 2)).astype(np.float32)]


def _scribble(size: int, random: np.random.Generator) -> list[Floats]:
    """A tick, an arrow, a letter."""
    start = random.uniform(0.15, 0.85, 2) * size
    return [np.cumsum(np.vstack([start, random.normal(0, 22, (random.integers(2, 6), 2))]), axis=0).astype(np.float32)]


def strokes(size: int, random: np.random.Generator) -> list[Floats]:
    """Whatever is drawn around or beside a lesion: polylines in view pixels."""
    ways = (_circle, _arcs, _dots, _strokes, _small_ring, _scribble)
    return ways[random.choice(len(ways))](size, random)


def one_hair(size: int, random: np.random.Generator, lie: float) -> Floats:
    """One hair: a bent line of 0.2 to 0.7 of the side, near the direction in which the others lie."""
    steps = np.linspace(0, 1, 16)
    bend = random.normal(lie, 0.5) + random.normal(0, 0.8) * steps
    length = random.uniform(0.2, 0.7) * size / len(steps)
    return (
        random.uniform(-0.1, 1, 2) * size + np.cumsum(np.stack([np.cos(bend), np.sin(bend)], 1), 0) * length
    ).astype(np.float32)


def _skin_field(view: Pixels, random: np.random.Generator) -> Pixels:
    """Even skin with the colour and grain of the view's rim."""
    rim = np.concatenate([view[:20].reshape(-1, 3), view[-20:].reshape(-1, 3)]).astype(np.float32)
    size = len(view)
    grain = ndimage.gaussian_filter(random.normal(size=(size, size, 1)), (1, 1, 0)) * 14
    slow = ndimage.gaussian_filter(random.normal(size=(size, size, 1)), (30, 30, 0)) * 300
    return np.clip(np.median(rim, axis=0) + grain + slow, 0, 255).astype(np.uint8)
