"""The gate's limits, as the bundle carries them: chosen by ``dermkiosk-train gate``, never by hand."""

import base64
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.errors import BundleInvalid, GateMissing
from appliance.vision.colour import Floats

FILE: Final = "gate.json"
"""In the bundle's folder, hashed like every other file of it."""
EXCLUSIONS: Final = ("residue", "too_small", "hair", "exudate")
"""The four exclusion cases."""


EVIDENCE_LIMIT: Final = 0.5


class Part(BaseModel):
    """Strict and frozen: an unknown or missing name is an error, not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(Part):
    """One straight line between having a fault and not: bias + Σ weight · measure, 0 at the limit."""

    bias: float
    measured: dict[str, float]
    """Weight of each classical measure, by its name in :mod:`appliance.vision.quality.measures`."""
    network: str = ""
    """Weights of the network's pooled features, base64 of little-endian float16; empty where they have no say."""

    @cached_property
    def network_weights(self) -> Floats:
        """One weight a feature. Raises ``ValueError`` where it is not base64 of float16."""
        return np.frombuffer(base64.b64decode(self.network, validate=True), "<f2").astype(np.float32)

    def margin(self, measures: dict[str, float], features: Floats | None) -> float:
        """Above 0: faulty. Raises ``KeyError`` for a measure not taken, ``ValueError`` for features not given."""
        total = self.bias + sum(weight * measures[name] for name, weight in self.measured.items())
        if not self.network:
            return total
        if features is None or features.shape != self.network_weights.shape:
            raise ValueError(f"{len(self.network_weights)} features of the network are needed")
        return total + float(self.network_weights @ features)


class Evidence(Part):
    """How sure the gate is of one exclusion case. Two heads: one learned from photographs, one from rendered faults.

    They are kept apart because a rendered fault is plainer than most real ones, and would teach one head to wait for
    plain ones.
    """

    heads: tuple[Head, ...] = Field(min_length=1)

    def score(self, measures: dict[str, float], features: Floats | None) -> float:
        """The surer head's sigmoid, 0 … 1; its limit is :data:`EVIDENCE_LIMIT`. Raises as :meth:`Head.margin`."""
        margin = max(head.margin(measures, features) for head in self.heads)
        return float(1 / (1 + np.exp(-np.clip(margin, -50, 50))))


class GateLimits(Part):
    """One limit a check; the unit is in the check's own file."""

    focus: float
    motion: float
    exposure: float
    uneven_light: float
    colour_cast: float
    not_skin: float
    no_lesion: float
    too_small_mm: float
    """Where the scale is known: the smallest diameter in mm."""
    exclusions: dict[str, Evidence]
    features: tuple[str, ...]
    """Names of the network's outputs whose pooled values the evidence uses, in this order."""
    fitted_on: str

    @model_validator(mode="after")
    def _all_four(self) -> Self:
        if set(self.exclusions) != set(EXCLUSIONS):
            raise ValueError(f"exclusions are {sorted(self.exclusions)}, not {sorted(EXCLUSIONS)}")
        if not self.features and any(head.network for case in self.exclusions.values() for head in case.heads):
            raise ValueError("evidence uses features of the network, but no output is named")
        return self


def encoded(weights: NDArray[np.floating]) -> str:
    """Weights as :attr:`Evidence.network` keeps them."""
    return base64.b64encode(weights.astype("<f2").tobytes()).decode("ascii")


def limits_of(folder: Path, sha256: dict[str, str]) -> GateLimits:
    """The limits of the bundle in ``folder``, whose files have the hashes ``sha256``, which were checked.

    Raises :class:`appliance.errors.GateMissing` where there is no hash for a gate, and
    :class:`appliance.errors.BundleInvalid` where the file is not what it should be.
    """
    if FILE not in sha256:
        raise GateMissing(str(folder), file=FILE)
    try:
        return GateLimits.model_validate_json((folder / FILE).read_bytes())
    except ValueError as unreadable:  # pydantic's errors are ValueErrors
        raise BundleInvalid(str(unreadable), problem=FILE) from unreadable
