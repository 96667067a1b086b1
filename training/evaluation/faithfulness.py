"""Do the class maps show what the network looked at? Two tests, against a random and a centre map.

Deletion and insertion (Petsiuk et al. 2018, RISE, arXiv 1806.07421): take the places away in the map's order, or give
them back on a blurred picture, and watch the probability of the class. A faithful map has a small area under the
deletion curve and a large one under the insertion curve. And: how much of the map falls inside the lesion's outline.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from appliance.vision.bundle import Calibration, Card
from appliance.vision.calibration import probabilities
from appliance.vision.overlay import positive_share
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import INPUT_SIDE_PX, preprocess
from appliance.vision.runtime import Network
from training.dataset import Photographs
from training.evaluation.bootstrap import mean_with_interval
from training.predict import Floats

GRID: Final = 8
CELLS: Final = GRID * GRID
CELLS_A_STEP: Final = 4
BLUR_PX: Final = 10.0
"""Standard deviation of the blur that insertion starts from, in pixels of the network's view."""
CENTRE_CELLS: Final = 2.0
"""Standard deviation of the centre map, in cells of the 8×8 grid."""
SAMPLE: Final = 48

Order = NDArray[np.int64]
Report = dict[str, Any]


@dataclass(frozen=True)
class Looker:
    """The INT8 network with what is needed to ask for one class's probability and map."""

    network: Network
    card: Card
    calibration: Calibration

    def probability(self, view: Pixels) -> Floats:
        """Calibrated probabilities (8) of a view."""
        return probabilities(self.network.run(view)[self.card.outputs.logits], self.calibration.temperature)

    def likeliest_map(self, view: Pixels) -> tuple[int, NDArray[np.float32]]:
        """Channel of the likeliest class and its 8×8 map."""
        outputs = self.network.run(view)
        channel = int(outputs[self.card.outputs.logits].argmax())
        return channel, np.asarray(outputs[self.card.outputs.class_maps][..., channel], np.float32)


def centre_map() -> NDArray[np.float32]:
    """A Gaussian in the middle of the 8×8 grid: what one would guess without looking."""
    steps = np.arange(GRID) - (GRID - 1) / 2
    squared = steps[:, None] ** 2 + steps[None, :] ** 2
    return np.exp(-squared / (2 * CENTRE_CELLS**2)).astype(np.float32)


def order_of(grid: NDArray[np.floating]) -> Order:
    """Cells from the strongest to the weakest."""
    return np.argsort(-grid.ravel(), kind="stable")


def revealed(top: Pixels, below: Pixels, cells: Order) -> Pixels:
    """``below`` with the given cells of ``top`` laid over it; both uint8 RGB 299×299×3."""
    chosen = np.zeros(CELLS, bool)
    chosen[cells] = True
    side = np.arange(INPUT_SIDE_PX) * GRID // INPUT_SIDE_PX
    mask = chosen.reshape(GRID, GRID)[side[:, None], side[None, :]]
    return np.where(mask[..., None], top, below)


def curve(ask: Callable[[Pixels], float], top: Pixels, below: Pixels, order: Order) -> Floats:
    """What ``ask`` says as ever more cells of ``top``, in this order, lie over ``below``: from none of them to all."""
    counts = range(0, CELLS + 1, CELLS_A_STEP)
    return np.array([ask(revealed(top, below, order[:count])) for count in counts])


def area(values: Floats) -> Floats:
    """Area under curves (…×points) over the share of cells, 0 … 1."""
    return np.asarray(np.trapezoid(values, dx=1 / (values.shape[-1] - 1), axis=-1))


def deletion_insertion(looker: Looker, photographs: Photographs, seed: int = 8, sample: int = SAMPLE) -> Report:
    """Mean curves and areas over a random sample of the photographs of the eight; the class is the likeliest one."""
    eight = photographs.of_the_eight()
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(eight))[:sample]
    each = [_curves(looker, preprocess(eight.pixels(int(position))), rng) for position in chosen]
    groups = eight.rows["group"].to_numpy(dtype=object)[chosen]
    return {
        "photographs": len(chosen),
        "seed": seed,
        "share": [round(count / CELLS, 4) for count in range(0, CELLS + 1, CELLS_A_STEP)],
        **{test: _summary(test, each, groups) for test in ("deletion", "insertion")},
    }


