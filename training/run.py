"""A finished fine-tuning run, read back from its folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.backend import keras
from training.dataset import Photographs, read_split
from training.network import build, with_class_maps, without_normalisation
from training.recipe import read_config


@dataclass(frozen=True)
class Run:
    """A finished fine-tuning run."""

    folder: Path
    recipe: dict[str, Any]
    photographs: Photographs

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Raises ``FileNotFoundError`` where ``folder`` holds no run."""
        recipe = read_config(folder / "config.json")
        return cls(folder, recipe, read_split(folder, Path(recipe["images"] or recipe["data"])))

    def network(self) -> keras.Model:
        """The best weights in float32, batch normalisation folded in, with class maps."""
        network = build(self.recipe["scaling"], normalisation=self.recipe["normalisation"])
        network.load_weights(self.folder / "best.weights.h5")
        return with_class_maps(without_normalisation(network))
