"""Taking a fault off a picture that has it."""

from collections.abc import Callable

import numpy as np
import pytest

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.limits import EXCLUSIONS
from appliance.vision.quality.scene import Scene
from training.gate.faults import FAULTS
from training.gate.removal import CONTROLS, FOUND, REMOVALS, elsewhere, filled_in
from training.golden import draw


def blue(view: Pixels) -> float:
    return Scene(view).measures["blue_on_body"]


def dark_lines(view: Pixels) -> float:
    return Scene(view).measures["dark_lines"]


def sparks(view: Pixels) -> float:
    return Scene(view).measures["sparks"]


def smallness(view: Pixels) -> float:
    return -Scene(view).lesion.share


each_case = pytest.mark.parametrize(
    ("fault", "case", "measure"),
    [
        ("ink", "residue", blue),
        ("hair", "hair", dark_lines),
        ("glare", "exudate", sparks),
        ("far", "too_small", smallness),
    ],
)


@each_case
def test_what_was_rendered_is_taken_off_again(fault: str, case: str, measure: Callable[[Pixels], float]) -> None:
    view = preprocess(draw(1))
    faulty = FAULTS[fault][0](view, np.random.default_rng(2))
    without = REMOVALS[case](faulty)
    assert without.shape == view.shape
    assert without.dtype == np.uint8
    assert measure(without) < measure(faulty)
    assert measure(without) - measure(view) < 0.6 * (measure(faulty) - measure(view))


@each_case
def test_the_control_leaves_the_fault(fault: str, case: str, measure: Callable[[Pixels], float]) -> None:
    view = preprocess(draw(1))
    faulty = FAULTS[fault][0](view, np.random.default_rng(2))
    treated = CONTROLS[case](faulty)
    assert treated.shape == view.shape
    assert not np.array_equal(treated, faulty)
    assert measure(treated) - measure(view) > 0.6 * (measure(faulty) - measure(view))


@pytest.mark.parametrize(("fault", "case"), [("ink", "residue"), ("hair", "hair"), ("glare", "exudate")])
def test_the_control_fills_in_much_and_nothing_of_the_fault(fault: str, case: str) -> None:
    found = FOUND[case](FAULTS[fault][0](preprocess(draw(1)), np.random.default_rng(2)))
    beside = elsewhere(found)
    assert not (beside & found).any()
    assert beside.sum() > 0.3 * found.sum()


def test_every_exclusion_case_can_be_taken_off_and_has_a_control() -> None:
    assert REMOVALS.keys() == CONTROLS.keys() == set(EXCLUSIONS)


def test_only_what_is_covered_is_filled_in_and_nothing_of_it_is_left() -> None:
    view = np.full((299, 299, 3), (200, 150, 120), np.uint8)
    mask = np.zeros((299, 299), np.bool_)
    mask[100:180, 90:200] = True
    view[mask] = (20, 20, 200)
    filled = filled_in(view, mask)
    assert np.array_equal(filled[~mask], view[~mask])
    assert np.abs(filled[mask].astype(int) - (200, 150, 120)).max() <= 2
