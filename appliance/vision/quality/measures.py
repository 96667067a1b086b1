"""What the four exclusion cases are judged by: classical measures of the view, and the network's own features, pooled.

All measures are plain numbers; shares are given as logarithms, because a share of one per cent of ink already matters.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from appliance.vision.colour import Floats, length, middle_value, share
from appliance.vision.morphology import Bytes, opened
from appliance.vision.quality import dye
from appliance.vision.quality.pictures import Pictures

STROKE_PX: Final = 9
"""Widest pen stroke, in pixels of the half-size picture."""
FIELD_PX: Final = 8
"""Side of the fields in which the direction of lines is looked for."""
LEAST_SHARE: Final = 1e-3
LEAST_ENERGY: Final = 100.0
"""Mean squared difference of neighbouring grey levels from which on a field has lines at all."""
TEXTURE_PX: Final = 15
BROWN: Final = 1.11
"""b* over a* of iodine on skin, at the least: hue 48°; blood is redder."""


def classical(seen: Pictures) -> dict[str, float]:
    """Every measure by its name."""
    return {
        **ink(seen),
        **lines(seen),
        **extent(seen),
        **wetness(seen),
        "dye": dye.in_the_middle(seen),
    }


def pooled(maps: Floats) -> Floats:
    """The network's features H×W×C as 3·C numbers: log(1 + mean), log(1 + standard deviation), log(1 + maximum).

    The maximum finds what is small and local, such as a stroke of a pen.
    """
    places = maps.reshape(-1, maps.shape[-1])
    mean = np.full(len(places), 1 / len(places), np.float32) @ places  # quicker than a mean down the columns
    spread = np.sqrt(np.maximum(np.einsum("ij,ij->j", places, places) / len(places) - mean**2, 0))
    return np.asarray(np.log1p(np.concatenate([mean, spread, places.max(axis=0)])), np.float32)


def ink(seen: Pictures) -> dict[str, float]:
    """Blue, violet, green, deep brown and white where skin has none of them, in strokes and in patches."""
    _, a, b = _parts(seen.colours)
    chroma = seen.chroma
    darker, redder, yellower = _parts(seen.apart)
    brown = (seen.colours[..., 0] < 45) & (a > 0) & (b > BROWN * a) & (chroma > 32)
    dyed = (np.abs(redder) > 18) | (yellower < -12) | brown
    bluer = np.clip(-60 - 6 * yellower, 0, 255) * (darker < 3)
    blue = (b < -2) & (darker < 3)
    pale = (darker > 8) & (chroma < 0.6 * np.hypot(seen.tone[1], seen.tone[2]))
    return {
        "ink_strokes": _covered(_strokes(bluer.astype(np.uint8))),
        "blue_strokes": _covered(_strokes(blue.astype(np.uint8) * np.uint8(255))),
        "blue_on_body": _share(blue & seen.body),
        "violet_on_body": _share((b < -4) & (chroma > 10) & seen.body),
        "purple_on_body": _share((yellower < -12) & (redder > -6) & (darker < -5) & seen.body),
        "pale_on_body": _share(pale & seen.body),
        "green_on_body": _share((redder < -10) & (darker < 3) & (a < 4) & seen.body),
        "brown_on_body": _share(brown & seen.body),
        "dyed": _share(dyed & (darker < -5)),
    }


def lines(seen: Pictures) -> dict[str, float]:
    """Thin dark and light lines, and how much of the picture has one direction of lines."""
    energy, coherence = _directions(seen.grey)
    return {
        "dark_lines": _share(seen.dark_lines > 20),
        "light_lines": _share(seen.light_lines > 20),
        "line_energy": float(np.log(middle_value(energy) + 1)),
        "line_coherence": float(coherence.mean()),
        "coherent_share": _share((coherence > 0.5) & (energy > LEAST_ENERGY)),
        "coherent_energy": float((coherence * energy).mean() / (energy.mean() + 1)),
    }


def extent(seen: Pictures) -> dict[str, float]:
    """How much of the picture is lesion, and how much is body at all."""
    rim = np.ones_like(seen.body)
    rim[8:-8, 8:-8] = False
    return {
        "lesion_share": float(np.log(seen.lesion.share + 3e-3)),
        "lesion_contrast": seen.lesion.contrast,
        "body_share": share(seen.body),
        "body_at_rim": share(seen.body[rim]),
        "body_in_middle": seen.in_the_middle(seen.body),
    }


def wetness(seen: Pictures) -> dict[str, float]:
    """Reflections, raw and crusted colours, and how varied they are, in the middle."""
    darker, redder, yellower = _parts(seen.apart)
    inner = slice(75, 225)
    red, green, blue = seen.planes[:, inner, inner]
    bright = (red > 170) & (green > 170) & (blue > 170)
    return {
        "sparks": _share((seen.light_lines[inner, inner] > 35) & bright),
        "raw": _share((redder > 12) & (darker < -12)),
        "dark_red": _share((redder > 5) & (darker < -25) & (seen.chroma > 15)),
        "yellow": _share((yellower > 10) & (redder < 8)),
        "redness": seen.in_the_middle(redder),
        "varied_light": float(np.log(seen.in_the_middle(np.abs(_detail(darker))) + 0.5)),
        "varied_colour": float(np.log(seen.in_the_middle(length(_detail(redder), _detail(yellower))) + 0.5)),
    }


def _strokes(strength: Bytes) -> Bytes:
    return strength - opened(strength, STROKE_PX)


def _directions(grey: Bytes) -> tuple[Floats, Floats]:
    """Energy and coherence (0 … 1) of the structure tensor per field (Bigün & Granlund 1987)."""
    side = (len(grey) - 1) // FIELD_PX * FIELD_PX
    corner = grey[:side, :side]
    right = np.subtract(grey[:side, 1 : side + 1], corner, dtype=np.float32)
    down = np.subtract(grey[1 : side + 1, :side], corner, dtype=np.float32)
    xx, yy, xy = _fields(right, right), _fields(down, down), _fields(right, down)
    energy = xx + yy
    return energy, np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (energy + 20)


def _fields(one: Floats, other: Floats) -> Floats:
    """Mean product in each field."""
    size = len(one) // FIELD_PX
    rows = (size, FIELD_PX, -1)
    down = np.einsum("rij,rij->rj", one.reshape(rows), other.reshape(rows))
    return np.asarray(down @ np.repeat(np.eye(size, dtype=np.float32), FIELD_PX, axis=0) / FIELD_PX**2, np.float32)


def _detail(values: Floats) -> Floats:
    return np.asarray(values - ndimage.uniform_filter(values, TEXTURE_PX), np.float32)


def _parts(colours: Floats) -> tuple[Floats, Floats, Floats]:
    return colours[..., 0], colours[..., 1], colours[..., 2]


def _share(what: NDArray[np.bool_]) -> float:
    return float(np.log(share(what) + LEAST_SHARE))


def _covered(what: Bytes) -> float:
    """As :func:`_share`, of what is covered in part: 255 wholly."""
    return float(np.log(what.sum(dtype=np.uint32) / (255 * what.size) + LEAST_SHARE))
