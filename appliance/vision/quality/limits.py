"""The gate's limits, as the bundle carries them: chosen by ``dermkiosk-train gate``, never by hand."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
from pydantic import Field, model_validator

from appliance.errors import BundleInvalid, GateMissing
from appliance.vision.colour import Floats
from appliance.vision.part import Part, decoded
from appliance.vision.quality.lamp import Lamp
from appliance.vision.quality.places import KINDS, Places, covers, summed_up

FILE: Final = "gate.json"
"""In the bundle's folder, hashed like every other file of it."""
EXCLUSIONS: Final = ("residue", "too_small", "hair", "exudate")
"""The four exclusion cases."""


EVIDENCE_LIMIT: Final = 0.5
Features = Mapping[str, Floats]
"""Pooled features of the network by the name of the output they come from."""


class Head(Part):
    """One straight line between having a fault and not: bias + Σ weight · measure, 0 at the limit."""

    bias: float
    measured: dict[str, float]
    """Weight of each measure: those of :mod:`appliance.vision.quality.measures` by their names, and of
    :attr:`GateLimits.places`, as ``ink.strongest``."""
    network: dict[str, str] = Field(default_factory=dict)
    """Weights of the pooled features of an output of the network, base64 of little-endian float16, by its name."""

    @cached_property
    def network_weights(self) -> dict[str, Floats]:
        """One weight a feature. Raises ``ValueError`` where it is not base64 of float16."""
        return {name: decoded(weights) for name, weights in self.network.items()}

    def margin(self, measures: dict[str, float], features: Features) -> float:
        """Above 0: faulty. Raises ``KeyError`` for a measure not taken, ``ValueError`` for features not given."""
        total = self.bias + sum(weight * measures[name] for name, weight in self.measured.items())
        for name, weights in self.network_weights.items():
            if name not in features or features[name].shape != weights.shape:
                raise ValueError(f"{len(weights)} features of the network's output {name} are needed")
            total += float(weights @ features[name])
        return total


class Evidence(Part):
    """How sure the gate is of one exclusion case. Two heads: one learned from photographs, one from rendered faults.

    They are kept apart because a rendered fault is plainer than most real ones, and would teach one head to wait for
    plain ones.
    """

    heads: tuple[Head, ...] = Field(min_length=1)

    def score(self, measures: dict[str, float], features: Features) -> float:
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
    lamp: Lamp
    """What the check ``colour_cast`` measures."""
    not_skin: float
    no_lesion: float
    too_small_mm: float
    """Where the scale is known: the smallest diameter in mm."""
    too_small_share: float = 0.0
    """Where it is not: the smallest diameter of what is plainly a lesion, share of the view's side. Gates that were
    fitted before there was this limit have none."""
    exclusions: dict[str, Evidence]
    features: tuple[str, ...]
    """Names of the network's outputs whose pooled values the evidence uses."""
    places: dict[str, Places] = Field(default_factory=dict)
    """What is looked for at each place of the picture."""
    fitted_on: str

    @model_validator(mode="after")
    def _all_four(self) -> Self:
        if set(self.exclusions) != set(EXCLUSIONS):
            raise ValueError(f"exclusions are {sorted(self.exclusions)}, not {sorted(EXCLUSIONS)}")
        unknown = {name for each in self.places.values() for name in each.network} - set(self.features)
        if unknown:
            raise ValueError(f"places use the outputs {sorted(unknown)} of the network, but {self.features} are named")
        used = {name for case in self.exclusions.values() for head in case.heads for name in head.network}
        if not used <= set(self.features):
            raise ValueError(f"evidence uses the outputs {sorted(used)} of the network, but {self.features} are named")
        at_places = {f"{name}.{kind}" for name in self.places for kind in KINDS}
        asked = {name for case in self.exclusions.values() for head in case.heads for name in head.measured}
        if missing := {name for name in asked if "." in name} - at_places:
            raise ValueError(f"evidence uses {sorted(missing)}, which no places measure")
        return self

    def measured_at_places(self, outputs: Features) -> dict[str, float]:
        """The measures of :attr:`places`, ``name.kind``. ``outputs``: the network's maps. Raises as they do."""
        found = covers(self.places, outputs)
        return {f"{name}.{kind}": value for name, each in found.items() for kind, value in summed_up(each).items()}


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
