"""From the float network to INT8 .tflite files: the ways there are, so that they can be compared.

All are full INT8 with weights per channel and softmax left out. ``tensorflow`` is TensorFlow's converter. XNNPACK has
no INT8 average pool, so nine of them split the network into partitions; ``tensorflow-pools`` writes each 3×3 pool as a
depthwise convolution, which XNNPACK takes. ``litert-quantizer`` quantises the converted float file.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from training.backend import keras
from training.dataset import Photographs
from training.network import BACKBONE
from training.quiet import holding_back

Floats = NDArray[np.float32]
Way = Literal["tensorflow", "tensorflow-pools", "litert-quantizer"]
WAYS: Final[tuple[Way, ...]] = get_args(Way)


def convert(network: keras.Model, photographs: Photographs, way: Way = "tensorflow") -> bytes:
    """The .tflite file: outputs by name in ``serving_default``; uint8 in and int8 out but for litert-quantizer.

    ``photographs`` set the ranges of the activations.
    """
    views = [preprocess(photographs.pixels(position)) for position in range(len(photographs))]
    if way == "litert-quantizer":
        return _litert_quantizer(network, views)
    return to_tflite(with_convolved_pools(network) if way == "tensorflow-pools" else network, views)


def to_tflite(network: keras.Model, views: list[Pixels] | None) -> bytes:
    """TensorFlow's converter: full INT8 with the ranges that ``views`` (uint8 N×side×side×3) need; ``None``: float."""
    import tensorflow as tf

    converter = converter_of(network, views)
    if views is not None:
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.int8
    with converting():
        return bytes(converter.convert())


def converter_of(network: keras.Model, views: list[Pixels] | None) -> Any:
    """TensorFlow's converter for the network, INT8 inside where there are ``views``, floats in and out."""
    import tensorflow as tf

    with converting():
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if views is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _inputs(views)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter


def _litert_quantizer(network: keras.Model, views: list[Pixels]) -> bytes:
    from litert_quantizer import quantizer, recipe

    converter = quantizer.Quantizer(to_tflite(network, None), recipe.static_wi8_ai8())
    calibration = {"serving_default": [{"image": batch} for (batch,) in _inputs(views)]}
    with converting():
        return bytes(converter.quantize(converter.calibrate(calibration)).quantized_model)


@contextmanager
def converting() -> Iterator[None]:
    """Without the converters' own warnings: they speak of how converters call themselves, and no user could act."""
    with holding_back(), warnings.catch_warnings():
        own = (
            "Statistics for quantized inputs",
            ".*experimental_preserve_all_tensors",
            r"(?s).*tf\.lite\.Interpreter is",
        )
        for said in own:
            warnings.filterwarnings("ignore", said, UserWarning)
        yield


def _inputs(views: list[Pixels]) -> Iterator[list[Floats]]:
    # Black and white first: the input's scale is then exactly 1/255 and its zero point 0.
    shape = (1, *views[0].shape)
    yield [(np.arange(np.prod(shape)).reshape(shape) % 2).astype(np.float32)]
    for view in views:
        yield [view[None].astype(np.float32) / np.float32(255)]


def with_convolved_pools(network: keras.Model) -> keras.Model:
    """The same function with each 3×3 average pool as a depthwise convolution.

    Keras's pool divides by the places inside the picture, a convolution always by nine; a constant map makes up for it
    along the border.
    """
    backbone = network.get_layer(BACKBONE)
    if not any(isinstance(layer, keras.layers.AveragePooling2D) for layer in backbone.layers):
        return network

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.AveragePooling2D):
            return ConvolvedPool(name=layer.name)
        return layer  # shared with the network, weights and all

    convolved = keras.models.clone_model(backbone, clone_function=copy)
    swapped = {BACKBONE: convolved}
    return keras.models.clone_model(network, clone_function=lambda layer: swapped.get(layer.name, layer))


class ConvolvedPool(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """3×3 average pool, stride 1, same padding, by convolution."""

    def build(self, shape: tuple[int | None, int, int, int]) -> None:
        """Keras calls this."""
        _, height, width, channels = shape
        self.ninth = np.full((3, 3, channels, 1), 1 / 9, np.float32)
        rows, columns = (np.minimum(3, 2 + (np.arange(n) % (n - 1) > 0)) for n in (height, width))
        self.border = (9 / np.outer(rows, columns)).astype(np.float32)[None, :, :, None]

    def call(self, inputs: Any) -> Any:
        """Keras calls this."""
        return keras.ops.depthwise_conv(inputs, self.ninth, padding="same") * self.border
