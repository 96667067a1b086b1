"""Pooled features of frozen networks, kept in a cache: what a teacher and every cheap comparison stand on."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from training.backend import keras
from training.blocks import Scaling
from training.dataset import Photographs
from training.efficientnet_lite import SIDE_PX, lite0
from training.network import BACKBONE, build, load_starting_weights
from training.recipe import scaling_for

Features = NDArray[np.float32]
BATCH: Final = 16


@dataclass(frozen=True)
class Frozen:
    """A network that is only looked at: its name, the Keras model that pools its layers, and its input."""

    name: str
    pooled: keras.Model
    scale: Callable[[Pixels], Features]
    """uint8 RGB 299×299×3 → the network's own float input."""


SCALES: Final[dict[Scaling, Callable[[Pixels], Features]]] = {
    "unit": lambda view: _floats(view) / np.float32(255),
    "symmetric": lambda view: _floats(view) / np.float32(127.5) - np.float32(1),
}


def inception(weights: str, layers: tuple[str, ...] = ("mixed5", "mixed8", "mixed10")) -> Frozen:
    """InceptionV3, fed as ``weights`` expect; features are the means of the named blocks, one after the other."""
    network = build("unit")  # only the backbone is taken, and fed what ``scale`` makes
    load_starting_weights(network, weights)
    backbone = network.get_layer(BACKBONE)
    outputs = [keras.layers.GlobalAveragePooling2D()(backbone.get_layer(layer).output) for layer in layers]
    pooled = keras.Model(backbone.input, keras.layers.Concatenate()(outputs))
    name = f"inception-{'-'.join(layers)}-{_fingerprint(weights)}"
    return Frozen(name, pooled, SCALES[scaling_for(weights, None)])


def efficientnet_lite0(weights: str) -> Frozen:
    """EfficientNet-Lite0 with ImageNet weights; its last pooled layer."""
    network = lite0()
    network.load_weights(weights)
    pooled = keras.Model(network.input, network.get_layer("pooled").output)

    def scale(view: Pixels) -> Features:
        small = Image.fromarray(view).resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR)
        return (_floats(np.asarray(small)) - np.float32(127)) / np.float32(128)

    return Frozen(f"lite0-{_fingerprint(weights)}", pooled, scale)


def extract(frozen: Frozen, photographs: Photographs, cache: Path) -> Features:
    """Features (N×D) of the photographs' plain views; those already in the folder ``cache`` are read from there.

    Known again by name and content: another file of the same name is looked at anew. Raises ``StepRefused`` where
    photographs are not there.
    """
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / f"{frozen.name}.npz"
    known = dict(np.load(file)) if file.exists() else {}
    names = cache_names(photographs)
    missing = [position for position, name in enumerate(names) if name not in known]
    for start in track(range(0, len(missing), BATCH), description=frozen.name, transient=True):
        positions = missing[start : start + BATCH]
        views = [frozen.scale(preprocess(photographs.pixels(position))) for position in positions]
        answers = np.asarray(frozen.pooled(np.stack(views), training=False))
        known.update({names[position]: row for position, row in zip(positions, answers, strict=True)})
    if missing:
        unfinished = cache / f"unfinished-{frozen.name}.npz"
        np.savez(unfinished, **known)
        unfinished.replace(file)
    return np.stack([known[name] for name in names])


def cache_names(photographs: Photographs) -> list[str]:
    """What features of each photograph are kept under: its name and the start of its SHA-256."""
    photographs.all_there()
    paths = (photographs.path(position) for position in range(len(photographs)))
    contents = (hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in paths)
    return [f"{name}@{content}" for name, content in zip(photographs.rows["image"], contents, strict=True)]


def _floats(pixels: Pixels) -> Features:
    return pixels.astype(np.float32)


def _fingerprint(weights: str) -> str:
    if weights in ("imagenet", "none"):
        return weights
    return hashlib.sha256(Path(weights).read_bytes()).hexdigest()[:12]
