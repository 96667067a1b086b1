"""The photographs the gate's limits are chosen on: labelled ones, and the same ones with a fault rendered onto them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from appliance.vision.photo import Pixels, decode
from appliance.vision.preprocess import preprocess
from appliance.vision.quality import measures
from appliance.vision.quality.gate import CHECKS
from appliance.vision.quality.lamp import Lamp
from appliance.vision.quality.limits import EXCLUSIONS, GateLimits
from appliance.vision.quality.places import Places
from appliance.vision.quality.scene import Scene
from appliance.vision.runtime import Network
from training.gate.faults import FAULTS, TONES
from training.gate.features_output import LAYERS
from training.gate.places import NAMES, each_place, measured
from training.gate.removal import KINDS as REMOVED
from training.gate.removal import WAYS as TREATED
from training.golden import draw

LABELS: Final = (*EXCLUSIONS, "blurred", "exposure")
PLAIN: Final = "plain"
DRAWN: Final = "drawn"
UNMARKED: Final = "unmarked"
COVERED: Final = {"simulated wet": "exudate", "simulated cream": "residue"}
"""Kinds of captures of the synthetic camera with a covering that the heads are shown, and the case that each is."""
FAULT_EVERY: Final = 3
"""Every third clear photograph is given each of the faults."""
SEED: Final = 8
SIMULATED: Final = Path(__file__).with_name("simulated_skin")
"""Captures of the synthetic camera (firmware.synthetic), of which training knows nothing: bare skin, and in folders
``wet`` and ``cream`` the same skin so covered. ``benchmarks/bench_coverings.py`` made those from 101 on."""
CLOSER: Final = 0.9

BASIC: Final = tuple(module.ID for module in CHECKS if module.ID not in EXCLUSIONS)
_ANY: Final = dict.fromkeys((*BASIC, "too_small_mm"), 0.0)


def _closer(view: Pixels) -> Pixels:
    """Upside down, and a tenth nearer."""
    cut = round(len(view) * (1 - CLOSER)) // 2
    inner = Image.fromarray(np.ascontiguousarray(view[::-1][cut : len(view) - cut, cut : len(view) - cut]))
    return np.asarray(inner.resize(view.shape[:2], Image.Resampling.LANCZOS))


TURNS: Final[tuple[Callable[[Pixels], Pixels], ...]] = (
    lambda view: view,
    lambda view: view[:, ::-1],
    lambda view: np.rot90(view),
    _closer,
)
"""A labelled photograph as it is, and three ways in which it has the same fault: what is learned on, not judged by."""


@dataclass(frozen=True)
class Samples:
    """One row a picture. ``kind``: plain, drawn, unmarked, one of ``COVERED``, or the name of the rendered fault;
    ``turn``: index of ``TURNS``."""

    image: NDArray[np.str_]
    kind: NDArray[np.str_]
    turn: NDArray[np.int64]
    classical: NDArray[np.float32]
    """N × number of classical measures, in the order of their names."""
    features: NDArray[np.float16]
    """N × pooled features of the network's ``LAYERS``; zeros where only the checks of light and focus are asked."""
    places: NDArray[np.float32]
    """N × measures at the network's places, in the order of their names; zeros where it was not asked."""
    basic: NDArray[np.float32]
    """N × values of the checks that are no exclusion case, in the order of ``BASIC``; zeros for what is turned or
    unmarked."""

    cells: NDArray[np.float16]
    """Places of each picture of :attr:`with_cells`: M×places×channels, see :mod:`training.gate.weak`."""
    sizes: NDArray[np.int64]
    """Channels of each of the ``LAYERS``."""

    @property
    def with_cells(self) -> NDArray[np.int64]:
        """Rows of the pictures that are judged by the network: as they are, or with a fault for an exclusion case."""
        other = [kind for kind, (_, check) in FAULTS.items() if check in BASIC]
        return np.flatnonzero((self.turn == 0) & ~np.isin(self.kind, (*other, UNMARKED)))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what :meth:`save` wrote."""
        with np.load(file) as kept:
            return cls(**{field.name: kept[field.name] for field in fields(cls)})

    def save(self, file: Path) -> None:
        """Keep them, for the network is slow."""
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def joined(cls, parts: "list[Samples]") -> "Samples":
        """All of them, in order."""
        rows = [field.name for field in fields(cls) if field.name != "sizes"]
        asked = [part for part in parts if len(part.cells)]
        together = {
            name: np.concatenate([getattr(p, name) for p in (asked if name == "cells" else parts)]) for name in rows
        }
        return cls(**together, sizes=parts[0].sizes)


def collect(
    labels: pd.DataFrame,
    folder: Path,
    network: Network,
    places: Places,
    lamp: Lamp,
    cache: Path | None = None,
    unmarked: Sequence[Path] = (),
) -> Samples:
    """Measure every labelled photograph, drawn skin, faults on the clear ones, and the faulty ones without theirs.

    ``labels``: quality.csv. ``unmarked``: photographs in ``folder`` that are known to bear neither ink nor much hair.

    ``cache``: a folder of the measures of this very network, ``places`` and ``lamp``, one file a kind of picture; only
    what is missing is measured.
    """
    judge = partial(_measured, network, places, lamp)
    views = views_of(labels, folder)
    chosen = [str(name) for name in labels["image"][clear(labels)]][::FAULT_EVERY]
    on = dict.fromkeys((PLAIN, DRAWN, *COVERED, *FAULTS), chosen)
    on |= {kind: [str(name) for name in labels["image"][labels[case] == 1]] for kind, (_, case) in REMOVED.items()}
    pictures = {kind: _pictures(kind, views, names) for kind, names in on.items() if names or kind == PLAIN}
    if unmarked:
        named = ((file.relative_to(folder).as_posix(), file) for file in unmarked)
        pictures[UNMARKED] = ((name, 0, preprocess(decode(file.read_bytes()))) for name, file in named)
    return Samples.joined([_of_kind(kind, each, judge, network, cache) for kind, each in pictures.items()])


def views_of(labels: pd.DataFrame, folder: Path) -> dict[str, Pixels]:
    """The network's view of each photograph of quality.csv, by its name."""
    return {str(name): preprocess(decode((folder / str(name)).read_bytes())) for name in labels["image"]}


