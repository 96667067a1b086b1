from pathlib import Path

import numpy as np
import pytest

from appliance.vision.preprocess import preprocess
from training.backend import keras
from training.golden import draw
from training.network import BACKBONE, build, convolutions, load_starting_weights
from training.quantisation.bias_correction import correct_biases, rounded

BUNDLE = Path(__file__).parents[3] / "models/skin8-inceptionv3/model.tflite"


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    """The network that ships, its weights somewhere between the steps of INT8 as training leaves them."""
    network = build("unit")
    load_starting_weights(network, str(BUNDLE))
    rng = np.random.default_rng(4)
    for layer in _layers(network):
        kernel, bias = layer.get_weights()
        step = np.abs(kernel).max(axis=(0, 1, 2)) / 127
        layer.set_weights([kernel + rng.uniform(-0.4, 0.4, kernel.shape) * step, bias])
    return network


def _layers(network: keras.Model) -> list[keras.layers.Conv2D]:
    return [*convolutions(network.get_layer(BACKBONE)), network.get_layer("class_maps")]


def _said(network: keras.Model) -> np.ndarray:
    fresh = np.stack([preprocess(draw(number)) for number in range(100, 104)])
    return np.asarray(network(fresh.astype(np.float32) / 255, training=False)["logits"])


def _round(network: keras.Model) -> None:
    for layer in _layers(network):
        kernel, bias = layer.get_weights()
        layer.set_weights([rounded(kernel), bias])


def test_rounding_the_weights_hardly_shifts_what_the_network_says(trained: keras.Model) -> None:
    exact, kept = _said(trained), trained.get_weights()
    _round(trained)
    shifted = np.abs((_said(trained) - exact).mean(axis=0)).mean()
    trained.set_weights(kept)
    correct_biases(trained, [preprocess(draw(number)) for number in range(6)])
    _round(trained)
    assert np.abs((_said(trained) - exact).mean(axis=0)).mean() < shifted / 2


def test_weights_on_the_steps_of_an_int8_file_need_nothing() -> None:
    kernel = np.random.default_rng(1).normal(size=(3, 3, 4, 5)) * np.array([1, 2, 0.1, 0, 5.0])
    assert np.allclose(rounded(rounded(kernel)), rounded(kernel), atol=1e-12)
    assert np.abs(rounded(kernel) - kernel).max(axis=(0, 1, 2))[1] <= np.abs(kernel[..., 1]).max() / 254 + 1e-12
    assert (rounded(kernel)[..., 3] == 0).all()
