"""The photographs the gate's limits are chosen on: labelled ones, and the same ones with a fault rendered onto them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from appliance.vision.photo import Pixels, decode
from appliance.vision.preprocess import preprocess
from appliance.vision.quality import measures
from appliance.vision.quality.gate import CHECKS
from appliance.vision.quality.limits import EXCLUSIONS, GateLimits
from appliance.vision.quality.scene import Scene
from appliance.vision.runtime import Network
from training.faults import FAULTS
from training.golden import draw

LABELS: Final = (*EXCLUSIONS, "blurred", "exposure")
PLAIN: Final = "plain"
DRAWN: Final = "drawn"
FAULT_EVERY: Final = 2
"""Every second clear photograph is given each of the faults."""
TONES: Final = ((240, 210, 195), (222, 180, 155), (190, 140, 110), (140, 95, 70), (85, 55, 40), (52, 34, 26))
"""Mean sRGB of forearms from very light to dark (Individual Typology Angle 60° to −60°)."""
SEED: Final = 8

BASIC: Final = tuple(module.ID for module in CHECKS if module.ID not in EXCLUSIONS)
_ANY: Final = dict.fromkeys((*BASIC, "too_small_mm"), 0.0)


@dataclass(frozen=True)
class Samples:
    """One row a picture. ``kind``: plain, drawn, or the name of the rendered fault."""

    image: NDArray[np.str_]
    kind: NDArray[np.str_]
    classical: NDArray[np.float32]
    """N × number of classical measures, in the order of their names."""
    features: NDArray[np.float32]
    """N × number of pooled features of the network; zeros where only the checks of light and focus are asked."""
    basic: NDArray[np.float32]
    """N × values of the checks that are no exclusion case, in the order of ``BASIC``."""

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what :meth:`save` wrote."""
        with np.load(file) as kept:
            return cls(**{field.name: kept[field.name] for field in fields(cls)})

    def save(self, file: Path) -> None:
        """Keep them, for the network is slow."""
        np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})


def collect(labels: pd.DataFrame, folder: Path, network: Network, output: str) -> Samples:
    """Measure every labelled photograph, drawn skin, and faults on the clear photographs. ``labels``: quality.csv."""
    rows = [_measured(name, kind, view, network, output) for name, kind, view in _pictures(labels, folder)]
    image, kind, classical, features, basic = zip(*rows, strict=True)
    width = max(len(row) for row in features)
    filled = np.stack([row if len(row) else np.zeros(width, np.float32) for row in features])
    return Samples(np.array(image), np.array(kind), np.stack(classical), filled, np.stack(basic))


def measure_names() -> list[str]:
    """Names of the classical measures, in the order of :attr:`Samples.classical`."""
    return list(measures.classical(Scene(preprocess(draw(1)))))


def clear(labels: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows of quality.csv bear none of the labels."""
    return np.asarray(labels[list(LABELS)].sum(axis=1) == 0)


def _pictures(labels: pd.DataFrame, folder: Path) -> Iterator[tuple[str, str, Pixels]]:
    random = np.random.default_rng(SEED)
    yield from _drawn(random)
    views = {str(name): preprocess(decode((folder / str(name)).read_bytes())) for name in labels["image"]}
    yield from ((name, PLAIN, view) for name, view in views.items())
    chosen = [str(name) for name in labels["image"][clear(labels)]][::FAULT_EVERY]
    for kind, (render, _) in FAULTS.items():
        yield from ((name, kind, render(views[name], random)) for name in chosen)


def _drawn(random: np.random.Generator) -> Iterator[tuple[str, str, Pixels]]:
    """Pictures of skin without any fault and from no source: drawn plaques, and even skin of every tone."""
    yield from ((f"drawn {seed}", DRAWN, preprocess(draw(seed))) for seed in range(4))
    for tone in TONES:
        grain = random.normal(0, 8, (299, 299, 1))
        yield f"tone {tone}", DRAWN, np.clip(np.array(tone) + grain, 0, 255).astype(np.uint8)


def _measured(
    name: str, kind: str, view: Pixels, network: Network, output: str
) -> tuple[str, str, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    scene = Scene(view)
    classical = np.array(list(scene.measures.values()), np.float32)
    basic = np.array([_basic(scene)[check] for check in BASIC], np.float32)
    return name, kind, classical, _features(kind, view, network, output), basic


def _features(kind: str, view: Pixels, network: Network, output: str) -> NDArray[np.float32]:
    """Pooled features; zeros where only the other checks are asked, for the network takes most of the time."""
    if kind in FAULTS and FAULTS[kind][1] in BASIC:
        return np.zeros(0, np.float32)
    return measures.pooled([network.run(view)[output]])


def _basic(scene: Scene) -> dict[str, float]:
    unlimited = GateLimits.model_construct(None, **_ANY)  # type: ignore[arg-type]  # not validated, on purpose
    return {module.ID: module.check(scene, unlimited).value for module in CHECKS if module.ID in BASIC}
