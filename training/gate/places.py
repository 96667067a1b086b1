"""What the gate looks for at each place of a picture: ink, learned from strokes drawn on photographs that bear none.

A drawn stroke is known to lie where it lies, so nobody has to label anything; thin and pale ones are drawn as well.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from appliance.vision.part import encoded
from appliance.vision.photo import Pixels, decode
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.places import KINDS, Places, at_each
from appliance.vision.runtime import Network, Outputs
from training.errors import StepRefused
from training.gate.faults import HAIRS, INKS, cream, crust, glare, mixed, one_hair, stain, stroked, strokes

Floats = NDArray[np.floating]
FILE: Final = "places.json"
INK: Final = "ink"
NAMES: Final = tuple(f"{INK}.{kind}" for kind in KINDS)
"""Of the measures, as :attr:`appliance.vision.quality.limits.Head.measured` has them."""
LAYERS: Final = ("mixed4", "mixed5")
PALE: Final = ((120, 100, 160), (100, 110, 150), (90, 80, 110), (70, 60, 100))
"""Pens of which half has rubbed off, sRGB."""
FAIR: Final = ((160, 130, 90), (90, 80, 75))
PLAINLY: Final = 0.25
"""Share of a place that a stroke covers, from which on there is nothing to add."""
COVERED: Final = 0.03
MOST: Final = 35
"""Places with a fault that are learned from, of each picture."""
REST: Final = 15
PLAIN: Final = 45
PENALTY: Final = 0.1
SEED: Final = 7
CONTRAST: Final = 40
"""Mean difference of the channels that counts as wholly covered."""


def ink_places(unmarked: Iterable[tuple[Path, int]], network: Network, cache: Path | None = None) -> Places:
    """Learned on photographs that bear no ink, each with the number that chance begins with for it.

    Kept in ``cache`` and read from there. Raises ``StepRefused`` where there are none.
    """
    kept = None if cache is None else cache / FILE
    if kept is not None and kept.is_file():
        return Places.model_validate_json(kept.read_bytes())
    views = ((preprocess(decode(file.read_bytes())), number) for file, number in unmarked)
    places = learned(views, network)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(places.model_dump_json() + "\n")
    return places


def learned(views: Iterable[tuple[Pixels, int]], network: Network) -> Places:
    """Ridge regression from the channels at a place to the share of it that ink covers. Raises ``StepRefused``."""
    widths = [network.channels(layer) for layer in LAYERS]
    sums = Sums(sum(widths))
    for view, number in views:
        for rows, target in examples(view, number, network):
            sums.add(rows, target)
    return sums.places(widths)


def examples(view: Pixels, number: int, network: Network) -> list[tuple[Floats, Floats]]:
    """Channels at some places (N×C) and the share that ink covers (N): of the view, and of it with each covering."""
    random = np.random.default_rng([SEED, number])
    side_places, found = 17, []
    for make in (None, pen, pen, _dye, _hair, _wet):
        picture, cover = (view, np.zeros(view.shape[:2])) if make is None else make(view, random)
        shares = _shares(cover, side_places).ravel()
        chosen = _chosen(shares, make is None, random)
        channels = each_place(network.run(picture))
        inked = shares if make is pen else np.zeros_like(shares)
        rows = channels[chosen]
        found.append((rows, np.minimum(inked[chosen] / PLAINLY, 1).astype(np.float32)))
    return found


class Sums:
    """What a ridge regression needs of its rows, added up; the rows themselves would not fit into the memory."""

    def __init__(self, width: int) -> None:
        self._count, self._target = 0, 0.0
        self._mean, self._cross, self._products = np.zeros(width), np.zeros(width), np.zeros((width, width))

    def add(self, rows: Floats, target: Floats) -> None:
        """N×width, and N."""
        self._count += len(rows)
        self._target += float(target.sum())
        self._mean += rows.sum(axis=0)
        self._cross += rows.T @ target
        self._products += rows.T @ rows

    def solved(self, penalty: float) -> tuple[NDArray[np.float64], float]:
        """Weights of the columns, and the bias. Each column counts by its spread. Raises ``StepRefused``: no rows."""
        if not self._count:
            raise StepRefused("there is no photograph to learn the places from")
        mean, target = self._mean / self._count, self._target / self._count
        covariance = self._products / self._count - np.outer(mean, mean)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0))
        spread += 0.1 * spread.mean() + 1e-9
        scaled = covariance / np.outer(spread, spread) + penalty * np.eye(len(mean))
        weights = np.linalg.solve(scaled, (self._cross / self._count - mean * target) / spread) / spread
        return weights, float(target - mean @ weights)

    def places(self, widths: list[int]) -> Places:
        """What was learned; ``widths``: channels of each of the :data:`LAYERS`. Raises ``StepRefused``: no rows."""
        weights, bias = self.solved(PENALTY)
        parts = np.split(weights, np.cumsum(widths)[:-1])
        return Places(bias=bias, network={layer: encoded(part) for layer, part in zip(LAYERS, parts, strict=True)})


def measured(places: Places, outputs: Outputs) -> list[float]:
    """In the order of :data:`NAMES`."""
    return list(places.measured(outputs).values())


def pen(view: Pixels, random: np.random.Generator) -> tuple[Pixels, Floats]:
    """Strokes of a pen, thin or broad, fresh or rubbed off, anywhere; and how much of each pixel they cover (H×W)."""
    paths = strokes(len(view), random)
    cover = ndimage.gaussian_filter(stroked(len(view), paths, random.uniform(1.3, 10)), random.uniform(0.4, 1.2))
    grain = ndimage.gaussian_filter(random.normal(size=cover.shape), random.uniform(1, 3)) * random.uniform(0, 6)
    cover = cover * np.clip(0.5 + grain, 0, 1) ** random.uniform(0, 1) * random.uniform(0.35, 0.97)
    inks = (*INKS, *PALE)
    colour = inks[random.choice(len(inks))]
    if random.random() < 0.5:
        return mixed(view, colour, cover), cover
    share, dye = cover[..., None], np.array(colour, np.float32) / 255
    return np.clip(view * (1 - share + share * dye * 1.1), 0, 255).astype(np.uint8), cover


def _dye(view: Pixels, random: np.random.Generator) -> tuple[Pixels, Floats]:
    covered = (stain, cream)[random.choice(2)](view, random)
    return covered, _difference(view, covered)


def _hair(view: Pixels, random: np.random.Generator) -> tuple[Pixels, Floats]:
    """A few hairs or many, thin or thick: no ink, however dark."""
    random.random()  # without this draw the places that ship could not be learned again
    lie, colours = random.uniform(0, 2 * np.pi), (*HAIRS, *FAIR)
    count = int(random.choice([random.uniform(3, 25), random.uniform(30, 110), random.uniform(110, 260)]))
    paths = [one_hair(len(view), random, lie) for _ in range(count)]
    colour = colours[random.choice(len(colours))]
    cover = stroked(len(view), paths, random.uniform(0.7, 2.4)) * random.uniform(0.5, 0.95)
    cover = ndimage.gaussian_filter(cover, random.uniform(0, 0.7))
    return mixed(view, colour, cover), cover


def _wet(view: Pixels, random: np.random.Generator) -> tuple[Pixels, Floats]:
    covered = (glare, crust)[random.choice(2)](view, random)
    return covered, _difference(view, covered)


def _difference(view: Pixels, covered: Pixels) -> Floats:
    return np.asarray(np.clip(np.abs(view.astype(np.float32) - covered).mean(axis=2) / CONTRAST, 0, 1))


def each_place(outputs: Outputs) -> NDArray[np.float32]:
    """The channels of the :data:`LAYERS` at each place, places×channels, as they are weighed."""
    channels = np.concatenate([at_each(outputs[layer]) for layer in LAYERS], axis=-1)
    return channels.reshape(-1, channels.shape[-1])


def _shares(cover: Floats, side: int) -> Floats:
    """Mean cover of each of side×side places."""
    edges = np.linspace(0, len(cover), side + 1).round().astype(int)
    sums = np.add.reduceat(np.add.reduceat(cover, edges[:-1], axis=0), edges[:-1], axis=1)
    return np.asarray(sums / np.outer(np.diff(edges), np.diff(edges)))


def _chosen(shares: Floats, plain: bool, random: np.random.Generator) -> NDArray[np.int64]:
    """Some places by chance, and of a picture with a fault some that it covers."""
    if plain:
        return np.asarray(random.choice(len(shares), PLAIN, replace=False))
    covered = np.flatnonzero(shares > COVERED)
    few = random.choice(covered, min(MOST, len(covered)), replace=False) if len(covered) else covered
    return np.union1d(few, random.choice(len(shares), REST, replace=False)).astype(np.int64)
