"""Networks that are only looked at are fed what their weights expect."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from training import backbones, features
from training.backbones import Contender
from training.dataset import Photographs
from training.features import cache_names, inception
from training.network import BACKBONE, build
from training.predict import pooled_features

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def photograph(tmp_path: Path) -> Photographs:
    """A single one, of one colour: no preparation changes it."""
    Image.new("RGB", (300, 300), (200, 140, 110)).save(tmp_path / "plain.png")
    return Photographs(tmp_path, pd.DataFrame({"image": ["plain.png"]}))


def test_pooled_features_are_of_what_the_network_sees(photograph: Photographs) -> None:
    network = build("symmetric")
    view = np.broadcast_to(np.array([200, 140, 110], np.float32) / 127.5 - 1, (1, 299, 299, 3))
    mixed10 = np.asarray(network.get_layer(BACKBONE)(view, training=False))
    assert np.allclose(pooled_features(network, photograph), mixed10.mean(axis=(1, 2)), rtol=1e-3, atol=1e-5)


def test_keras_own_inception_is_fed_its_own_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "load_starting_weights", lambda *_: None)  # the weights would be downloaded
    grey = np.full((1, 96, 96, 3), 0.5, np.float32)
    for weights, seen in (("imagenet", 0.0), ("given.weights.h5", 0.5)):
        trunk = Contender(BACKBONE, weights).trunk(96)
        expected = trunk.get_layer(BACKBONE)(np.full_like(grey, seen), training=False)
        assert np.allclose(np.asarray(trunk(grey, training=False)), np.asarray(expected), atol=1e-6)


def test_frozen_features_of_keras_own_weights_are_fed_their_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "load_starting_weights", lambda *_: None)  # the weights would be downloaded
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert np.unique(inception("imagenet").scale(ends)).tolist() == [-1, 1]
    assert np.unique(inception("none").scale(ends)).tolist() == [0, 1]


def test_another_photograph_of_the_same_name_is_another(photograph: Photographs) -> None:
    before = cache_names(photograph)
    assert cache_names(photograph) == before
    Image.new("RGB", (300, 300), (10, 140, 110)).save(photograph.path(0))
    assert cache_names(photograph) != before
    photograph.path(0).unlink()
    with pytest.raises(ValueError, match=r"plain\.png"):
        cache_names(photograph)
