from pathlib import Path

import keras
import numpy as np
import pytest

from appliance.vision.preprocess import preprocess
from appliance.vision.runtime import Network
from training import network
from training.blocks import normalisation_for
from training.dataset import read_manifest
from training.finetune import precision
from training.golden import draw
from training.network import BACKBONE
from training.quantisation.convert import to_tflite, with_convolved_pools


def _views(manifest: Path, count: int) -> np.ndarray:
    photographs = read_manifest(manifest)
    return np.stack([preprocess(photographs.pixels(position)) for position in range(count)]).astype(np.float32) / 255


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A no-top InceptionV3 weights file whose batch normalisation is not the identity."""
    keras.utils.set_random_seed(4)
    plain = keras.applications.InceptionV3(include_top=False, weights=None)
    rng = np.random.default_rng(4)
    for layer in plain.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean, variance = layer.get_weights()
            layer.set_weights([rng.normal(0, 0.1, beta.shape), rng.normal(0, 0.1, mean.shape), variance * 0.7])
    file = tmp_path_factory.mktemp("weights") / "plain.weights.h5"
    plain.save_weights(file)
    return file


def _plain(source: Path) -> keras.Model:
    plain = keras.applications.InceptionV3(include_top=False, weights=None)
    plain.load_weights(source)
    return plain


def test_folding_the_normalisation_changes_no_answer(source: Path, manifest: Path) -> None:
    views = _views(manifest, 2)
    folded = network.build("unit")
    network.load_starting_weights(folded, str(source))
    expected = np.asarray(_plain(source)(views, training=False))
    assert np.allclose(np.asarray(folded.get_layer(BACKBONE)(views)), expected, atol=1e-4 * np.abs(expected).max())
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.get_layer(BACKBONE).layers)


def test_normalisation_is_live_in_training_and_folded_in_after_it(source: Path, manifest: Path) -> None:
    trained = network.build("symmetric", normalisation=normalisation_for(str(source)))
    network.load_starting_weights(trained, str(source))
    network.trainable(trained, "all")
    trained.compile(keras.optimizers.Adam(1e-3), loss={"logits": "mse", "outlier": "mse"})
    before = _statistics(trained)
    views = _views(manifest, 2)
    trained.fit(views, {"logits": np.ones((2, 8)), "outlier": np.ones((2, 1))}, verbose=0)
    assert not any(np.array_equal(*pair) for pair in zip(before, _statistics(trained), strict=True))
    folded = network.without_normalisation(trained)
    assert not _statistics(folded)
    said, expected = folded(views), trained(views, training=False)
    for name, value in expected.items():
        assert np.allclose(np.asarray(said[name]), np.asarray(value), atol=1e-4 * np.abs(value).max())
    assert network.without_normalisation(folded) is folded


def test_what_is_built_after_training_in_bfloat16_computes_in_float32() -> None:
    with precision("mixed_bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    assert keras.layers.Dense(1).compute_dtype == "float32"


def _statistics(of: keras.Model) -> list[np.ndarray]:
    """Mean and variance of each batch normalisation."""
    layers = of.get_layer(BACKBONE).layers
    normalisations = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    return [np.asarray(value) for layer in normalisations for value in layer.non_trainable_variables]


def test_keras_weights_are_fed_what_keras_feeds_them(source: Path, manifest: Path) -> None:
    views = _views(manifest, 1)
    symmetric = network.build("symmetric")
    network.load_starting_weights(symmetric, str(source))
    scaled = next(layer for layer in symmetric.layers if isinstance(layer, keras.layers.Rescaling))(views)
    expected = np.asarray(_plain(source)(keras.applications.inception_v3.preprocess_input(views * 255), training=False))
    assert np.allclose(np.asarray(symmetric.get_layer(BACKBONE)(scaled)), expected, atol=1e-4 * np.abs(expected).max())


def test_training_goes_on_from_a_bundle(bundle_folder: Path) -> None:
    view = preprocess(draw(3))
    again = network.with_class_maps(network.build("unit"))
    network.load_starting_weights(again, str(bundle_folder / "model.tflite"))
    shipped = Network((bundle_folder / "model.tflite").read_bytes(), threads=2)
    said, expected = again(view[None].astype(np.float32) / 255, training=False), shipped.run(view)
    for name in ("logits", "outlier"):
        assert np.allclose(np.asarray(said[name])[0], expected[name], atol=8 * shipped.step(name)), name


def test_says_when_there_are_no_such_weights(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no starting weights"):
        network.load_starting_weights(network.build("unit"), str(tmp_path / "missing.h5"))


@pytest.mark.parametrize(("begin", "first"), [("mixed8", 70), ("mixed3", 26), ("all", 0), ("head", 94)])
def test_training_begins_where_it_is_told_to(begin: str, first: int) -> None:
    model = network.build("unit")
    network.trainable(model, begin)
    layers = network.convolutions(model.get_layer(BACKBONE))
    assert [layer.trainable for layer in layers] == [number >= first for number in range(94)]
    assert model.get_layer("class_maps").trainable


def test_block_names_stand_where_keras_has_them() -> None:
    backbone = network.build("unit").get_layer(BACKBONE)
    numbers = {layer.name: number for number, layer in enumerate(backbone.layers)}
    layers = network.convolutions(backbone)
    for block, first in network.FIRST_CONVOLUTION.items():
        if block.startswith("mixed"):
            assert numbers[layers[first - 1].name] < numbers[block], block
            assert max(numbers[layer.name] for layer in layers[:first]) < numbers[block]
    assert len(layers) == 94


def test_pools_as_convolutions_are_the_same_function(manifest: Path) -> None:
    model = network.with_class_maps(network.build("unit"))
    views = _views(manifest, 2)
    expected = model(views, training=False)
    said = with_convolved_pools(model)(views, training=False)
    for name, value in expected.items():
        assert np.allclose(np.asarray(said[name]), np.asarray(value), atol=1e-5), name


# TensorFlow warns that no float ranges of the inputs were given by hand, as its older converter wanted.
@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning")
def test_a_small_network_keeps_its_answers_in_int8(manifest: Path) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((299, 299, 3), name="image")
    hidden = keras.layers.Conv2D(8, 5, 4, activation="relu")(inputs)
    logits = keras.layers.GlobalAveragePooling2D(name="logits")(keras.layers.Conv2D(8, 1)(hidden))
    small = keras.Model(inputs, {"logits": logits})
    views = [(view * 255).astype(np.uint8) for view in _views(manifest, 6)]
    exact, rounded = (Network(to_tflite(small, some), threads=1) for some in (None, views))
    for view in views:
        difference = np.abs(exact.run(view)["logits"] - rounded.run(view)["logits"]).max()
        assert difference <= 4 * rounded.step("logits")
