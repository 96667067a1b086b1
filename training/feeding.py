"""Batches as Keras's ``fit`` takes them: ``tf.data`` under TensorFlow, a sequence of Keras's under another backend.

A machine with a GPU may have JAX and no TensorFlow: with ``KERAS_BACKEND=jax`` the same commands train the same there.
"""

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from training.batches import AHEAD, Batch, Feed, dataset


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


def following(feed: Any) -> list[keras.callbacks.Callback]:
    """What ``fit`` must be given beside what :func:`for_training` returned."""
    if not isinstance(feed, Epochs):
        return []
    return [keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: feed.turn_to(epoch))]  # noqa: ARG005


class Epochs(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """A feed as a sequence of ``feed.steps`` batches, which Keras reads once an epoch.

    Keras has a queue of its own, but fills it across the ends of epochs and drops what is in it, so that the batches of
    a step would no longer follow from its number. So it gets one worker, and the batches ahead are made here.
    """

    def __init__(self, feed: Feed, first: int, pool: Executor | None = None) -> None:
        """``first``: the epoch to begin with, counted from 0."""
        super().__init__(workers=1, use_multiprocessing=False)
        self.feed, self.epoch = feed, first
        self.makers = pool or ThreadPoolExecutor(AHEAD)
        self.coming: dict[int, Future[Batch]] = {}

    def turn_to(self, epoch: int) -> None:
        """The epoch that is read next."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches an epoch."""
        return self.feed.steps

    def __getitem__(self, number: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Views 0 … 1 (N×299×299×3), targets and weights by the network's outputs."""
        first = self.epoch * self.feed.steps
        for step in range(first + number, first + min(number + 1 + AHEAD, self.feed.steps)):
            if step not in self.coming:
                self.coming[step] = self.makers.submit(self.feed.batch, step)
        views, classes, outlier, weights, counts = self.coming.pop(first + number).result()
        return (
            np.multiply(views, np.float32(1 / 255), dtype=np.float32),
            {"logits": classes, "outlier": outlier},
            {"logits": weights, "outlier": counts},
        )
