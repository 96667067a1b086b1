"""InceptionV3, fully convolutional to the end, so that the class maps are exact.

mixed10 (8×8×2048) → 1×1 convolution, one channel a class = ``class_maps`` → global average = ``logits``.
Beside it one more channel, ``outlier``: how little the photograph looks like the eight.
"""

from pathlib import Path
from typing import Final, Literal

import keras

from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import INPUT_SIDE_PX

Scaling = Literal["unit", "symmetric"]
"""What the starting weights expect of a pixel x in 0 … 255: x/255, or Keras's own x/127.5 − 1."""

BACKBONE: Final = "inception_v3"


def build(scaling: Scaling, dropout: float = 0.3) -> keras.Model:
    """The network as it trains, with random weights. Input float N×299×299×3 in [0, 1], outputs logits and outlier."""
    inputs = keras.Input((INPUT_SIDE_PX, INPUT_SIDE_PX, 3), name="image")
    scaled = keras.layers.Rescaling(2.0, -1.0)(inputs) if scaling == "symmetric" else inputs
    # Batch statistics stay those of the starting weights: with 16 photographs a step they would be noise.
    mixed10 = _backbone()(scaled, training=False)
    kept = keras.layers.Dropout(dropout, name="dropout")(mixed10)
    class_maps = keras.layers.Conv2D(len(CLASSES), 1, name="class_maps")(kept)
    outlier_map = keras.layers.Conv2D(1, 1, name="outlier_map")(kept)
    outputs = {"logits": _mean("logits")(class_maps), "outlier": _mean("outlier")(outlier_map)}
    return keras.Model(inputs, outputs, name="skin8")


def with_class_maps(network: keras.Model) -> keras.Model:
    """The same layers with the class maps (N×8×8×classes) as a further output: what the box runs."""
    outputs = {**network.output, "class_maps": network.get_layer("class_maps").output}
    return keras.Model(network.input, outputs, name=network.name)


def load_starting_weights(network: keras.Model, weights: str) -> None:
    """``imagenet`` (Keras downloads it), ``none``, or the path of a no-top InceptionV3 weights file."""
    if weights == "imagenet":
        source = keras.applications.InceptionV3(include_top=False, weights="imagenet")
        network.get_layer(BACKBONE).set_weights(source.get_weights())
    elif weights != "none":
        network.get_layer(BACKBONE).load_weights(Path(weights))


def trainable(network: keras.Model, whole: bool) -> None:
    """Train the head alone, or the whole network."""
    network.get_layer(BACKBONE).trainable = whole


def _backbone() -> keras.Model:
    shape = (INPUT_SIDE_PX, INPUT_SIDE_PX, 3)
    return keras.applications.InceptionV3(include_top=False, weights=None, input_shape=shape, name=BACKBONE)


def _mean(name: str) -> keras.layers.Layer:
    # float32 also under a mixed-precision policy: losses need it.
    return keras.layers.GlobalAveragePooling2D(name=name, dtype="float32")
