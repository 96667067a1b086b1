import numpy as np
from scipy import ndimage

from firmware.sharpness import sharpness


def pattern() -> np.ndarray:
    rng = np.random.default_rng(3)
    clouds = ndimage.gaussian_filter(rng.standard_normal((400, 600)), 2)
    grey = np.clip(128 + 400 * clouds, 0, 255)
    return np.repeat(grey[..., None], 3, axis=2)


def test_blur_lowers_it_step_by_step() -> None:
    values = [
        sharpness(ndimage.gaussian_filter(pattern(), (sigma, sigma, 0)).astype(np.uint8)) for sigma in (0, 1, 3, 8)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > 10 * values[-1]


def test_neither_brightness_nor_noise_counts() -> None:
    blurred = ndimage.gaussian_filter(pattern(), (3, 3, 0))
    noisy = blurred + np.random.default_rng(1).normal(0, 3, blurred.shape)
    assert sharpness(np.clip(noisy, 0, 255).astype(np.uint8)) < sharpness(pattern().astype(np.uint8)) / 2
    assert abs(sharpness((blurred / 2).astype(np.uint8)) / sharpness(blurred.astype(np.uint8)) - 1) < 0.3


def test_a_black_frame_has_none() -> None:
    assert sharpness(np.zeros((60, 80, 3), np.uint8)) == 0
