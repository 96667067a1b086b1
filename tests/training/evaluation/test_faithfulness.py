from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import INPUT_SIDE_PX
from training.dataset import Photographs
from training.evaluation.faithfulness import (
    CELLS,
    GRID,
    area,
    centre_map,
    curve,
    lesion_view,
    order_of,
    revealed,
    share_inside,
)


def _spot() -> tuple[Pixels, Callable[[Pixels], float]]:
    """A grey view with a bright cell, and a network that looks at nothing else."""
    view = np.full((INPUT_SIDE_PX, INPUT_SIDE_PX, 3), 90, np.uint8)
    edge = INPUT_SIDE_PX // GRID
    view[:edge, :edge] = 250
    return view, lambda picture: float(picture[10, 10, 0] > 200)


def test_a_faithful_map_loses_the_class_at_once_and_finds_it_at_once() -> None:
    view, ask = _spot()
    blank = np.full_like(view, 100)
    faithful = np.zeros((GRID, GRID))
    faithful[0, 0] = 1
    backwards = order_of(-faithful)
    assert area(curve(ask, blank, view, order_of(faithful))) < 0.1 < area(curve(ask, blank, view, backwards))
    assert area(curve(ask, view, blank, order_of(faithful))) > 0.9 > area(curve(ask, view, blank, backwards))


def test_a_curve_runs_from_the_one_picture_to_the_other() -> None:
    view, _ = _spot()
    blank = np.zeros_like(view)
    cells = np.arange(CELLS)
    assert (revealed(view, blank, cells[:0]) == blank).all()
    assert (revealed(view, blank, cells) == view).all()
    half = revealed(view, blank, cells[: CELLS // 2])
    assert (half[: INPUT_SIDE_PX // 2 - 1] == view[: INPUT_SIDE_PX // 2 - 1]).all()
    assert (half[-INPUT_SIDE_PX // 2 + 1 :] == blank[-INPUT_SIDE_PX // 2 + 1 :]).all()


def test_the_area_is_the_mean_of_a_straight_line() -> None:
    assert area(np.linspace(0, 1, 17)) == pytest.approx(0.5)
    assert area(np.full((3, 17), 0.2)).tolist() == pytest.approx([0.2] * 3)


def test_the_centre_comes_first_in_the_centre_map() -> None:
    assert set(order_of(centre_map())[:4].tolist()) == {27, 28, 35, 36}


def test_the_share_inside_is_that_of_the_map() -> None:
    lesion = np.zeros((INPUT_SIDE_PX, INPUT_SIDE_PX), bool)
    lesion[:, : INPUT_SIDE_PX // 2] = True
    left = np.zeros((GRID, GRID))
    left[:, :2] = 1
    assert share_inside(left, lesion) > 0.99
    assert share_inside(left[:, ::-1], lesion) < 0.01
    assert share_inside(np.ones((GRID, GRID)), lesion) == pytest.approx(lesion.mean(), abs=0.01)
    assert share_inside(np.zeros((GRID, GRID)), lesion) == pytest.approx(lesion.mean())


def test_a_mask_is_cropped_as_the_photograph_is(tmp_path: object, photographs: Photographs) -> None:
    mask = np.zeros((100, 300), np.uint8)
    mask[:, 100:150] = 255
    Image.fromarray(mask).save(photographs.folder / "mask.png")
    masked = Photographs(photographs.folder, pd.DataFrame({"image": ["x.jpg"], "mask": ["mask.png"]}))
    seen = lesion_view(masked, 0)
    assert seen[:, : INPUT_SIDE_PX // 2 - 3].all()
    assert not seen[:, INPUT_SIDE_PX // 2 + 3 :].any()
