"""Transfer learning in phases: the head alone, then more and more of the network.

All state lies in the run's folder, so a run that was killed goes on with the same command:
``config.json`` what was asked for, ``split.csv`` who is in which split, ``<phase>.keras`` the last whole
epoch with its optimiser, ``history.csv`` a row an epoch, ``best.weights.h5`` the weights to quantise,
``tensorboard/`` the curves.
"""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from training.backend import keras
from training.batches import Feed, Truth, class_weights
from training.curation.split import check, ready
from training.dataset import Photographs, read_manifest, read_split
from training.distribute import Cluster
from training.errors import StepRefused
from training.feeding import ending_plainly, following, for_training, for_watching, on_tensorflow
from training.keeper import Keeper
from training.lock import alone_in
from training.mixing import Mixing
from training.network import build, load_starting_weights, synchronise, trainable
from training.pace import Pace, PacedAdamW
from training.parallel import processes
from training.progress import EpochBar
from training.recipe import Phase, Precision, Recipe, read_config

TEACHER: Final = "teacher.npz"
READ: Final = ("image", "label", "group", "source", "split", "near_duplicates")
"""Columns of the manifest that a run depends on, beside the lesion's box."""


class OtherRecipe(StepRefused):
    """The run's folder holds a run with another recipe."""


def finetune(recipe: Recipe, run: Path, workers: int = 0) -> None:
    """Train, or go on training, in the folder ``run``; ``workers`` further processes make the batches.

    Raises :class:`OtherRecipe` if the folder holds something else, :class:`training.errors.RunInUse` where another
    process trains in it, ``StepRefused`` where the split leaks.
    """
    ready(Path(recipe.data), Path(recipe.images or recipe.data), recipe.exclude_sources)
    cluster = Cluster.join()
    own = cluster.folder(run)
    with alone_in(own, "finetune"):
        Console(highlight=False).print(cluster.on())
        _train(recipe, run, own, cluster, workers)


def _train(recipe: Recipe, run: Path, own: Path, cluster: Cluster, workers: int) -> None:
    claim(own, recipe)
    photographs = _split(own, recipe)
    keras.utils.set_random_seed(recipe.seed)
    with _pool(workers) as pool, cluster.scope(), precision(recipe.precision):
        network = build(recipe.scaling, recipe.dropout, recipe.normalisation)
        if cluster.strategy is not None:
            synchronise(network)
        load_starting_weights(network, recipe.weights)
        for phase in recipe.phases:
            network = Training(recipe, phase, photographs, own, cluster, pool, run).run_on(network)


