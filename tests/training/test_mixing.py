import numpy as np
import pytest

from training.mixing import Mixing, mix

WHITE = np.full((1, 40, 40, 3), 250, np.uint8)
BLACK = np.zeros((1, 40, 40, 3), np.uint8)


def _pair(cut: float, weights: tuple[float, float] = (1.0, 1.0)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """White is class 0 and known, black class 1 and of no class where its weight is 0; many draws."""
    views = np.concatenate([WHITE, BLACK] * 40)
    classes = np.eye(2, dtype=np.float32)[[0, 1] * 40]
    outlier = np.array([0.0, 1.0] * 40, np.float32)[:, None]
    weight = np.array([*weights] * 40, np.float32)
    mixed, (targets, outlying, weighed) = mix(
        views, (classes, outlier, weight), Mixing(1.0, 1.0, cut), np.random.default_rng(2)
    )
    return mixed, np.column_stack([targets, outlying]), weighed


@pytest.mark.parametrize("cut", [0.0, 1.0])
def test_the_target_is_what_is_in_the_picture(cut: float) -> None:
    views, targets, _ = _pair(cut)
    white = views.mean(axis=(1, 2, 3)) / 250
    assert np.allclose(targets[:, 0], white, atol=0.01)
    assert np.allclose(targets[:, 1], 1 - white, atol=0.01)
    assert np.allclose(targets[:, 2], 1 - white, atol=0.01)
    assert white.std() > 0.1


def test_a_rectangle_is_pasted_and_a_blend_is_even() -> None:
    cut, _, _ = _pair(1.0)
    blended, _, _ = _pair(0.0)
    assert set(np.unique(cut)) == {0, 250}
    assert all(len(np.unique(view)) == 1 for view in blended)


def test_what_has_no_class_takes_weight_away_and_no_target() -> None:
    views, targets, weights = _pair(0.0, (1.0, 0.0))
    white = views.mean(axis=(1, 2, 3)) / 250
    seen = weights > 0
    assert np.allclose(targets[seen, 0], 1)
    assert np.allclose(weights, white, atol=0.01)


def test_nothing_is_mixed_when_nothing_is_asked_for() -> None:
    views = np.concatenate([WHITE, BLACK])
    truth = (np.eye(2, dtype=np.float32), np.zeros((2, 1), np.float32), np.ones(2, np.float32))
    mixed, (targets, _, _) = mix(views, truth, Mixing(0.0), np.random.default_rng(1))
    assert np.array_equal(mixed, views)
    assert np.array_equal(targets, truth[0])