def _curves(looker: Looker, view: Pixels, rng: np.random.Generator) -> dict[tuple[str, str], Floats]:
    channel, grid = looker.likeliest_map(view)
    blank = np.broadcast_to(view.mean(axis=(0, 1)).round().astype(np.uint8), view.shape)
    blurred = np.asarray(ndimage.gaussian_filter(view, (BLUR_PX, BLUR_PX, 0)))
    orders = {"class map": order_of(grid), "centre": order_of(centre_map()), "random": rng.permutation(CELLS)}

    def ask(picture: Pixels) -> float:
        return float(looker.probability(picture)[channel])

    found = {("deletion", name): curve(ask, blank, view, order) for name, order in orders.items()}
    return found | {("insertion", name): curve(ask, view, blurred, order) for name, order in orders.items()}


def _summary(test: str, each: list[dict[tuple[str, str], Floats]], groups: NDArray[np.object_]) -> Report:
    curves = {name: np.stack([one[test, name] for one in each]) for name in ("class map", "centre", "random")}
    areas = {name: area(values) for name, values in curves.items()}
    return {
        name: {
            "curve": [round(float(value), 4) for value in values.mean(axis=0)],
            "area": mean_with_interval(areas[name], groups),
            "class map minus this": mean_with_interval(areas["class map"] - areas[name], groups),
        }
        for name, values in curves.items()
    }


def inside_masks(looker: Looker, photographs: Photographs, seed: int = 8) -> Report:
    """Share of the likeliest class's positive map inside the lesion's outline, for the photographs that have one.

    Beside it the same for a uniform map (the lesion's share of the picture), a centre map and the map's own cells in
    random places. ``photographs`` may have none with an outline.
    """
    masked = photographs.where(_has_mask(photographs))
    if not len(masked):
        return {"photographs": 0}
    rng = np.random.default_rng(seed)
    rows = [_inside(looker, masked, position, rng) for position in range(len(masked))]
    groups = masked.rows["group"].to_numpy(dtype=object)
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {
        "photographs": len(masked),
        "groups": len(set(groups)),
        **{
            name: {
                **mean_with_interval(share, groups),
                "class map minus this": mean_with_interval(values["class map"] - share, groups),
            }
            for name, share in values.items()
        },
    }


def _has_mask(photographs: Photographs) -> NDArray[np.bool_]:
    if "mask" not in photographs.rows:
        return np.zeros(len(photographs), bool)
    return np.array([bool(name) for name in photographs.rows["mask"]], dtype=bool)


def _inside(looker: Looker, masked: Photographs, position: int, rng: np.random.Generator) -> dict[str, float]:
    _, grid = looker.likeliest_map(preprocess(masked.pixels(position)))
    lesion = lesion_view(masked, position)
    strength = positive_share(grid)
    shuffled = rng.permutation(strength.ravel()).reshape(GRID, GRID)
    return {
        "class map": share_inside(strength, lesion),
        "uniform": float(lesion.mean()),
        "centre": share_inside(centre_map(), lesion),
        "random": share_inside(shuffled, lesion),
    }


def lesion_view(masked: Photographs, position: int) -> NDArray[np.bool_]:
    """The lesion's mask as the network sees the photograph: 299×299, true inside."""
    mask = Image.open(masked.folder / str(masked.rows["mask"].iloc[position])).convert("L")
    pixels = np.repeat(np.asarray(mask)[..., None], 3, axis=2)
    return np.asarray(preprocess(pixels)[..., 0] > 127)


def share_inside(grid: NDArray[np.floating], lesion: NDArray[np.bool_]) -> float:
    """Share of a non-negative 8×8 map, drawn smoothly over the view, that lies inside; a map of nothing is uniform."""
    size = (INPUT_SIDE_PX, INPUT_SIDE_PX)
    heat = np.asarray(Image.fromarray(np.asarray(grid, np.float32)).resize(size, Image.Resampling.BILINEAR))
    total = float(heat.sum())
    return float(heat[lesion].sum()) / total if total > 0 else float(lesion.mean())
