import numpy as np
import pytest
from scipy import ndimage

from appliance.vision.colour import length, median, middle_value
from appliance.vision.morphology import closed, filled, narrowed, opened, widened


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.8, 1.0])
def test_holes_are_filled_as_scipy_does_it(share: float) -> None:
    mask = np.random.default_rng(2).random((60, 70)) < share
    assert np.array_equal(filled(mask), ndimage.binary_fill_holes(mask))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_masks_are_widened_and_narrowed_as_scipy_does_it(share: float, times: int) -> None:
    mask = np.random.default_rng(2).random((60, 70)) < share
    before = mask.copy()
    assert np.array_equal(widened(mask, times), ndimage.binary_dilation(mask, iterations=times))
    assert np.array_equal(narrowed(mask, times), ndimage.binary_erosion(mask, iterations=times))
    assert np.array_equal(mask, before)


@pytest.mark.parametrize("size", [3, 5, 9])
def test_opens_and_closes_as_scipy_does_it(size: int) -> None:
    grey = np.random.default_rng(3).integers(0, 256, (60, 70)).astype(np.uint8)
    inner = (slice(size, -size), slice(size, -size))  # at the rim scipy mirrors
    assert np.array_equal(opened(grey, size)[inner], ndimage.grey_opening(grey, (size, size))[inner])
    assert np.array_equal(closed(grey, size)[inner], ndimage.grey_closing(grey, (size, size))[inner])


def test_the_median_colour_is_that_of_each_channel() -> None:
    colours = np.random.default_rng(4).normal(size=(7, 5, 3)).astype(np.float32)
    assert np.array_equal(median(colours), np.median(colours.reshape(-1, 3), axis=0))


@pytest.mark.parametrize("count", [1, 2, 3, 100, 101])
def test_the_middle_value_is_the_median(count: int) -> None:
    values = np.random.default_rng(6).normal(size=count)
    assert middle_value(values) == np.median(values)


def test_the_length_is_that_of_both_together() -> None:
    a, b = np.random.default_rng(7).normal(0, 40, (2, 9, 9)).astype(np.float32)
    assert length(a, b) == pytest.approx(np.hypot(a, b), rel=1e-6)
