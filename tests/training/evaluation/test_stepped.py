"""Each thing that steps may do does what it is for, on points that are easy to tell apart."""

import numpy as np
import pytest

from training.evaluation.stepped import Steps, stepped
from training.predict import Floats

CLASSES = 3


@pytest.fixture(scope="module")
def points() -> tuple[Floats, np.ndarray]:
    """Three classes around the corners of a triangle, and points of none of them in a place of their own."""
    rng = np.random.default_rng(5)
    corners = np.array([[3, 0], [0, 3], [-3, -3], [5, 2]], np.float32)
    targets = np.repeat([0, 1, 2, -1], 100)
    return (corners[targets] + rng.normal(0, 0.5, (400, 2))).astype(np.float32), targets


def _chances(points: tuple[Floats, np.ndarray], steps: Steps) -> Floats:
    logits = stepped(*points, CLASSES, steps).predict(points[0], verbose=0)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_a_head_in_steps_tells_the_classes_apart(points: tuple[Floats, np.ndarray]) -> None:
    known = points[1] >= 0
    assert (_chances(points, Steps()).argmax(axis=1) == points[1])[known].mean() > 0.95


def test_exposure_makes_it_unsure_of_what_is_none_of_the_classes(points: tuple[Floats, np.ndarray]) -> None:
    strange = points[1] < 0
    plain, exposed = (_chances(points, steps)[strange].max(axis=1).mean() for steps in (Steps(), Steps(exposure=1)))
    assert exposed < plain - 0.05


@pytest.mark.parametrize("steps", [Steps(smoothing=0.3), Steps(mixing=1.0), Steps(averaging=0.999)])
def test_smoothing_mixing_and_averaging_make_it_less_sure(points: tuple[Floats, np.ndarray], steps: Steps) -> None:
    known = points[1] >= 0
    plain, softened = (_chances(points, each)[known].max(axis=1).mean() for each in (Steps(), steps))
    assert softened < plain - 0.005


def test_the_same_seed_gives_the_same_head(points: tuple[Floats, np.ndarray]) -> None:
    steps = Steps(mixing=0.5, averaging=0.9)
    assert np.array_equal(_chances(points, steps), _chances(points, steps))
