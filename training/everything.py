"""All steps from photographs to a bundle, as one TOML file asks for them."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.dataset import Split
from training.recipe import Phase, Recipe, scaling_for

Config = dict[str, Any]
Say = Callable[[str], object]


def run_all(config: Path, data: Path, weights: Path, say: Say) -> None:
    """Curate, split, fine-tune, quantise, calibrate, fit the gate, evaluate. Each step says its name to ``say``.

    ``data`` is the folder of the photographs, ``weights`` that of the starting weights. Steps write into the folders
    ``run`` and ``bundle`` of the TOML. Raises ``ValueError`` where the TOML asks for something there is not.
    """
    wanted = tomllib.loads(config.read_text())
    try:
        steps = Steps(wanted, data, weights)
    except (KeyError, TypeError) as wrong:
        raise ValueError(f"{config}: {wrong}") from wrong
    for name, step in steps.in_order():
        say(f"— {name}")
        step()


class Steps:
    """The steps of one TOML file."""

    def __init__(self, wanted: Config, data: Path, weights: Path) -> None:
        """Raises ``KeyError`` or ``TypeError`` for what is missing or unknown."""
        self.run, self.bundle = Path(wanted["run"]), Path(wanted["bundle"])
        self.data, self.wanted = data, wanted
        self.curated = self.run / "curated"
        self.split_file = self.curated / "split.csv"
        self.recipe = recipe(wanted["finetune"], self.split_file, data / "manifest.csv", weights)

    def in_order(self) -> tuple[tuple[str, Callable[[], object]], ...]:
        """Name and function of each step."""
        return (
            ("curate", self.curate),
            ("split", self.split),
            ("finetune", self.finetune),
            *((("soup", self.soup),) if "soup" in self.wanted else ()),
            ("quantise", self.quantise),
            ("calibrate", self.calibrate),
            ("gate", self.gate),
            ("evaluate on validation photographs", lambda: self.evaluate("validation")),
            ("evaluate on test photographs", lambda: self.evaluate("test")),
        )

    def curate(self) -> None:
        """Look at every photograph once; what was found is kept, so that the next time is quick."""
        from training.curate import SHIPPED, Wishes, curate

        wishes = {"crop": False, **self.wanted.get("curate", {})}
        wishes["bundle"] = Path(wishes.get("bundle", SHIPPED))
        curate(self.data / "manifest.csv", self.curated, Wishes(**wishes))

    def split(self) -> None:
        """The same every time."""
        from training.split import split_file

        wishes = dict(self.wanted.get("split", {}))
        keep = wishes.pop("keep", None)
        train_only = tuple(wishes.pop("train_only_sources", ()))
        manifest = self.curated / "manifest.csv"
        split_file(manifest, self.split_file, keep=Path(keep) if keep else None, train_only=train_only, **wishes)

    def soup(self) -> None:
        """Mix with what the run started from."""
        from training.soup import soup

        soup(self.run, tuple(self.wanted["soup"]["shares"]))

    def gate(self) -> None:
        """Limits of the photograph checks, where there are labels of quality."""
        from training.gate import fit_gate

        fit_gate(self.bundle, self.data / "manifest.csv", self.run / "gate")

    def evaluate(self, split: Split) -> None:
        """Every figure, the report, the card."""
        from training.evaluate import evaluate

        evaluate(self.run, self.bundle, split)

    def finetune(self) -> None:
        """Train, or go on."""
        from training.finetune import finetune

        finetune(self.recipe, self.run)

    def quantise(self) -> None:
        """INT8, if it passes."""
        from training.quantise import quantise

        quantise(self.run, self.bundle, **{"representatives": 240, "seed": 8, **self.wanted.get("quantise", {})})

    def calibrate(self) -> None:
        """On validation photographs."""
        from training.calibrate import calibrate

        calibrate(self.run, self.bundle)


def recipe(wanted: Config, split: Path, images: Path, weights: Path) -> Recipe:
    """The recipe of a TOML table; ``weights`` is a name in that folder, ``imagenet`` or ``none``."""
    rest = dict(wanted)
    start = rest.pop("weights")
    start = start if start in ("imagenet", "none") else str(weights / start)
    rest["phases"] = tuple(Phase(**phase) for phase in rest["phases"])
    for name in ("exclude_sources", "marked_sources"):
        rest[name] = tuple(rest.get(name, ()))
    scaling = scaling_for(start, rest.pop("scaling", None))
    return Recipe(data=str(split), images=str(images), weights=start, scaling=scaling, **rest)
