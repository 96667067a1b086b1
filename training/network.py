"""InceptionV3, fully convolutional to the end, so that the class maps are exact.

mixed10 (8×8×2048) → 1×1 convolution, one channel a class = ``class_maps`` → global average = ``logits``.
Beside it one more channel, ``outlier``: how little the photograph looks like the eight.

Batch normalisation is live while the network trains: with the statistics of the starting weights it needs twice the
epochs for the same (docs/training.md). Once trained it is an affine map, and is folded into the convolution before it:
fewer layers, the same function. So a network that starts from a bundle has none left.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import INPUT_SIDE_PX
from training import tflite_weights
from training.backend import keras
from training.blocks import FIRST_CONVOLUTION, Normalisation, Scaling
from training.errors import StepRefused

BACKBONE: Final = "inception_v3"


def build(
    scaling: Scaling,
    dropout: float = 0.3,
    normalisation: Normalisation = "folded",
    classes: int = len(CLASSES),
    side_px: int = INPUT_SIDE_PX,
) -> keras.Model:
    """The network as it trains, with random weights. Input float N×299×299×3 in [0, 1], outputs logits and outlier."""
    inputs = keras.Input((side_px, side_px, 3), name="image")
    scaled = keras.layers.Rescaling(2.0, -1.0)(inputs) if scaling == "symmetric" else inputs
    mixed10 = _backbone(normalisation, side_px)(scaled)
    kept = keras.layers.Dropout(dropout, name="dropout")(mixed10)
    class_maps = keras.layers.Conv2D(classes, 1, name="class_maps")(kept)
    outlier_map = keras.layers.Conv2D(1, 1, name="outlier_map")(kept)
    outputs = {"logits": _mean("logits")(class_maps), "outlier": _mean("outlier")(outlier_map)}
    return keras.Model(inputs, outputs, name="skin8")


def with_class_maps(network: keras.Model) -> keras.Model:
    """The same layers with the class maps (N×8×8×classes) as a further output: what the box runs."""
    outputs = {**network.output, "class_maps": network.get_layer("class_maps").output}
    return keras.Model(network.input, outputs, name=network.name)


def load_starting_weights(network: keras.Model, weights: str) -> None:
    """Fill the network with what it starts from.

    ``imagenet`` (Keras downloads it), ``none``, the path of a no-top InceptionV3 weights file, or the .tflite of an
    earlier bundle, whose INT8 weights are taken back to float, head included. Raises ``StepRefused`` for anything else.
    """
    if weights == "none":
        return
    if weights.endswith(".tflite"):
        _load_bundle(network, Path(weights))
    elif weights == "imagenet" or Path(weights).is_file():
        kerass = "imagenet" if weights == "imagenet" else None
        source = keras.applications.InceptionV3(include_top=False, weights=kerass)
        if weights != "imagenet":
            source.load_weights(Path(weights))
        _fold_into(network.get_layer(BACKBONE), source)
    else:
        raise StepRefused(f"there are no starting weights at {weights}: imagenet, none, a .weights.h5 or a .tflite")


def without_normalisation(network: keras.Model) -> keras.Model:
    """The trained network with its batch normalisation folded in, the same function; itself where it has none."""
    backbone = network.get_layer(BACKBONE)
    if not _normalisations(backbone):
        return network
    scalings = [layer for layer in network.layers if isinstance(layer, keras.layers.Rescaling)]
    heads = {name: network.get_layer(name) for name in ("class_maps", "outlier_map")}
    folded = build(
        "symmetric" if scalings else "unit", classes=heads["class_maps"].filters, side_px=network.input.shape[1]
    )
    _fold_into(folded.get_layer(BACKBONE), backbone)
    for name, head in heads.items():
        folded.get_layer(name).set_weights(head.get_weights())
    return folded


def synchronise(network: keras.Model) -> None:
    """Count live batch statistics over all of the batch where several GPUs or machines share it."""
    for normalisation in _normalisations(network.get_layer(BACKBONE)):
        normalisation.synchronized = True


def trainable(network: keras.Model, begin: str) -> None:
    """Train the head and everything from block ``begin`` on: a key of ``FIRST_CONVOLUTION``."""
    first = FIRST_CONVOLUTION[begin]
    backbone = network.get_layer(BACKBONE)
    backbone.trainable = begin != "head"
    for number, (convolution, normalisation) in enumerate(_pairs(backbone)):
        convolution.trainable = number >= first
        if normalisation is not None:
            normalisation.trainable = number >= first


def convolutions(backbone: keras.Model) -> list[keras.layers.Conv2D]:
    """The 94 convolutions in the order they are declared in."""
    layers = [layer for layer in backbone.layers if isinstance(layer, keras.layers.Conv2D)]
    return sorted(layers, key=_number)


def _number(layer: keras.layers.Layer) -> int:
    """Keras counts layers of a kind up from nothing: conv2d, conv2d_1, … and ours are conv_00, conv_01, …"""
    ending = layer.name.rpartition("_")[2]
    return int(ending) if ending.isdecimal() else 0


def _pairs(backbone: keras.Model) -> list[tuple[keras.layers.Layer, keras.layers.Layer | None]]:
    """Each convolution with the batch normalisation behind it, if there is one."""
    normalisations = _normalisations(backbone)
    return list(zip(convolutions(backbone), normalisations or [None] * len(FOLDED_NAMES), strict=True))


def _normalisations(backbone: keras.Model) -> list[keras.layers.BatchNormalization]:
    layers = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    return sorted(layers, key=_number)


FOLDED_NAMES: Final = tuple(f"conv_{number:02d}" for number in range(94))


def _backbone(normalisation: Normalisation, side_px: int) -> keras.Model:
    shape = (side_px, side_px, 3)
    plain = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=shape, name=BACKBONE)
    return _without_normalisation(plain) if normalisation == "folded" else plain


def _without_normalisation(plain: keras.Model) -> keras.Model:
    """The same graph with a bias in each convolution and nothing where its batch normalisation was."""
    names = {layer.name: name for layer, name in zip(convolutions(plain), FOLDED_NAMES, strict=True)}

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        """The layer without its weights; nothing in a normalisation's place, and a bias where one was folded."""
        if isinstance(layer, keras.layers.BatchNormalization):
            return keras.layers.Identity(name=layer.name)
        config = layer.get_config()
        if layer.name in names:
            config |= {"use_bias": True, "name": names[layer.name]}
        return layer.__class__.from_config(config)

    def call(layer: keras.layers.Layer, *inputs: Any, **options: Any) -> Any:
        """The copy, called as its original was."""
        options.pop("mask", None)  # batch normalisation takes one, what stands for it does not
        return layer(*inputs, **options)

    return keras.models.clone_model(plain, clone_function=copy, call_function=call)


