"""Between the codes of a picture and the light they stand for (IEC 61966-2-1, sRGB)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.devices import Pixels

Light = NDArray[np.float32]
"""Linear light, 0…1."""
CODES: Final = 4096
"""Steps of a 12-bit converter."""


def to_light(pixels: Pixels) -> Light:
    """uint8 codes, any shape, to linear light of that shape."""
    codes = np.arange(256) / 255
    table = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    return np.asarray(table.astype(np.float32)[pixels])


def to_codes(light: Light) -> Pixels:
    """Linear light, any shape, in 12-bit steps to uint8 codes of that shape; what does not fit is clipped."""
    steps = np.clip(light * np.float32(CODES - 1), 0, CODES - 1).astype(np.uint16)
    return np.asarray(_curve()[steps], np.uint8)


def _curve() -> NDArray[np.uint8]:
    """sRGB code of each 12-bit step."""
    linear = np.arange(CODES) / (CODES - 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(encoded * 255 + 0.5, np.uint8)
