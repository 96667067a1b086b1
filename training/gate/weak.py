"""What is looked for at each place of a picture, learned from labels that say only whether it is anywhere in it.

Multiple-instance learning (Dietterich et al. 1997), as alternating between choosing places and fitting to them
(Andrews et al. 2003), with Fisher's linear discriminant: first all places of a faulty photograph count as faulty, then
those alone that were judged most so. The metric is that of the places of all photographs that are learned from.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.part import encoded
from appliance.vision.quality.places import Places, summed_up
from training.gate.places import LAYERS

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]
KIND: Final = "strong"
"""How the places of a picture are summed up, of :data:`appliance.vision.quality.places.KINDS`."""
ROUNDS: Final = 2
"""Of choosing places, after the first fit to all of them."""
CHOSEN: Final = 30
PENALTY: Final = 0.3
CLEAR_EVERY: Final = 6
"""Of the clear photographs, whose places are 0 ± 1: enough to tell mean and spread."""


@dataclass(frozen=True)
class Bags:
    """Photographs as bags of places. ``cells``: N×places×channels, float16, log(1 + value) of the :data:`LAYERS`."""

    cells: NDArray[np.float16]
    widths: tuple[int, ...]
    """Channels of each of the layers."""

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """Of each photograph's places, N×channels."""
        return np.stack([self._bag(i).sum(axis=0, dtype=np.float64) for i in range(len(self.cells))])

    @cached_property
    def products(self) -> NDArray[np.float64]:
        """Channels×channels, over all photographs."""
        return self._products(np.ones(len(self.cells), np.bool_))

    def learned(self, faulty: Mask, clear: Mask, seen: Mask) -> Places:
        """From the ``seen`` photographs: ``faulty`` against the others, so that the places of ``clear`` are 0 ± 1."""
        scale, metric = self._metric(seen)
        each = self.cells.shape[1]
        others = self.sums[seen & ~faulty].mean(axis=0) / each
        middle = self.sums[seen & faulty].mean(axis=0) / each
        for chosen in range(ROUNDS + 1):
            weights = np.linalg.solve(metric, (middle - others) / scale) / scale
            if chosen < ROUNDS:
                middle = np.mean([self._strongest(i, weights) for i in np.flatnonzero(seen & faulty).tolist()], axis=0)
        usual = np.concatenate([self._bag(i) @ weights for i in np.flatnonzero(seen & clear)[::CLEAR_EVERY].tolist()])
        parts = np.split(weights / usual.std(), np.cumsum(self.widths)[:-1])
        network = {layer: encoded(part) for layer, part in zip(LAYERS, parts, strict=True)}
        return Places(bias=float(-usual.mean() / usual.std()), network=network)

    def _bag(self, row: int) -> NDArray[np.float32]:
        return np.asarray(self.cells[row], np.float32)

    def _products(self, rows: Mask) -> NDArray[np.float64]:
        total = np.zeros((self.cells.shape[2],) * 2)
        for i in np.flatnonzero(rows).tolist():
            bag = self._bag(i)
            total += bag.T @ bag
        return total

    def _metric(self, seen: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The channels' scale, and their covariance in it, of the ``seen`` photographs' places."""
        count = int(seen.sum()) * self.cells.shape[1]
        mean = self.sums[seen].sum(axis=0) / count
        covariance = (self.products - self._products(~seen)) / count - np.outer(mean, mean)
        scale = np.sqrt(np.maximum(np.diag(covariance), 0))
        scale += 0.1 * scale.mean()
        return scale, covariance / np.outer(scale, scale) + PENALTY * np.eye(len(scale))

    def _strongest(self, row: int, weights: Floats) -> NDArray[np.float32]:
        bag = self._bag(row)
        return np.asarray(bag[np.argsort(-(bag @ weights))[:CHOSEN]].mean(axis=0))


def measured_in(cells: NDArray[np.float16], places: Places) -> float:
    """What the box would measure by ``places`` on a picture whose places×channels are ``cells``."""
    weights = np.concatenate([places.weights[layer] for layer in LAYERS])
    side = round(len(cells) ** 0.5)
    return summed_up((cells.astype(np.float32) @ weights + places.bias).reshape(side, side))[KIND]
