"""How evidence of an exclusion case is learned: ridge regression on kernels, because there are far fewer pictures than
features."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.vision.part import encoded
from appliance.vision.quality.limits import Head
from training.errors import StepRefused
from training.gate.features_output import LAYERS
from training.gate.places import NAMES as PLACES_NAMES
from training.gate.report import Floats, Mask, Table
from training.gate.samples import measure_names

CLASSICAL: Final = "classical"
PLACES: Final = "places"
MEASURED: Final = (CLASSICAL, PLACES)
LEAST_SPREAD: Final = 0.1
"""A feature's standard deviation counts as at least this share of the median one: dead features stay quiet."""
KINDS: Final = 3
"""Of pooled values: mean, deviation, maximum."""
SLOPE: Final = 6.0
"""Of the sigmoid that makes a score of 0 … 1 out of the ridge's."""


class Fit(NamedTuple):
    """A score is the kernel's row of a picture · ``alpha`` + ``bias``; ``used``: the pictures it was learned from."""

    used: NDArray[np.int64]
    alpha: Floats
    bias: float


@dataclass(frozen=True)
class Space:
    """The samples' inputs in blocks that have the same say each: the classical measures, and each layer's features.

    Centre and scale are those of all photographs; no label goes into them.
    """

    table: Table

    @cached_property
    def blocks(self) -> dict[str, slice]:
        """Columns of each layer in the samples' features. Raises ``StepRefused`` unless the layers have one size."""
        width = self.table.samples.features.shape[1]
        sizes = self.table.samples.sizes
        ends = np.cumsum([KINDS * size for size in sizes])
        if width != ends[-1]:
            raise StepRefused(f"{width} features are not those of {LAYERS}")
        starts = [0, *ends[:-1]]
        return {layer: slice(int(a), int(b)) for layer, a, b in zip(LAYERS, starts, ends, strict=True)}

    def raw(self, block: str) -> NDArray[np.float32]:
        """A block's columns as they were measured."""
        samples = self.table.samples
        if block in MEASURED:
            return samples.classical if block == CLASSICAL else samples.places
        return samples.features[:, self.blocks[block]].astype(np.float32)

    @cached_property
    def scaling(self) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Centre and scale of each block's columns."""
        plain = self.table.plain
        return {block: _scaling(self.raw(block)[plain], block in MEASURED) for block in (*MEASURED, *LAYERS)}

    def scaled(self, block: str) -> NDArray[np.float32]:
        """A block's columns with the mean 0, and such a spread that each kind of value has the same say."""
        centre, scale = self.scaling[block]
        return (self.raw(block) - centre) / scale

    @cached_property
    def kernels(self) -> dict[str, NDArray[np.float32]]:
        """Products of every two pictures, by block."""
        return {block: (scaled := self.scaled(block)) @ scaled.T for block in (*MEASURED, *LAYERS)}

    def kernel(self, weights: Mapping[str, float]) -> Floats:
        """Of the blocks with their weights."""
        total = np.zeros((len(self.table.group),) * 2)
        for block, weight in weights.items():
            total += weight * self.kernels[block]
        return total

    def measure(self, name: str) -> Floats:
        """A classical measure of every sample, scaled."""
        return self.scaled(CLASSICAL)[:, measure_names().index(name)].astype(np.float64)

    def head(
        self, fit: Fit, weights: Mapping[str, float], threshold: float, joined: Mapping[str, float] | None = None
    ) -> Head:
        """A fit with its kernel's weights, as weights of what the box measures: 0 at ``threshold``.

        ``joined``: how much of a :meth:`measure` is added to that.
        """
        bias, parts = fit.bias - threshold, dict[str, Floats]()
        for name, say in (joined or {}).items():
            centre, scale = self.scaling[CLASSICAL]
            parts[CLASSICAL] = say / scale * (np.array(measure_names()) == name)
            bias -= float(centre @ parts[CLASSICAL])
        for block, weight in weights.items():
            centre, scale = self.scaling[block]
            part = weight * (fit.alpha @ self.scaled(block)[fit.used]) / scale
            parts[block] = parts.get(block, 0) + part
            bias -= float(centre @ part)
        measured: dict[str, float] = {}
        if CLASSICAL in parts:
            measured |= zip(measure_names(), parts.pop(CLASSICAL), strict=True)
        if PLACES in parts:
            measured |= zip(PLACES_NAMES, parts.pop(PLACES), strict=True)
        return Head(
            bias=round(float(SLOPE * bias), 5),
            measured={name: round(float(SLOPE * weight), 6) for name, weight in measured.items() if weight},
            network={block: encoded(SLOPE * part) for block, part in parts.items()},
        )


def _scaling(photographs: NDArray[np.float32], measured: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centre and scale of a block's columns; a layer's are of several :data:`KINDS`."""
    spread = photographs.std(axis=0)
    scales = [
        np.maximum(part, LEAST_SPREAD * np.median(part) + 1e-6) * np.sqrt(len(part))
        for part in np.split(spread, 1 if measured else KINDS)
    ]
    return photographs.mean(axis=0), np.concatenate(scales)


def ridge(kernel: Floats, positive: Mask, used: Mask, penalty: float) -> Fit:
    """Towards 1 for ``positive`` and 0 for the rest of ``used``, both sides weighing the same.

    ``penalty``: share of a picture's mean squared length.
    """
    rows = np.flatnonzero(used)
    target = positive[rows].astype(np.float64)
    weight = np.where(target == 1, 1 / target.sum(), 1 / (1 - target).sum()) / 2
    inner = kernel[np.ix_(rows, rows)]
    to_middle = inner @ weight
    spread = float(weight @ to_middle)
    root = np.sqrt(weight * len(rows))
    centred = (inner - to_middle[:, None] - to_middle[None, :] + spread) * root[:, None] * root[None, :]
    centred += penalty * np.trace(centred) / len(rows) * np.eye(len(rows))
    beta = root * np.linalg.solve(centred, (target - 0.5) * root)
    bias = 0.5 - float(to_middle @ beta) + spread * float(beta.sum())
    return Fit(rows, beta - weight * beta.sum(), bias)


def scored(kernel: Floats, fit: Fit, rows: NDArray[np.int64]) -> Floats:
    """Scores of the pictures ``rows``."""
    return np.asarray(kernel[np.ix_(rows, fit.used)] @ fit.alpha + fit.bias)
