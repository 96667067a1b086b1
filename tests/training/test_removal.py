"""Taking a fault off a picture that has it."""

from collections.abc import Callable

import numpy as np
import pytest

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.limits import EXCLUSIONS
from appliance.vision.quality.scene import Scene
from training.faults import FAULTS
from training.golden import draw
from training.removal import REMOVALS, filled_in


def blue(view: Pixels) -> float:
    return Scene(view).measures["blue_on_body"]


def dark_lines(view: Pixels) -> float:
    return Scene(view).measures["dark_lines"]


def sparks(view: Pixels) -> float:
    return Scene(view).measures["sparks"]


def smallness(view: Pixels) -> float:
    return -Scene(view).lesion.share


@pytest.mark.parametrize(
    ("fault", "case", "measure"),
    [
        ("ink", "residue", blue),
        ("hair", "hair", dark_lines),
        ("glare", "exudate", sparks),
        ("far", "too_small", smallness),
    ],
)
def test_what_was_rendered_is_taken_off_again(fault: str, case: str, measure: Callable[[Pixels], float]) -> None:
    view = preprocess(draw(1))
    faulty = FAULTS[fault][0](view, np.random.default_rng(2))
    without = REMOVALS[case](faulty)
    assert without.shape == view.shape
    assert without.dtype == np.uint8
    assert measure(without) < measure(faulty)
    assert measure(without) - measure(view) < 0.6 * (measure(faulty) - measure(view))


def test_every_exclusion_case_can_be_taken_off() -> None:
    assert REMOVALS.keys() == set(EXCLUSIONS)


def test_only_what_is_covered_is_filled_in_and_nothing_of_it_is_left() -> None:
    view = np.full((299, 299, 3), (200, 150, 120), np.uint8)
    mask = np.zeros((299, 299), np.bool_)
    mask[100:180, 90:200] = True
    view[mask] = (20, 20, 200)
    filled = filled_in(view, mask)
    assert np.array_equal(filled[~mask], view[~mask])
    assert np.abs(filled[mask].astype(int) - (200, 150, 120)).max() <= 2
