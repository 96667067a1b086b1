"""Everything a training run depends on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from appliance.vision.classes import CLASSES
from training.blocks import FIRST_CONVOLUTION, Normalisation, Scaling, normalisation_for
from training.errors import StepRefused

Precision = Literal["float32", "mixed_bfloat16"]


@dataclass(frozen=True)
class Phase:
    """One stretch of training: from which block of the network on, how long, at which peak learning rate."""

    begin: str
    epochs: int
    rate: float

    def __post_init__(self) -> None:
        if self.begin not in FIRST_CONVOLUTION:
            raise StepRefused(f"training can begin at {', '.join(FIRST_CONVOLUTION)}, not at {self.begin!r}")
        if not (isinstance(self.epochs, int) and isinstance(self.rate, int | float) and self.epochs > 0 < self.rate):
            raise StepRefused(
                f"the phase from {self.begin} has epochs = {self.epochs!r} and rate = {self.rate!r}: numbers "
                "above 0, for example epochs = 4, rate = 3e-4"
            )

    @property
    def name(self) -> str:
        """For files and progress bars."""
        return self.begin

    @classmethod
    def parse(cls, text: str) -> "Phase":
        """From ``mixed8:4:2e-4``: block, epochs, rate. Raises ``StepRefused``."""
        try:
            begin, epochs, rate = text.split(":")
            return cls(begin, int(epochs), float(rate))
        except ValueError as wrong:
            raise StepRefused(f"--phase {text}: BLOCK:EPOCHS:RATE, for example mixed8:4:3e-4 ({wrong})") from wrong


GRADUAL = (Phase("head", 2, 1e-3), Phase("mixed8", 4, 3e-4), Phase("all", 16, 2e-4))
"""Head, then the last three blocks, then all of it."""


@dataclass(frozen=True)
class Recipe:
    """What a run is asked for; kept as config.json beside what it made."""

    data: str
    """The split: a manifest with a column ``split``."""
    weights: str
    scaling: Scaling = "unit"
    images: str = ""
    """A file in the folder that the image paths are relative to; empty: the split itself."""
    phases: tuple[Phase, ...] = GRADUAL
    exclude_sources: tuple[str, ...] = ()
    marked_sources: tuple[str, ...] = ()
    """Sources that write their name across the middle of the picture, to be hidden."""
    weight_decay: float = 1e-4
    dropout: float = 0.3
    label_smoothing: float = 0.05
    outlier_weight: float = 0.5
    """Weight of the outlier output's loss."""
    exposure: float = 0.0
    """Weight with which photographs of none of the classes ask for the uniform answer."""
    mixing: float = 0.0
    """Share of the photographs that are mixed with another."""
    teaching: float = 0.0
    """Share of each target that comes from the teacher."""
    averaging: float = 0.0
    """Momentum of the running average of the weights; 0: none."""
    batch: int = 16
    patience: int = 6
    precision: Precision = "float32"
    seed: int = 8

    @property
    def normalisation(self) -> Normalisation:
        """Whether batch normalisation is live or in the convolutions already."""
        return normalisation_for(self.weights)

    @property
    def classes(self) -> int:
        """Channels of the class output."""
        return len(CLASSES)


def scaling_for(weights: str, asked: str | None) -> Scaling:
    """The input scaling that belongs to the weights: Keras's own are symmetric; ``asked`` overrules."""
    if asked not in (None, "unit", "symmetric"):
        raise StepRefused(f"scaling is unit or symmetric, not {asked!r}")
    return asked or ("symmetric" if weights == "imagenet" else "unit")  # type: ignore[return-value]  # checked above


def read_config(file: Path) -> dict[str, Any]:
    """The config.json of a run. Where it does not say how it normalises, a start from weights had it folded in."""
    stated: dict[str, Any] = json.loads(file.read_text())
    return {"normalisation": "live" if stated.get("weights") == "none" else "folded", **stated}
