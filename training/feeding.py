"""Batches as Keras's ``fit`` takes them: ``tf.data`` under TensorFlow, Keras's own queue under another backend.

A machine with a GPU may have JAX and no TensorFlow: with ``KERAS_BACKEND=jax`` the same commands train the same there.
"""

from concurrent.futures import Executor
from typing import Any

import keras
import numpy as np

from training.batches import AHEAD, Feed, dataset


def for_training(feed: Feed, epochs: range, pool: Executor | None = None) -> Any:
    """The steps of these epochs; ``pool`` makes the batches in other processes."""
    if on_tensorflow():
        return dataset(feed, range(epochs.start * feed.steps, epochs.stop * feed.steps), pool)
    return Epochs(feed, epochs.start, pool)


def for_watching(feed: Feed, pool: Executor | None = None) -> Any:
    """One epoch, the same for each time it is asked for."""
    return dataset(feed, range(feed.steps), pool) if on_tensorflow() else Epochs(feed, 0, pool)


def on_tensorflow() -> bool:
    """Whether Keras's backend is TensorFlow."""
    return bool(keras.backend.backend() == "tensorflow")


class Epochs(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """A feed as a sequence of ``feed.steps`` batches, which Keras reads once an epoch, a few ahead of the network."""

    def __init__(self, feed: Feed, first: int, pool: Executor | None = None) -> None:
        """``first``: the epoch to begin with, counted from 0."""
        super().__init__(workers=AHEAD, use_multiprocessing=False, max_queue_size=2 * AHEAD)
        self.feed, self.epoch, self.pool = feed, first, pool

    def __len__(self) -> int:
        """Batches an epoch."""
        return self.feed.steps

    def __getitem__(self, number: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Views 0 … 1 (N×299×299×3), targets and weights by the network's outputs."""
        step = self.epoch * self.feed.steps + number
        make = self.feed.batch
        views, classes, outlier, weights, counts = self.pool.submit(make, step).result() if self.pool else make(step)
        return (
            np.multiply(views, np.float32(1 / 255), dtype=np.float32),
            {"logits": classes, "outlier": outlier},
            {"logits": weights, "outlier": counts},
        )

    def on_epoch_end(self) -> None:
        """Keras calls this when it has read all."""
        self.epoch += 1
