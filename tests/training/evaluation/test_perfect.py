import numpy as np
import pytest

from training.evaluation.metrics import Answers, calibration_error
from training.evaluation.perfect import if_perfect


def _answers(confidence: np.ndarray, correct: np.ndarray) -> Answers:
    """Photographs of class 0 or 1 that are called 0 with the given confidence."""
    probability = np.repeat(((1 - confidence) / 7)[:, None], 8, axis=1)
    probability[:, 0] = confidence
    names = np.arange(len(confidence)).astype(object)
    return Answers(probability, np.zeros(len(confidence)), np.where(correct, 0, 1), names, names)


def _honest(count: int, seed: int) -> Answers:
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.3, 1, count)
    return _answers(confidence, rng.random(count) < confidence)


def test_an_honest_model_lies_in_its_own_range_about_as_often_as_promised() -> None:
    inside = 0
    for seed in range(40):
        answers = _honest(200, seed)
        low, high = if_perfect({"int8": answers}, count=400)["int8"]["range_95"]
        inside += low <= calibration_error(answers) <= high
    assert inside >= 34


def test_the_fewer_photographs_the_larger_the_error_by_chance() -> None:
    few, many = (if_perfect({"int8": _honest(count, 1)})["int8"]["mean"] for count in (50, 2000))
    assert few > 0.06
    assert many < few / 3


def test_the_figure_is_the_one_that_is_simulated() -> None:
    confidence = np.full(100, 0.8)
    found = if_perfect({"int8": _answers(confidence, np.arange(100) < 80)})["int8"]
    # One bin: the mean distance of a binomial share from 0.8 is near the normal's σ·√(2/π).
    assert found["mean"] == pytest.approx(0.04 * np.sqrt(2 / np.pi), rel=0.05)
    assert found["as_large"] == 1.0


def test_a_model_that_boasts_is_found_out() -> None:
    boasting = _answers(np.full(300, 0.95), np.arange(300) < 210)
    assert if_perfect({"int8": boasting})["int8"]["as_large"] == 0


def test_without_photographs_of_the_eight_there_is_nothing_to_simulate() -> None:
    others = _honest(3, 1)
    others.targets[:] = -1
    assert if_perfect({"int8": others})["int8"] == {"mean": None, "range_95": None, "as_large": None}
