"""One table of backbones: the same photographs, split, recipe and judge for each; float and INT8, size and latency."""

import csv
import importlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from appliance.vision.classes import CLASSES
from appliance.vision.photo import Pixels
from appliance.vision.runtime import Network
from training.backend import keras
from training.batches import Feed, Truth, class_weights, dataset
from training.blocks import normalisation_for
from training.dataset import Photographs, Split
from training.efficientnet_lite import lite0
from training.errors import StepRefused
from training.evaluation import metrics
from training.evaluation.metrics import Answers
from training.network import BACKBONE, build, load_starting_weights
from training.quantisation.convert import to_tflite
from training.recipe import scaling_for

ROUNDS: Final = 15
"""Runs whose median is the latency, one thread."""
REPRESENTATIVES: Final = 100
FIGURES: Final = {
    "top-1": metrics.top1,
    "top-3": metrics.top3,
    "balanced": metrics.balanced,
    "macro AUROC": metrics.macro_auroc,
    "malignant AUROC": metrics.malignant_auroc,
}
NEEDED: Final[tuple[Split, ...]] = ("train", "validation")
Row = dict[str, str | float]


@dataclass(frozen=True)
class Contender:
    """A backbone and what it starts from: ``inception_v3``, ``efficientnet_lite0`` or a name of keras.applications."""

    name: str
    weights: str

    @classmethod
    def parse(cls, text: str) -> "Contender":
        """From ``NAME=WEIGHTS``; weights: a file, ``imagenet`` (Keras downloads it) or ``none``.

        Raises ``StepRefused`` for anything else.
        """
        name, separator, weights = text.partition("=")
        if not separator:
            raise StepRefused(f"{text!r} is not NAME=WEIGHTS")
        return cls(name, weights)

    def trunk(self, side_px: int) -> keras.Model:
        """Input in [0, 1], N×side×side×3; output the last feature map."""
        if self.name == BACKBONE:
            scaling = scaling_for(self.weights, None)
            network = build(scaling, normalisation=normalisation_for(self.weights), side_px=side_px)
            load_starting_weights(network, self.weights)
            # Up to the dropout: the backbone alone would lack the scaling before it.
            return keras.Model(network.input, network.get_layer("dropout").input, name=BACKBONE)
        return _lite0(self.weights, side_px) if self.name == "efficientnet_lite0" else self._of_keras(side_px)

    def _of_keras(self, side_px: int) -> keras.Model:
        make: Callable[..., keras.Model] | None = getattr(keras.applications, self.name, None)
        if make is None:
            raise StepRefused(f"keras.applications has no {self.name}")
        prepare = importlib.import_module(make.__module__).preprocess_input
        inputs = keras.Input((side_px, side_px, 3))
        weights = None if self.weights == "none" else self.weights
        trunk = make(include_top=False, weights=weights, input_shape=(side_px, side_px, 3))
        return keras.Model(inputs, trunk(prepare(inputs * 255.0)), name=self.name)


def _lite0(weights: str, side_px: int) -> keras.Model:
    network = lite0(side_px)
    if weights != "none":
        network.load_weights(weights)
    trunk = keras.Model(network.input, network.get_layer("top").output)
    inputs = keras.Input((side_px, side_px, 3))
    return keras.Model(inputs, trunk(inputs * (255 / 128) - 127 / 128), name="efficientnet_lite0")


@dataclass(frozen=True)
class Trial:
    """What every contender is given."""

    photographs: Photographs
    side_px: int
    head_epochs: int
    epochs: int
    rate: float = 2e-4
    batch: int = 16
    seed: int = 8


