"""Evidence of a fault at each place of the picture, out of the network's maps, and how much of it there is.

Pooling over a whole picture loses what is small: a thin ring of ink covers few places, and there it is plain.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.colour import Floats
from appliance.vision.quality.part import Part, decoded

STRONGEST: Final = 3
STRONG: Final = 15
"""Of the 289 places of a 17×17 map."""
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
        """How much there is, by :data:`KINDS`. ``outputs``: maps H×W×C of the network by their names, alike in H and W.

        Raises ``KeyError`` where an output is missing, ``ValueError`` where it has other channels.
        """
        return self.summed_up({name: at_each(outputs[name]) for name in self.weights})

    def summed_up(self, weighed: Mapping[str, Floats]) -> dict[str, float]:
        """The same of channels as :func:`at_each` has them, by the names of their outputs."""
        parts = [weighed[name] @ each for name, each in self.weights.items()]
        return summed_up(np.asarray(np.sum(parts, axis=0) + self.bias, np.float32))


def at_each(maps: NDArray[np.float32]) -> Floats:
    """The channels as they are weighed: log(1 + value), H×W×C."""
    weighed = np.maximum(maps, np.float32(0))
    return np.log1p(weighed, out=weighed)


def summed_up(cover: Floats) -> dict[str, float]:
    """A map H×W of how much is covered, in four numbers."""
    ordered = np.sort(cover.ravel())[::-1]
    side = np.linspace(-1, 1, len(cover), dtype=np.float32)
    middle = np.clip(1.4 - 1.6 * np.hypot(side[:, None], side[None, :]), 0, 1)
    values = (
        ordered[:STRONGEST].mean(),
        ordered[:STRONG].mean(),
        cover.mean(),
        (cover * middle).sum() / middle.sum(),
    )
    return {kind: float(value) for kind, value in zip(KINDS, values, strict=True)}
