"""Evidence of a fault at each place of the picture, out of the network's maps, and how much of it there is.

Pooling over a whole picture loses what is small: a thin ring of ink covers few places, and there it is plain.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.colour import Floats
from appliance.vision.part import Part, decoded
from appliance.vision.quality.middle import middle

STRONGEST: Final = 3
STRONG: Final = 15
"""Of the 289 places of a 17×17 map."""
STRIP: Final = 32
"""Places that are weighed at a time."""
KINDS: Final = ("strongest", "strong", "mean", "middle")


class Places(Part):
    """One straight line from the network's channels at a place to how much of it is covered: 0 none, 1 plainly."""

    bias: float
    network: dict[str, str]
    """Weights of the channels of an output of the network, base64 of little-endian float16, by its name."""

    @cached_property
    def weights(self) -> dict[str, Floats]:
        """One weight a channel. Raises ``ValueError`` where it is not base64 of float16."""
        return {name: decoded(weights) for name, weights in self.network.items()}

    def measured(self, outputs: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
        """How much there is, by :data:`KINDS`. ``outputs`` and what is raised: as :func:`covers`."""
        return summed_up(covers({"": self}, outputs)[""])


def covers(places: Mapping[str, Places], outputs: Mapping[str, NDArray[np.float32]]) -> dict[str, Floats]:
    """How much of each place is covered, H×W, by the names of what is looked for; each output is gone through once.

    ``outputs``: maps H×W×C of the network by their names, alike in H and W. Raises ``KeyError`` where an output is
    missing, ``ValueError`` where it has other channels.
    """
    found: dict[str, Floats] = {name: np.full((1, 1), each.bias, np.float32) for name, each in places.items()}
    for output in dict.fromkeys(output for each in places.values() for output in each.network):
        asking = [name for name, each in places.items() if output in each.network]
        weights = np.stack([places[name].weights[output] for name in asking], axis=1)
        for name, part in zip(asking, np.moveaxis(_weighed(outputs[output], weights), -1, 0), strict=True):
            found[name] = found[name] + part
    return found


def _weighed(maps: NDArray[np.float32], weights: Floats) -> Floats:
    """H×W×N of H×W×C maps and C×N weights, strip by strip: what is small stays in the cache."""
    places = maps.reshape(-1, maps.shape[-1])
    strips = [at_each(places[start : start + STRIP]) @ weights for start in range(0, len(places), STRIP)]
    return np.concatenate(strips).reshape(*maps.shape[:2], -1)


def at_each(maps: NDArray[np.float32]) -> Floats:
    """The channels as they are weighed: log(1 + value), H×W×C."""
    weighed = np.maximum(maps, np.float32(0))
    return np.log1p(weighed, out=weighed)


def summed_up(cover: Floats) -> dict[str, float]:
    """A map H×W of how much is covered, in four numbers."""
    ordered = np.sort(cover.ravel())[::-1]
    weights, total = middle(len(cover))
    values = (
        ordered[:STRONGEST].mean(),
        ordered[:STRONG].mean(),
        cover.mean(),
        (cover * weights).sum() / total,
    )
    return {kind: float(value) for kind, value in zip(KINDS, values, strict=True)}