def measure_names() -> list[str]:
    """Names of the classical measures, in the order of :attr:`Samples.classical`."""
    return list(measures.classical(Scene(preprocess(draw(1)))))


def clear(labels: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows of quality.csv bear none of the labels."""
    return np.asarray(labels[list(LABELS)].sum(axis=1) == 0)


def _of_kind(
    kind: str,
    pictures: Iterator[tuple[str, int, Pixels]],
    judge: Callable[[str, int, Pixels], "Measured"],
    network: Network,
    cache: Path | None,
) -> Samples:
    kept = None if cache is None else cache / f"{kind}.npz"
    if kept is not None and kept.is_file():
        return Samples.load(kept)
    rows = [(name, kind, turn, *judge(kind, turn, view)) for name, turn, view in pictures]
    *columns, cells = zip(*rows, strict=True)
    named = dict(zip((field.name for field in fields(Samples)), map(np.stack, columns), strict=False))
    sizes = np.array([network.channels(layer) for layer in LAYERS])
    samples = Samples(**named, cells=np.concatenate(cells), sizes=sizes)
    if kept is not None:
        samples.save(kept)
    return samples


def _pictures(kind: str, views: dict[str, Pixels], chosen: list[str]) -> Iterator[tuple[str, int, Pixels]]:
    """Name, turn and view. A kind's chances do not depend on the other kinds."""
    random = np.random.default_rng([SEED, *hashlib.sha256(kind.encode()).digest()[:4]])
    if kind == DRAWN:
        yield from ((name, 0, view) for name, view in _drawn(random))
    elif kind in COVERED:
        folder = SIMULATED / kind.removeprefix("simulated ")
        yield from ((f"{kind} {name}", 0, view) for name, view in _captures(folder))
    elif kind == PLAIN:
        for name, view in views.items():
            yield from ((name, turn, np.ascontiguousarray(way(view))) for turn, way in enumerate(TURNS))
    elif kind in REMOVED:
        way, case = REMOVED[kind]
        yield from ((name, 0, TREATED[way][case](views[name])) for name in chosen)
    else:
        yield from ((name, 0, FAULTS[kind][0](views[name], random)) for name in chosen)


def _drawn(random: np.random.Generator) -> Iterator[tuple[str, Pixels]]:
    """Pictures of skin without any fault and from no source: drawn plaques, even skin of every tone, captures.

    A box on simulated hardware that refused all of its own pictures could not be tried out.
    """
    yield from ((f"drawn {seed}", preprocess(draw(seed))) for seed in range(4))
    yield from _captures(SIMULATED)
    for tone in TONES:
        grain = random.normal(0, 8, (299, 299, 1))
        yield f"tone {tone}", np.clip(np.array(tone) + grain, 0, 255).astype(np.uint8)


def _captures(folder: Path) -> Iterator[tuple[str, Pixels]]:
    return ((file.name, preprocess(decode(file.read_bytes()))) for file in sorted(folder.glob("*.jpg")))


Measured = tuple[
    NDArray[np.float32], NDArray[np.float16], NDArray[np.float32], NDArray[np.float32], NDArray[np.float16]
]
"""Columns of :class:`Samples`: classical, features, places, basic, cells (of one picture or of none)."""


def _measured(network: Network, places: Places, lamp: Lamp, kind: str, turn: int, view: Pixels) -> Measured:
    scene = Scene(view)
    classical = np.array(list(scene.measures.values()), np.float32)
    judged = turn == 0 and kind != UNMARKED
    basic = np.array(list(_basic(scene, lamp).values()) if judged else [0.0] * len(BASIC), np.float32)
    features, at_places, cells = _asked(kind, view, network, places)
    return classical, features, at_places, basic, cells[:judged]


def _asked(
    kind: str, view: Pixels, network: Network, places: Places
) -> tuple[NDArray[np.float16], NDArray[np.float32], NDArray[np.float16]]:
    """Pooled features, what is at places, and the places (1×places×channels).

    Zeros and no places where only the other checks are asked: the network is slow.
    """
    if kind in FAULTS and FAULTS[kind][1] in BASIC:
        width = 3 * sum(network.channels(layer) for layer in LAYERS)
        return (
            np.zeros(width, np.float16),
            np.zeros(len(NAMES), np.float32),
            np.zeros((0, 1, 1), np.float16),
        )
    outputs = network.run(view)
    pooled = np.concatenate([measures.pooled(outputs[layer]) for layer in LAYERS]).astype(np.float16)
    cells = each_place(outputs).astype(np.float16)
    return pooled, np.array(measured(places, outputs), np.float32), cells[None]


def _basic(scene: Scene, lamp: Lamp) -> dict[str, float]:
    unlimited = GateLimits.model_construct(None, **_ANY, lamp=lamp)  # type: ignore[arg-type]  # not validated, on purpose
    return {module.ID: module.check(scene, unlimited).value for module in CHECKS if module.ID in BASIC}
