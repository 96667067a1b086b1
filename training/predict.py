"""What a network says of photographs: the float one from Keras, the INT8 one through the box's own adapter."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.runtime import Network
from training.dataset import Photographs

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """Per photograph, in the order asked: class logits (N×8) and the outlier logit (N)."""

    logits: Floats
    outlier: Floats


def int8(network: Network, photographs: Photographs) -> Predictions:
    """Through :class:`appliance.vision.runtime.Network`, as on the box."""
    outputs = [network.run(view) for view in _views(photographs, "INT8")]
    return Predictions(
        np.array([output["logits"] for output in outputs], np.float64),
        np.array([output["outlier"].item() for output in outputs], np.float64),
    )


def floating(model: Any, photographs: Photographs, batch: int = 16) -> Predictions:
    """Through a Keras model with outputs ``logits`` and ``outlier``."""
    views = list(_views(photographs, "float"))
    parts = [
        model(np.stack(views[start : start + batch]).astype(np.float32) / 255, training=False)
        for start in range(0, len(views), batch)
    ]
    return Predictions(
        np.concatenate([np.asarray(part["logits"], np.float64) for part in parts]),
        np.concatenate([np.asarray(part["outlier"], np.float64)[:, 0] for part in parts]),
    )


def pooled_features(model: Any, photographs: Photographs, batch: int = 16) -> Floats:
    """Mean of mixed10 over its 8×8 places (N×2048), of a Keras model from :func:`training.network.build`."""
    import keras

    # From the network's own input, so that the scaling its weights expect comes before the backbone.
    trunk = keras.Model(model.input, keras.layers.GlobalAveragePooling2D()(model.get_layer("dropout").input))
    views = _views(photographs, "features")
    parts = [
        np.asarray(trunk(np.stack(views[start : start + batch]).astype(np.float32) / 255, training=False))
        for start in range(0, len(views), batch)
    ]
    return np.concatenate(parts).astype(np.float64)


def _views(photographs: Photographs, what: str) -> "list[Pixels]":
    positions = track(range(len(photographs)), description=f"{what}: {len(photographs)} photographs", transient=True)
    return [preprocess(photographs.pixels(position)) for position in positions]