@dataclass(frozen=True)
class Training:
    """One phase of a run."""

    recipe: Recipe
    phase: Phase
    photographs: Photographs
    run: Path
    cluster: Cluster
    pool: Executor | None
    teacher: Path
    """The folder with what the teacher said: one for all workers."""

    def run_on(self, network: keras.Model) -> keras.Model:
        """Train the phase, or what is left of it; returns the network as the phase left it."""
        feed, watch = self._feeds()
        network, done = self._start_or_resume(network, feed.steps)
        keeper = Keeper(self.run, self.phase.name, self.recipe.patience, last=self.phase == self.recipe.phases[-1])
        if done < self.phase.epochs and not keeper.enough():
            self._fit(network, feed, watch, done, keeper)
        return network

    def _fit(self, network: keras.Model, feed: Feed, watch: Feed, done: int, keeper: Keeper) -> None:
        stopped: list[Exception] = []
        shown = for_training(feed, range(done, self.phase.epochs), self.pool, stopped)
        with ending_plainly(stopped):
            network.fit(
                self.cluster.share(shown),
                steps_per_epoch=feed.steps,
                validation_data=self.cluster.share(for_watching(watch, self.pool, stopped)),
                validation_steps=watch.steps,
                epochs=self.phase.epochs,
                initial_epoch=done,
                verbose=0,
                shuffle=False,  # the feed is shuffled already
                callbacks=[*following(shown), *self._callbacks(keeper, feed.steps)],
            )

    def _feeds(self) -> tuple[Feed, Feed]:
        """What the phase learns from, and what it is watched on."""
        recipe, part = self.recipe, self.cluster.part
        train, validation = self.photographs.of("train"), self.photographs.of("validation")
        weights = class_weights(train.targets, recipe.classes)
        truth = Truth.of(train.targets, weights, recipe.label_smoothing, recipe.exposure)
        if recipe.teaching:
            truth = truth.taught(teacher_of(self.teacher, train), recipe.teaching)
        mixing = Mixing(recipe.mixing) if recipe.mixing and self.phase.begin != "head" else None
        watched = Truth.of(validation.targets, weights)
        return (
            Feed(train, truth, recipe.batch, recipe.seed, mixing, recipe.marked_sources, part),
            Feed(validation, watched, recipe.batch, part=part),
        )

    def _callbacks(self, keeper: Keeper, steps: int) -> list[keras.callbacks.Callback]:
        """The keeper first: while the averaged weights are swapped in for validation, it takes its copy of them."""
        average = [keras.callbacks.SwapEMAWeights()] if self.recipe.averaging else []
        folder = self.run / "tensorboard" / self.phase.name
        # Keras writes the curves through TensorFlow; history.csv has the same figures.
        curves = [keras.callbacks.TensorBoard(folder, write_graph=False)] if on_tensorflow() else []
        return [keeper, *average, EpochBar(self.phase.name, self.phase.epochs, steps), *curves]

    def _start_or_resume(self, network: keras.Model, steps: int) -> tuple[keras.Model, int]:
        """The network compiled for the phase and the number of epochs it has behind it."""
        kept = self.run / f"{self.phase.name}.keras"
        if kept.exists():
            network = keras.models.load_model(kept)
            return network, int(network.optimizer.iterations) // steps
        trainable(network, self.phase.begin)
        network.compile(
            self._optimiser(steps),
            loss={
                "logits": keras.losses.CategoricalCrossentropy(from_logits=True),
                "outlier": keras.losses.BinaryCrossentropy(from_logits=True),
            },
            loss_weights={"logits": 1.0, "outlier": self.recipe.outlier_weight},
            weighted_metrics={"logits": [keras.metrics.CategoricalAccuracy("top1")]},
            jit_compile=not on_tensorflow(),  # XLA is slower than TensorFlow's own kernels on a processor
        )
        return network, 0

    def _optimiser(self, steps: int) -> keras.optimizers.Optimizer:
        averaging = self.recipe.averaging
        return PacedAdamW(
            Pace(self.phase.rate, warmup=steps // 2, steps=self.phase.epochs * steps + steps // 2),
            weight_decay=self.recipe.weight_decay,
            clipnorm=1.0,
            use_ema=averaging > 0,
            ema_momentum=averaging or 0.99,
        )


def teacher_of(run: Path, photographs: Photographs) -> Any:
    """What the teacher said of each photograph (N×C probabilities, NaN where it was not asked)."""
    with np.load(run / TEACHER) as said:
        rows = {str(name): row for name, row in zip(said["image"], said["probability"], strict=True)}
        silent = np.full(said["probability"].shape[1], np.nan, np.float32)
    return np.stack([rows.get(str(name), silent) for name in photographs.rows["image"]])


@contextmanager
def precision(name: Precision) -> Iterator[None]:
    """What layers that are made inside compute in. Outside all is float32: a network to convert and compare with is."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def _pool(workers: int) -> Iterator[Executor | None]:
    if not workers:
        yield None
        return
    with processes(workers) as pool:
        yield pool


def claim(run: Path, recipe: Recipe) -> None:
    """Write the recipe into the folder, or see that it is the one that is there. Raises :class:`OtherRecipe`."""
    run.mkdir(parents=True, exist_ok=True)
    config = run / "config.json"
    manifest = _fingerprint(recipe)
    added = {"normalisation": recipe.normalisation, "manifest_sha256": manifest}
    wanted = json.loads(json.dumps({**asdict(recipe), **added}))
    if config.exists() and read_config(config) != wanted:
        raise OtherRecipe(f"{run} holds a run with another recipe or manifest; choose another --run folder")
    config.write_text(json.dumps(wanted, indent=2) + "\n")


def _fingerprint(recipe: Recipe) -> str:
    """SHA-256 of what training reads of the manifest: what else was remarked on a photograph may change in a run."""
    rows = read_manifest(Path(recipe.data), recipe.exclude_sources).rows
    read = [str(name) for name in rows if name in READ or str(name).startswith("box_")]
    return hashlib.sha256(rows[read].to_csv(index=False).encode()).hexdigest()


def _split(run: Path, recipe: Recipe) -> Photographs:
    """Copied once and then read: what was held back at the start is held back for good."""
    file = run / "split.csv"
    if not file.exists():
        manifest = read_manifest(Path(recipe.data), recipe.exclude_sources)
        check(manifest.rows)
        unfinished = run / "unfinished-split.csv"
        manifest.rows.to_csv(unfinished, index=False)
        unfinished.replace(file)
    return read_split(run, Path(recipe.images or recipe.data))
