from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from training.batches import Feed, Truth
from training.dataset import read_manifest
from training.feeding import Epochs, following


def _feed(manifest: Path, seed: int | None) -> Feed:
    photographs = read_manifest(manifest)
    return Feed(photographs, Truth.of(photographs.targets, np.ones(8, np.float32)), 8, seed)


def _small() -> keras.Model:
    """Cheap enough to be trained in a test, with the outputs that the feed is for."""
    views = keras.Input((299, 299, 3))
    seen = keras.layers.GlobalAveragePooling2D()(views)
    outputs = {
        "logits": keras.layers.Dense(8, name="logits")(seen),
        "outlier": keras.layers.Dense(1, name="outlier")(seen),
    }
    network = keras.Model(views, outputs)
    losses = {
        "logits": keras.losses.CategoricalCrossentropy(from_logits=True),
        "outlier": keras.losses.BinaryCrossentropy(from_logits=True),
    }
    network.compile(keras.optimizers.SGD(0.0), loss=losses)
    return network


def test_without_tensorflow_s_feed_every_epoch_is_the_same_steps(manifest: Path) -> None:
    feed = _feed(manifest, seed=3)
    epochs = Epochs(feed, first=2)
    assert len(epochs) == feed.steps
    for epoch in (2, 3):
        epochs.turn_to(epoch)
        views, targets, weights = epochs[1]
        made = feed.batch(epoch * feed.steps + 1)
        assert np.allclose(views * 255, made[0], atol=1e-3)
        assert np.array_equal(targets["logits"], made[1])
        assert np.array_equal(weights["outlier"], made[4])


@pytest.mark.parametrize("first", [0, 2])
def test_fit_trains_on_every_step_of_every_epoch_in_its_order(manifest: Path, first: int) -> None:
    """Also where it goes on with a later epoch."""
    feed = _feed(manifest, seed=3)
    epochs = Epochs(feed, first)
    network = _small()
    trained: list[float] = []
    each = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: trained.append(logs["loss"]))
    network.fit(
        epochs, epochs=first + 2, initial_epoch=first, verbose=0, shuffle=False, callbacks=[*following(epochs), each]
    )
    expected: list[float] = []
    for epoch in (first, first + 1):
        losses = [
            network.test_on_batch(*_whole(feed, epoch * feed.steps + n), return_dict=True) for n in range(len(epochs))
        ]
        expected += list(np.cumsum([loss["loss"] for loss in losses]) / np.arange(1, len(losses) + 1))
    assert np.allclose(trained, expected, rtol=1e-4)


def _whole(feed: Feed, step: int) -> Any:
    """The batch of a step as the network takes it."""
    alone = Epochs(feed, step // feed.steps)
    return alone[step % feed.steps]


def test_other_processes_make_the_same(manifest: Path) -> None:
    feed = _feed(manifest, seed=3)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert np.array_equal(Epochs(feed, 0, pool)[2][0], Epochs(feed, 0)[2][0])


def test_fit_watches_the_whole_of_it_after_every_epoch(manifest: Path) -> None:
    """A generator in its place would be read in windows that do not begin where the photographs do."""
    watched = _feed(manifest, seed=None)
    network = _small()
    told: Any = network.fit(Epochs(watched, 0), validation_data=Epochs(watched, 0), epochs=3, verbose=0, shuffle=False)
    seen = told.history["val_loss"]
    assert np.allclose(seen, network.evaluate(Epochs(watched, 0), verbose=0, return_dict=True)["loss"])
    assert np.allclose(seen, told.history["loss"])
