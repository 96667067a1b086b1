import numpy as np
import pytest

from appliance.vision.photo import Pixels
from appliance.vision.quality.sharpness import sharpness
from training import augment


@pytest.mark.parametrize("shape", [(360, 559), (600, 300), (200, 200)])
def test_gives_network_inputs_of_any_photograph(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (*shape, 3), np.uint8)
    for seed in range(30):
        variant = augment.augment(pixels, np.random.default_rng(seed))
        assert variant.shape == (299, 299, 3)
        assert variant.dtype == np.uint8


def test_the_same_seed_gives_the_same_variant(skin: Pixels) -> None:
    first, again, other = (augment.augment(skin, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_tilting_leaves_no_empty_corner() -> None:
    white = np.full((300, 500, 3), 255, np.uint8)
    for seed in range(50):
        tilted = augment.tilt(white, np.random.default_rng(seed), share=1.0)
        assert tilted.min() == 255
        assert tilted.shape[0] > 100


def test_blur_blurs_and_light_changes_colour_but_not_shape(skin: Pixels) -> None:
    view = augment.frame(skin, np.random.default_rng(0))
    blurred = augment.blur(view, np.random.default_rng(3), share=1.0)
    assert sharpness(blurred) < sharpness(view)
    lit = augment.light(view, np.random.default_rng(3))
    assert np.abs(lit.mean(axis=(0, 1)) - view.mean(axis=(0, 1))).max() > 3


def test_a_mark_across_the_middle_is_gone(skin: Pixels) -> None:
    marked = skin.copy()
    height, width = skin.shape[:2]
    marked[round(height * 0.45) : round(height * 0.56), round(width * 0.24) : round(width * 0.76)] = 255
    assert (augment.hide_middle(marked) == 255).all(axis=2).mean() < 0.001
    assert np.array_equal(augment.hide_middle(marked)[: height // 3], skin[: height // 3])


def test_the_frame_around_a_lesion_holds_it_and_stays_in_the_picture() -> None:
    pixels = np.zeros((300, 400, 3), np.uint8)
    lesion = (180.0, 100.0, 240.0, 150.0)
    for seed in range(50):
        left, top, right, bottom = augment.around(lesion, pixels, np.random.default_rng(seed))
        assert 0 <= left < right <= 400
        assert 0 <= top < bottom <= 300
        assert left <= 181 and right >= 239 and top <= 101 and bottom >= 149  # noqa: PT018  # one box


def test_a_lamp_colours_some_photographs_and_leaves_them_as_bright(skin: Pixels) -> None:
    factors = np.array([augment.lamp(skin, np.random.default_rng(seed)) for seed in range(200)])
    coloured = ~(factors == 1).all(axis=1)
    assert 0.2 < coloured.mean() < 0.4
    assert (factors[coloured].max(axis=1) / factors[coloured].min(axis=1)).max() > 1.5
    mean = skin.reshape(-1, 3).mean(axis=0) + 1
    assert np.allclose((factors * mean) @ augment.LUMINANCE, mean @ augment.LUMINANCE)
