import numpy as np
import pytest

from appliance.vision.calibration import prediction_set, probabilities
from appliance.vision.classes import CLASSES
from training.calibrate import LEVEL, conformal, fit, temperature, threshold


def _drawn(scale: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax at temperature ``scale`` is the true probability of the target drawn from it."""
    rng = np.random.default_rng(4)
    honest = rng.normal(0, 2, (count, 8))
    chance = probabilities(honest, 1.0)
    targets = np.array([rng.choice(8, p=row) for row in chance])
    return honest * scale, targets


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5])
def test_finds_the_temperature_that_was_put_in(scale: float) -> None:
    assert temperature(*_drawn(scale)) == pytest.approx(scale, rel=0.1)


def test_the_sets_cover_each_class_at_the_level_on_fresh_data() -> None:
    logits, targets = _drawn(1.0, 8000)
    probability = probabilities(logits, 1.0)
    fitted = conformal(probability[:4000], targets[:4000])
    assert fitted.pooled == ()
    for index, name in enumerate(CLASSES):
        own = probability[4000:][targets[4000:] == index]
        covered = np.mean([name in prediction_set(row, fitted.thresholds) for row in own])
        assert covered > LEVEL - 0.05


def test_a_class_with_too_few_photographs_borrows_and_says_so() -> None:
    assert threshold(np.array([0.1] * 8)) is None
    assert threshold(np.array([0.1] * 9)) == pytest.approx(0.1, abs=1e-4)
    logits, targets = _drawn(1.0)
    rare = (targets != 5) | (np.cumsum(targets == 5) <= 3)
    assert conformal(probabilities(logits, 1.0)[rare], targets[rare]).pooled == ("pemphigus",)


def test_operating_points_hold_on_the_data_they_were_fitted_on() -> None:
    logits, targets = _drawn(1.0)
    scores = np.random.default_rng(1).uniform(size=len(targets))
    fitted = fit(logits, targets, scores)
    malignant = np.isin(targets, [2, 3])
    flagged = probabilities(logits, fitted.temperature)[:, 2:4].sum(axis=1) >= fitted.malignancy_threshold
    assert flagged[malignant].mean() >= 0.95
    assert (scores > fitted.none_of_these_threshold).mean() == pytest.approx(0.1, abs=0.01)
