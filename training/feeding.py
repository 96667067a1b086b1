"""Batches as Keras's ``fit`` takes them: ``tf.data`` under TensorFlow, a sequence of Keras's under another backend.

A machine with a GPU may have JAX and no TensorFlow: with ``KERAS_BACKEND=jax`` the same commands train the same there.
"""

import gc
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from traceback import clear_frames
from typing import Any

import numpy as np

from training.backend import keras
from training.batches import AHEAD, Batch, Feed, dataset

Stopped = list[Exception]
"""What went wrong in the making of batches, the first first."""


def for_training(feed: Feed, epochs: range, pool: Executor | None = None, stopped: Stopped | None = None) -> Any:
    """The steps of these epochs; ``pool`` makes the batches in other processes, ``stopped``: see :func:`dataset`."""
    if on_tensorflow():
        return dataset(feed, range(epochs.start * feed.steps, epochs.stop * feed.steps), pool, stopped)
    return Epochs(feed, epochs.start, pool)


def for_watching(feed: Feed, pool: Executor | None = None, stopped: Stopped | None = None) -> Any:
    """One epoch, the same for each time it is asked for."""
    return dataset(feed, range(feed.steps), pool, stopped) if on_tensorflow() else Epochs(feed, 0, pool)


@contextmanager
def ending_plainly(stopped: Stopped) -> Iterator[None]:
    """What stopped the making of batches goes before what TensorFlow says of it; and a process that fails can end.

    TensorFlow's iterators wait for the batches that are being made, and at Python's end nobody makes them any more: it
    would wait for ever. So whatever ends ``fit`` early, they go here, while Python still answers.
    """
    try:
        yield
    except BaseException as end:  # also an interrupt; raised again
        _let_go(end)
        if stopped:
            raise stopped[0] from None
        raise


def _let_go(end: BaseException) -> None:
    """Free what the frames of an exception, and of those behind it, still hold."""
    behind: BaseException | None = end
    while behind is not None:
        clear_frames(behind.__traceback__)
        behind = behind.__context__
    gc.collect()


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
