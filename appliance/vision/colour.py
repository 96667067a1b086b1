"""sRGB to CIELAB for small pictures: the gate, the lesion and the skin tone all measure colour in it.

Pictures are H×W×3, but lie plane by plane in memory: what is then done with one channel runs several times faster.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.photo import Pixels

Floats = NDArray[np.float32]
_TO_XYZ: Final = ((0.4339, 0.3762, 0.1899), (0.2126, 0.7152, 0.0722), (0.0178, 0.1095, 0.8727))
"""Linear sRGB to XYZ (IEC 61966-2-1), each row divided by the D65 white."""
_SMALL: Final = (6 / 29) ** 3


def halved_light(view: Pixels) -> Floats:
    """Linear light, 0 … 1, of uint8 sRGB (IEC 61966-2-1), :func:`halved`.

    One channel after the other: more than one does not fit into the cache.
    """
    planes = np.stack([halved(_table().take(view[..., channel])) for channel in range(3)])
    return np.moveaxis(planes, 0, -1)


@cache
def _table() -> Floats:
    encoded = np.arange(256, dtype=np.float32) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def lab(light: Floats) -> Floats:
    """CIELAB (CIE 15:2004, D65) of linear sRGB, H×W×3: L* 0 … 100, a*, b*."""
    r, g, b = np.moveaxis(light, -1, 0)
    x, y, z = (_curve(red * r + green * g + blue * b) for red, green, blue in _TO_XYZ)
    return np.moveaxis(np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)]), 0, -1)


def _curve(part: Floats) -> Floats:
    """CIELAB's cube root, straight where it is dark."""
    return np.where(part > _SMALL, np.cbrt(part), part * np.float32((29 / 6) ** 2 / 3) + np.float32(4 / 29))


def halved(picture: NDArray[np.generic]) -> Floats:
    """Means of 2×2 pixels; an odd last row or column is left out."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    even = picture[:height, :width].astype(np.float32, copy=False)
    rows = even[::2] + even[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25), np.float32)


def median(colours: Floats) -> Floats:
    """Of each channel of …×3, the upper one where two are in the middle; several times as fast as ``np.median``.

    Raises ``ValueError`` where there is no colour.
    """
    channels = np.moveaxis(colours, -1, 0).reshape(3, -1)
    half = channels.shape[1] // 2
    return np.asarray(np.partition(channels, half, axis=1)[:, half], np.float32)


def middle_value(values: NDArray[np.floating]) -> float:
    """``np.median`` of finite values without its checks, which take longer than a small picture does.

    Raises ``ValueError`` where there is no value.
    """
    half = values.size // 2
    ordered = np.partition(values.ravel(), (half - 1, half) if values.size > 1 else half)
    return float(ordered[half] if values.size % 2 else (ordered[half - 1] + ordered[half]) / 2)


def length(a: Floats, b: Floats) -> Floats:
    """√(a² + b²) of colours; ``np.hypot``, which guards against overflow, takes five times as long."""
    return np.asarray(np.sqrt(np.square(a) + np.square(b)), np.float32)


def share(where: NDArray[np.bool_]) -> float:
    """Share of the pixels that are true."""
    return float(np.count_nonzero(where) / where.size)  # numpy may count in its own type, which no JSON takes


def skin_coloured(colours: Floats, min_chroma: float = 5.0) -> NDArray[np.bool_]:
    """Which CIELAB pixels lie between magenta and yellow (a* > 0, b* > −a*): blood under any amount of melanin."""
    a, b = colours[..., 1], colours[..., 2]
    return np.asarray((a > 0) & (b > -a) & (np.square(a) + np.square(b) > min_chroma**2))
