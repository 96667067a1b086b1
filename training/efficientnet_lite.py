"""EfficientNet-Lite0 in Keras: no squeeze-and-excitation, ReLU6, stem and head of fixed width.

The layout is that of the published model (Tan and Le 2019, arXiv 1905.11946; the Lite variants of 2020), so that its
ImageNet weights fit; the input is (x − 127) / 128.
"""

from typing import Final

from training.backend import keras

BLOCKS: Final = (
    # repeats, kernel, stride, expansion, channels out
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM: Final = 32
HEAD: Final = 1280
CLASSES_OF_IMAGENET: Final = 1000
SIDE_PX: Final = 224


def lite0(side_px: int = SIDE_PX) -> keras.Model:
    """With its ImageNet top, random weights. Input float N×side×side×3 in [−1, 1], output N×1000 logits."""
    inputs = keras.Input((side_px, side_px, 3), name="image")
    hidden = _activated(keras.layers.Conv2D(STEM, 3, 2, "same", use_bias=False)(inputs))
    for repeats, kernel, stride, expansion, channels in BLOCKS:
        for repeat in range(repeats):
            hidden = _block(hidden, kernel, stride if repeat == 0 else 1, expansion, channels)
    hidden = _activated(keras.layers.Conv2D(HEAD, 1, use_bias=False)(hidden), name="top")
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(hidden)
    return keras.Model(inputs, keras.layers.Dense(CLASSES_OF_IMAGENET)(pooled), name="efficientnet_lite0")


def _block(inputs: keras.KerasTensor, kernel: int, stride: int, expansion: int, channels: int) -> keras.KerasTensor:
    hidden, wide = inputs, inputs.shape[-1] * expansion
    if expansion > 1:
        hidden = _activated(keras.layers.Conv2D(wide, 1, use_bias=False)(hidden))
    hidden = _activated(keras.layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)(hidden))
    hidden = _normalised(keras.layers.Conv2D(channels, 1, use_bias=False)(hidden))
    return keras.layers.add([inputs, hidden]) if hidden.shape == inputs.shape else hidden


def _normalised(hidden: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(epsilon=1e-3)(hidden)


def _activated(hidden: keras.KerasTensor, name: str | None = None) -> keras.KerasTensor:
    return keras.layers.ReLU(max_value=6.0, name=name)(_normalised(hidden))
