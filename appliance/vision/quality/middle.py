"""How much each place of a square picture counts where its middle is asked for."""

from functools import cache

import numpy as np

from appliance.vision.colour import Floats


@cache
def middle(side: int) -> tuple[Floats, np.float32]:
    """Weights, side×side: 1 in the middle, 0 at the rim; and their sum."""
    along = np.linspace(-1, 1, side, dtype=np.float32)
    weights = np.asarray(np.clip(1.4 - 1.6 * np.hypot(along[:, None], along[None, :]), 0, 1), np.float32)
    return weights, weights.sum()
