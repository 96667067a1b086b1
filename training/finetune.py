"""Transfer learning in two phases: the head alone, then the whole network at a low rate.

All state lies in the run's folder, so a run that was killed goes on with the same command:
``config.json`` what was asked for, ``split.csv`` who is in which split, ``<phase>.keras`` the last whole
epoch with its optimiser, ``history.csv`` a row an epoch, ``best.weights.h5`` the weights to quantise.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import keras
import pandas as pd

from training.batches import Batches, class_weights
from training.dataset import Photographs, assign_splits, read_manifest, read_split
from training.network import Scaling, build, load_starting_weights, trainable
from training.progress import EpochBar

Precision = Literal["float32", "mixed_bfloat16"]
WATCHED: Final = "val_logits_loss"


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on; kept as config.json beside what it made."""

    data: str
    weights: str
    scaling: Scaling = "unit"
    exclude_sources: tuple[str, ...] = ()
    head_epochs: int = 2
    epochs: int = 16
    head_rate: float = 1e-3
    rate: float = 2e-4
    weight_decay: float = 1e-4
    label_smoothing: float = 0.05
    outlier_weight: float = 0.5
    batch: int = 16
    patience: int = 6
    precision: Precision = "float32"
    seed: int = 8


@dataclass(frozen=True)
class Phase:
    """One stretch of training with its own learning rate."""

    name: Literal["head", "whole"]
    epochs: int
    rate: float


class OtherRecipe(ValueError):
    """The run's folder holds a run with another recipe."""


def finetune(recipe: Recipe, run: Path) -> None:
    """Train, or go on training, in the folder ``run``. Raises :class:`OtherRecipe` if it holds something else."""
    _claim(run, recipe)
    photographs = _split(run, recipe)
    keras.utils.set_random_seed(recipe.seed)
    keras.mixed_precision.set_dtype_policy(recipe.precision)
    network = build(recipe.scaling)
    load_starting_weights(network, recipe.weights)
    for phase in (Phase("head", recipe.head_epochs, recipe.head_rate), Phase("whole", recipe.epochs, recipe.rate)):
        network = _train(network, phase, recipe, photographs, run)


def _claim(run: Path, recipe: Recipe) -> None:
    run.mkdir(parents=True, exist_ok=True)
    config = run / "config.json"
    manifest = hashlib.sha256(Path(recipe.data).read_bytes()).hexdigest()
    wanted = json.loads(json.dumps({**asdict(recipe), "manifest_sha256": manifest}))
    if config.exists() and json.loads(config.read_text()) != wanted:
        raise OtherRecipe(f"{run} holds a run with another recipe or manifest; choose another --run folder")
    config.write_text(json.dumps(wanted, indent=2) + "\n")


def _split(run: Path, recipe: Recipe) -> Photographs:
    """Made once and then read: what was held back at the start is held back for good."""
    file = run / "split.csv"
    if not file.exists():
        manifest = read_manifest(Path(recipe.data), recipe.exclude_sources)
        unfinished = run / "unfinished-split.csv"
        assign_splits(manifest, recipe.seed).rows.to_csv(unfinished, index=False)
        unfinished.replace(file)
    return read_split(run, Path(recipe.data))


def _train(network: keras.Model, phase: Phase, recipe: Recipe, photographs: Photographs, run: Path) -> keras.Model:
    train = photographs.of("train")
    weights = class_weights(train.targets)
    batches = Batches(train, weights, recipe.batch, recipe.seed)
    network, done = _start_or_resume(network, phase, recipe, len(batches), run)
    keeper = Keeper(run, phase, recipe.patience)
    if done < phase.epochs and not keeper.enough():
        batches.start_epoch(done)
        watch = Batches(photographs.of("validation"), weights, recipe.batch, None)
        bar = EpochBar(phase.name, phase.epochs, len(batches))
        network.fit(
            batches, validation_data=watch, epochs=phase.epochs, initial_epoch=done, verbose=0, callbacks=[keeper, bar]
        )
    return network


def _start_or_resume(
    network: keras.Model, phase: Phase, recipe: Recipe, steps: int, run: Path
) -> tuple[keras.Model, int]:
    """The network compiled for the phase and the number of epochs it has behind it."""
    kept = run / f"{phase.name}.keras"
    if kept.exists():
        network = keras.models.load_model(kept)
        return network, int(network.optimizer.iterations) // steps
    trainable(network, whole=phase.name == "whole")
    schedule = keras.optimizers.schedules.CosineDecay(
        phase.rate / 20, phase.epochs * steps, warmup_target=phase.rate, warmup_steps=steps // 2
    )
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, clipnorm=1.0),
        loss={"logits": _cross_entropy(recipe), "outlier": keras.losses.BinaryCrossentropy(from_logits=True)},
        loss_weights={"logits": 1.0, "outlier": recipe.outlier_weight},
        weighted_metrics={"logits": [keras.metrics.CategoricalAccuracy("top1")]},
        jit_compile=False,
    )
    return network, 0


def _cross_entropy(recipe: Recipe) -> keras.losses.Loss:
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """After each epoch: the checkpoint, the history, the best weights, and whether it is time to stop."""

    def __init__(self, run: Path, phase: Phase, patience: int) -> None:
        super().__init__()
        self.run, self.phase, self.patience = run, phase, patience

    def history(self) -> pd.DataFrame:
        """The rows of this phase, oldest first."""
        file = self.run / "history.csv"
        rows = pd.read_csv(file) if file.exists() else pd.DataFrame({"phase": [], "epoch": []})
        return rows[rows["phase"] == self.phase.name].reset_index(drop=True)

    def enough(self) -> bool:
        """True when the watched loss has not improved for ``patience`` epochs."""
        rows = self.history()
        return len(rows) > 0 and int(rows[WATCHED].to_numpy().argmin()) < len(rows) - self.patience

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras calls this. The checkpoint comes last: a kill before it repeats the epoch, a kill after it does not."""
        self._remember(epoch, logs or {})
        rows = self.history()
        if self.phase.name == "whole" and int(rows[WATCHED].to_numpy().argmin()) == len(rows) - 1:
            self._replace("best.weights.h5", self.model.save_weights)
        self._replace(f"{self.phase.name}.keras", self.model.save)
        self.model.stop_training = self.enough()

    def _remember(self, epoch: int, logs: dict[str, Any]) -> None:
        file = self.run / "history.csv"
        rows = pd.read_csv(file) if file.exists() else pd.DataFrame({"phase": [], "epoch": []})
        earlier = rows[(rows["phase"] != self.phase.name) | (rows["epoch"] < epoch)]
        row = {"phase": self.phase.name, "epoch": epoch, **{name: float(value) for name, value in logs.items()}}
        pd.concat([earlier, pd.DataFrame([row])]).to_csv(file, index=False)

    def _replace(self, name: str, save: Any) -> None:
        unfinished = self.run / f"unfinished-{name}"
        save(unfinished)
        unfinished.replace(self.run / name)
