"""What a network says of photographs: the float one from Keras, the INT8 one through the box's own adapter."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.runtime import Network
from training.dataset import Photographs
from training.errors import StepRefused

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """Per photograph, in the order asked: class logits (N×8) and the outlier logit (N)."""

    logits: Floats
    outlier: Floats

    def at(self, rows: NDArray[np.bool_]) -> Self:
        """The chosen rows."""
        return type(self)(self.logits[rows], self.outlier[rows])

    def write(self, file: Path, photographs: Photographs) -> None:
        """As .npz with the photographs' names, whole or not at all."""
        unfinished = file.with_name(f"unfinished-{file.name}")
        names = photographs.rows["image"].to_numpy(str)
        np.savez_compressed(unfinished, image=names, logits=self.logits, outlier=self.outlier)
        unfinished.replace(file)

    @classmethod
    def read(cls, file: Path, photographs: Photographs) -> Self:
        """What was written of these photographs, in their order. Raises ``StepRefused`` where one is not in it."""
        with np.load(file) as kept:
            place = {str(name): position for position, name in enumerate(kept["image"])}
            absent = [name for name in photographs.rows["image"] if name not in place]
            if absent:
                raise StepRefused(f"{file} says nothing of {len(absent)} photographs, {absent[0]} for one")
            rows = [place[name] for name in photographs.rows["image"]]
            return cls(kept["logits"][rows], kept["outlier"][rows])


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
    ask = _asking(model)
    parts = [ask(_full(views[start : start + batch], batch)) for start in range(0, len(views), batch)]
    return Predictions(
        np.concatenate([np.asarray(part["logits"], np.float64) for part in parts])[: len(views)],
        np.concatenate([np.asarray(part["outlier"], np.float64)[:, 0] for part in parts])[: len(views)],
    )


def _asking(model: Any) -> Callable[[Any], Any]:
    """The model's answer to a batch, compiled where the backend would otherwise go operation by operation."""
    import keras

    if keras.backend.backend() == "tensorflow":
        return lambda views: model(views, training=False)
    return lambda views: model.predict_on_batch(views)


def _full(views: list[Pixels], size: int) -> NDArray[np.float32]:
    """A batch of that size, 0 … 1, filled up by its own: a compiler compiles anew for another size."""
    return np.stack([views[position % len(views)] for position in range(size)]).astype(np.float32) / np.float32(255)


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
