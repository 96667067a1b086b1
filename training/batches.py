"""Photographs as batches: augmented and mixed for training, plain for everything else, fed through ``tf.data``.

A batch follows from the seed and the number of the step alone. So a run that was cut goes on as if it never had been,
and several workers can each make their own part of the same batch (mixing pairs photographs within a part). All are of
one size, for a compiler that compiles anew for another: what fills up an epoch's last one counts for nothing.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from training.augment import augment
from training.dataset import Photographs
from training.mixing import Mixing, mix

Floats = NDArray[np.float32]
Batch = tuple[NDArray[np.uint8], Floats, Floats, Floats, Floats]
"""Views (N×299×299×3), class targets (N×C), outlier targets (N×1), weights of the class targets (N), of the outlier's.
"""

AHEAD: Final = 4
"""Batches made while the network is busy with an earlier one."""


def class_weights(targets: NDArray[np.int64], classes: int) -> Floats:
    """Weight per class: square root of mean count over count, so that 28 pemphigus do not shout down 600 carcinomas."""
    counts = np.bincount(targets[targets >= 0], minlength=classes)
    weights = np.sqrt(counts[counts > 0].mean() / np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0.0).astype(np.float32)


@dataclass(frozen=True)
class Truth:
    """What the network is told of each photograph: N×C class targets, N outlier targets, N weights of the former."""

    classes: Floats
    outlier: Floats
    weights: Floats

    @classmethod
    def of(cls, targets: NDArray[np.int64], weights: Floats, smoothing: float = 0.0, exposure: float = 0.0) -> "Truth":
        """From class indices (−1: none of them).

        ``smoothing`` spreads that share of each target over all classes. ``exposure`` is the weight with which a
        photograph of none of the classes asks for the uniform answer (outlier exposure, Hendrycks et al. 2019,
        arXiv 1812.04606); 0 leaves its class target unused.
        """
        count, known = len(weights), targets >= 0
        sure = np.eye(count, dtype=np.float32)[np.maximum(targets, 0)] * (1 - smoothing) + smoothing / count
        classes = np.where(known[:, None], sure, 1 / count).astype(np.float32)
        weight = np.where(known, weights[np.maximum(targets, 0)], exposure).astype(np.float32)
        return cls(classes, (~known).astype(np.float32), weight)

    def taught(self, teacher: Floats, share: float) -> "Truth":
        """With ``share`` of each class target replaced by the teacher's (N×C, rows of NaN: the teacher is silent)."""
        heard = ~np.isnan(teacher).any(axis=1, keepdims=True)
        blended = np.where(heard, self.classes * (1 - share) + np.nan_to_num(teacher) * share, self.classes)
        return Truth(blended.astype(np.float32), self.outlier, self.weights)


@dataclass(frozen=True)
class Feed:
    """Makes the batches of a run. ``seed`` None: in order, not augmented, not mixed."""

    photographs: Photographs
    truth: Truth
    size: int
    seed: int | None = None
    mixing: Mixing | None = None
    marked: tuple[str, ...] = ()
    """Sources that write their name across the middle of the picture."""
    part: tuple[int, int] = (0, 1)
    """Which worker this is and of how many: each makes every so-manieth photograph of the batch."""

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return -(-len(self.photographs) // self.size)

    def batch(self, step: int) -> Batch:
        """The batch of a step, counted from the first epoch's first."""
        rows, counts = self._rows(step)
        views = np.stack([self._view(int(row), step // self.steps) for row in rows])
        truth = self.truth.classes[rows], self.truth.outlier[rows][:, None], self.truth.weights[rows] * counts
        if self.seed is not None and self.mixing is not None:
            views, truth = mix(views, truth, self.mixing, np.random.default_rng((self.seed, step, self.part[0])))
        return views, *truth, counts

    def _rows(self, step: int) -> tuple[NDArray[np.int64], Floats]:
        """Rows of this worker's part of the batch, and 1 for each that counts, 0 for what only fills it up."""
        epoch, number = divmod(step, self.steps)
        rows = np.arange(len(self.photographs))
        if self.seed is not None:
            rows = np.random.default_rng((self.seed, epoch)).permutation(rows)
        worker, workers = self.part
        mine = rows[number * self.size : (number + 1) * self.size]
        counts = (np.arange(self.size) < len(mine)).astype(np.float32)
        # Filled up with others of the epoch: batch normalisation counts them, too.
        return np.resize([*mine, *rows], self.size)[worker::workers], counts[worker::workers]

    def _view(self, row: int, epoch: int) -> Pixels:
        pixels = self.photographs.pixels(row)
        if self.seed is None:
            return preprocess(pixels)
        marked = str(self.photographs.rows["source"].iloc[row]) in self.marked
        return augment(pixels, np.random.default_rng((self.seed, epoch, row)), self.photographs.box(row), marked)


def dataset(
    feed: Feed, steps: Sequence[int], pool: Executor | None = None, stopped: list[Exception] | None = None
) -> Any:
    """``tf.data`` of the steps: (views, targets, weights) by output; ``pool`` makes the batches in other processes.

    ``stopped`` takes up what went wrong in the making: TensorFlow raises an error of its own that holds a text alone.
    """
    import tensorflow as tf

    make = _told(_through(pool, feed) if pool is not None else feed.batch, [] if stopped is None else stopped)
    classes = feed.truth.classes.shape[1]
    shapes = ((None, *_side(feed)), (None, classes), (None, 1), (None,), (None,))

    def load(step: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """One batch as Keras wants it: views 0 … 1, targets and weights by output; shapes that numpy did not tell."""
        kinds = [tf.uint8, tf.float32, tf.float32, tf.float32, tf.float32]
        parts = tf.numpy_function(lambda number: make(int(number)), [step], kinds)
        known = [tf.ensure_shape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
        views, target, outlier, weight, counts = known
        return (
            tf.cast(views, tf.float32) / 255,
            {"logits": target, "outlier": outlier},
            {"logits": weight, "outlier": counts},
        )

    numbers = tf.data.Dataset.from_tensor_slices(np.asarray(steps, np.int64))
    return numbers.map(load, num_parallel_calls=AHEAD, deterministic=True).prefetch(AHEAD)


def _side(feed: Feed) -> tuple[int, int, int]:
    height, width, colours = preprocess(feed.photographs.pixels(0)).shape
    return height, width, colours


def _through(pool: Executor, feed: Feed) -> Callable[[int], Batch]:
    return lambda step: pool.submit(feed.batch, step).result()


def _told(make: Callable[[int], Batch], stopped: list[Exception]) -> Callable[[int], Batch]:
    def telling(step: int) -> Batch:
        try:
            return make(step)
        except Exception as wrong:
            stopped.append(wrong)
            raise

    return telling
