import numpy as np
import pytest

from appliance.vision.preprocess import preprocess


@pytest.mark.parametrize("shape", [(400, 800), (800, 400), (299, 299), (1152, 1536)])
def test_shows_the_network_the_central_square(shape: tuple[int, int]) -> None:
    height, width = shape
    side = min(shape)
    pixels = np.zeros((height, width, 3), np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    pixels[top : top + side, left : left + side] = (200, 120, 90)
    view = preprocess(pixels)
    assert view.shape == (299, 299, 3)
    assert (view[2:-2, 2:-2] == (200, 120, 90)).all()  # the resampling filter reaches a pixel over the edge


def test_averages_instead_of_skipping_pixels() -> None:
    stripes = np.zeros((2990, 2990, 3), np.uint8)
    stripes[:, ::2] = 255
    assert abs(int(preprocess(stripes).mean()) - 127) <= 1
