"""The golden picture: drawn here, so that it may travel with the bundle, and has a skin's and a lesion's colours."""

from typing import Final

import numpy as np
from scipy import ndimage

from appliance.vision.photo import Pixels

SIDE_PX: Final = 384
SKIN: Final = (205, 160, 135)
LESION: Final = (150, 75, 65)


def draw(seed: int = 8) -> Pixels:
    """A reddish plaque with fine scale on light skin, uint8 RGB 384×384×3; the same for the same seed."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[-1 : 1 : SIDE_PX * 1j, -1 : 1 : SIDE_PX * 1j]
    ragged = ndimage.gaussian_filter(rng.normal(size=(SIDE_PX, SIDE_PX)), 14) * 6
    inside = 1 / (1 + np.exp((np.hypot(down * 1.2, right) - 0.5 + 0.12 * ragged) * 25))
    texture = ndimage.gaussian_filter(rng.normal(size=(SIDE_PX, SIDE_PX)), 1.2) * (18 + 30 * inside)
    colour = np.array(SKIN) * (1 - inside[..., None]) + np.array(LESION) * inside[..., None]
    shade = 1 - 0.15 * (down + 1) / 2
    return np.asarray(np.clip(colour * shade[..., None] + texture[..., None], 0, 255), np.uint8)
