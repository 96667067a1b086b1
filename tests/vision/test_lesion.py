import numpy as np
import pytest

from appliance.vision import lesion
from appliance.vision.photo import Pixels
from appliance.vision.quality.too_small import is_tiny

SIDE = 299


def _disc(
    radius: float, centre: tuple[float, float] = (150, 150), colour: tuple[int, int, int] = (120, 60, 50)
) -> Pixels:
    y, x = np.ogrid[:SIDE, :SIDE]
    inside = np.hypot(y - centre[0], x - centre[1]) < radius
    grain = np.random.default_rng(1).normal(0, 5, (SIDE, SIDE, 1))
    return np.clip(np.where(inside[..., None], colour, (222, 180, 155)) + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("radius", [20, 45, 80])
def test_measures_a_discs_area_and_box(radius: float) -> None:
    found = lesion.find(_disc(radius))
    assert found.share == pytest.approx(np.pi * radius**2 / SIDE**2, rel=0.25)
    assert found.box == pytest.approx([(150 + s * radius) / SIDE for s in (-1, -1, 1, 1)], abs=0.03)
    assert found.diameter(30.0) == pytest.approx(2 * radius / SIDE * 30, rel=0.15)


def test_prefers_the_middle() -> None:
    view = _disc(40)
    view[5:60, 5:60] = (110, 60, 50)
    left, top, *_ = lesion.find(view).box or (0, 0)
    assert min(left, top) > 0.25


def test_even_skin_has_no_lesion() -> None:
    found = lesion.find(_disc(0))
    assert (found.share, found.box) == (0.0, None)
    assert found.skin is not None
    assert lesion.dilated(found, 0.1) == (0.0, 0.0, 1.0, 1.0)


def test_skin_that_is_one_single_colour_has_no_lesion() -> None:
    found = lesion.find(np.full((SIDE, SIDE, 3), (200, 150, 120), np.uint8))
    assert found.box is None
    assert found.skin is not None


def test_without_skin_there_is_nothing_to_compare_with() -> None:
    assert lesion.find(np.full((SIDE, SIDE, 3), 128, np.uint8)).skin is None


def test_the_skin_is_that_around_the_lesion() -> None:
    skin = lesion.find(_disc(80)).skin
    assert skin == pytest.approx((75.6, 12.2, 18.2), abs=3)


def test_a_widened_box_stays_in_the_view() -> None:
    assert lesion.dilated(lesion.find(_disc(45)), 0.5) == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("colour", [(120, 60, 50), (190, 140, 118)])
def test_a_small_disc_in_the_middle_is_tiny_and_a_larger_one_is_not(colour: tuple[int, int, int]) -> None:
    assert is_tiny(lesion.find(_disc(15, colour=colour)), 0.14)
    assert not is_tiny(lesion.find(_disc(30, colour=colour)), 0.14)


@pytest.mark.parametrize(
    "view",
    [
        _disc(0),
        _disc(15, centre=(25, 150), colour=(250, 250, 250)),  # a nail, or what lies beyond the edge of a hand
        _disc(15, colour=(216, 173, 147)),  # mottled
    ],
)
def test_what_is_no_lesion_in_the_middle_is_not_tiny(view: Pixels) -> None:
    assert not is_tiny(lesion.find(view), 0.14)