def compare(contenders: list[Contender], trial: Trial, folder: Path) -> list[Row]:
    """Train and judge each on the validation photographs; rows go to backbones.csv in ``folder`` as they come.

    Raises ``StepRefused`` where the split trains or validates on nothing, or photographs are not there.
    """
    for split in NEEDED:
        if not len(trial.photographs.of(split).of_the_eight()):
            raise StepRefused(f"the split has no photographs of the eight for {split}")
    trial.photographs.all_there()
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for contender in contenders:
        rows += judged(contender, trial)
        with (folder / "backbones.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    return rows


def judged(contender: Contender, trial: Trial) -> list[Row]:
    """One row for the float file and one for the INT8 file."""
    keras.utils.set_random_seed(trial.seed)
    network = _with_head(contender.trunk(trial.side_px))
    _train(network, trial)
    watched = trial.photographs.of("validation").of_the_eight()
    views = [view_of(watched.pixels(position), trial.side_px) for position in range(len(watched))]
    train = trial.photographs.of("train").of_the_eight()
    chosen = np.random.default_rng(trial.seed).permutation(len(train))[:REPRESENTATIVES]
    examples = [view_of(train.pixels(int(position)), trial.side_px) for position in chosen]
    files = {"float": to_tflite(network, None), "int8": to_tflite(network, examples)}
    return [_row(contender, kind, file, views, watched, trial.side_px) for kind, file in files.items()]


def _with_head(trunk: keras.Model) -> keras.Model:
    maps = keras.layers.Conv2D(len(CLASSES), 1, name="class_maps")(keras.layers.Dropout(0.3)(trunk.output))
    logits = keras.layers.GlobalAveragePooling2D(name="logits", dtype="float32")(maps)
    return keras.Model(trunk.input, {"logits": logits})


def _train(network: keras.Model, trial: Trial) -> None:
    """The head alone, then everything."""
    train = trial.photographs.of("train").of_the_eight()
    weights = class_weights(train.targets, len(CLASSES))
    feed = Feed(train, Truth.of(train.targets, weights, 0.05), trial.batch, trial.seed)
    body = network.layers[:-3]
    for whole, epochs, rate in ((False, trial.head_epochs, 1e-3), (True, trial.epochs, trial.rate)):
        for layer in body:
            layer.trainable = whole
        if epochs:
            schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * feed.steps)
            loss = {"logits": keras.losses.CategoricalCrossentropy(from_logits=True)}
            network.compile(keras.optimizers.AdamW(schedule, clipnorm=1.0), loss=loss, jit_compile=False)
            first = 0 if not whole else trial.head_epochs * feed.steps
            network.fit(
                _resized(dataset(feed, range(first, first + epochs * feed.steps)), trial.side_px),
                epochs=epochs,
                steps_per_epoch=feed.steps,
                verbose=0,
                shuffle=False,
            )


def _resized(batches: Any, side_px: int) -> Any:
    import tensorflow as tf

    def smaller(views: Any, targets: Any, weights: Any) -> tuple[Any, ...]:
        seen = tf.image.resize(views, (side_px, side_px), antialias=True)
        return seen, {"logits": targets["logits"]}, {"logits": weights["logits"]}

    return batches.map(smaller)


def view_of(pixels: Pixels, side_px: int) -> Pixels:
    """The central square at the contender's own size."""
    from appliance.vision.preprocess import central_square

    image = Image.fromarray(pixels).resize((side_px, side_px), Image.Resampling.BILINEAR, box=central_square(pixels))
    return np.asarray(image)


def _row(contender: Contender, kind: str, file: bytes, views: list[Pixels], watched: Photographs, side_px: int) -> Row:
    network = Network(file, threads=2)
    logits = np.array([network.run(view)["logits"] for view in views], np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    answers = Answers(shares / shares.sum(axis=1, keepdims=True), np.zeros(len(views)), *metrics.truth(watched))
    figures = {name: round(figure(answers), 3) for name, figure in FIGURES.items()}
    start = "nothing" if contender.weights == "none" else Path(contender.weights).name
    about: Row = {"backbone": contender.name, "from": start, "file": kind, "side px": side_px}
    return {**about, **figures, "MB": round(len(file) / 1e6, 1), "ms": round(latency_ms(file, views[0]), 1)}


def latency_ms(file: bytes, view: Pixels) -> float:
    """Median of ``ROUNDS`` runs on one thread, after two that do not count."""
    network = Network(file, threads=1)
    times = []
    for _ in range(ROUNDS + 2):
        start = time.perf_counter()
        network.run(view)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[2:])


def as_table(rows: list[Row]) -> str:
    """Markdown."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
