"""Taking back, in each convolution's biases, what rounding its weights to INT8 will do to the mean of its channels.

The rounding errors of a channel's weights do not cancel: times what flows in on the average they are a shift of all
that the channel says, the same for every photograph. It can be known beforehand, and the bias takes it back (Nagel et
al. 2019, arXiv 1906.04721, bias correction, with the means measured on photographs). Weights that came from an INT8
file and were not trained lie on its steps and need nothing; those that were trained do.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.photo import Pixels
from training.backend import keras
from training.network import BACKBONE, convolutions

Floats = NDArray[np.float64]
STEPS: Final = 127
"""Of an INT8 weight on either side of nothing; the largest weight of a channel takes all of them."""
AT_ONCE: Final = 8


def correct_biases(network: keras.Model, views: list[Pixels]) -> None:
    """Change the biases of a network of :mod:`training.network` in place; ``views`` (uint8) give the means.

    Its batch normalisation is folded in: see :func:`training.network.without_normalisation`.
    """
    for layer, flowing_in in zip(_layers(network), _means(network, views), strict=True):
        kernel, bias = layer.get_weights()
        shift = np.einsum("hwio,i->o", rounded(kernel) - kernel, flowing_in)
        layer.set_weights([kernel, bias - shift.astype(bias.dtype)])


def rounded(kernel: Any) -> Any:
    """Weights (height × width × in × out) as INT8 has them: steps of 1/127 of the largest of each output channel."""
    step = np.abs(kernel).max(axis=(0, 1, 2), keepdims=True) / STEPS
    return np.rint(kernel / np.where(step, step, 1)) * step


def _layers(network: keras.Model) -> list[keras.layers.Conv2D]:
    heads = [network.get_layer(name) for name in ("class_maps", "outlier_map")]
    return [*convolutions(network.get_layer(BACKBONE)), *heads]


def _means(network: keras.Model, views: list[Pixels]) -> list[Floats]:
    """What flows into each layer: the mean of each channel over all places of all views."""
    backbone = network.get_layer(BACKBONE)
    entering = [layer.input for layer in convolutions(backbone)]
    # The graph's end flows into both heads: dropout does nothing here.
    probe = keras.Model(backbone.input, [keras.ops.mean(each, (1, 2)) for each in (*entering, backbone.output)])
    parts = [[np.asarray(mean) for mean in probe(batch, training=False)] for batch in _batches(network, views)]
    means = [np.concatenate(each).mean(axis=0, dtype=np.float64) for each in zip(*parts, strict=True)]
    return [*means, means[-1]]


def _batches(network: keras.Model, views: list[Pixels]) -> Iterator[Any]:
    """As they enter the backbone: what stands between it and the photograph is done here."""
    scalings = [layer for layer in network.layers if isinstance(layer, keras.layers.Rescaling)]
    for start in range(0, len(views), AT_ONCE):
        batch = np.stack(views[start : start + AT_ONCE]).astype(np.float32) / np.float32(255)
        for scaling in scalings:
            batch = scaling(batch)
        yield batch