def _fold_into(backbone: keras.Model, source: keras.Model) -> None:
    """Copy ``source``, folding its batch normalisation where ``backbone`` has none."""
    if _normalisations(backbone):
        backbone.set_weights(source.get_weights())
        return
    for into, (convolution, normalisation) in zip(convolutions(backbone), _pairs(source), strict=True):
        into.set_weights(folded(convolution, normalisation))


def folded(convolution: keras.layers.Layer, normalisation: Any) -> list[Any]:
    """Kernel and bias of a convolution with its (scale-free) batch normalisation in its moving statistics."""
    beta, mean, variance = (np.asarray(weight) for weight in normalisation.get_weights())
    factor = 1 / np.sqrt(variance + normalisation.epsilon)
    return [np.asarray(convolution.get_weights()[0]) * factor, beta - mean * factor]


def _load_bundle(network: keras.Model, file: Path) -> None:
    kernels = tflite_weights.read(file)
    for number, layer in enumerate(convolutions(network.get_layer(BACKBONE))):
        layer.set_weights(kernels[f"conv_{number:02d}"])
    for name in ("class_maps", "outlier_map"):
        network.get_layer(name).set_weights(kernels[name])


def _mean(name: str) -> keras.layers.Layer:
    # float32 also under a mixed-precision policy: losses need it.
    return keras.layers.GlobalAveragePooling2D(name=name, dtype="float32")
