import numpy as np
import pytest

from training import metrics
from training.metrics import Answers


def _answers(targets: list[int], likeliest: list[int], confidence: float = 0.9) -> Answers:
    probability = np.full((len(targets), 8), (1 - confidence) / 7)
    probability[np.arange(len(targets)), likeliest] = confidence
    outlier = np.where(np.array(targets) < 0, 0.8, 0.2)
    return Answers(probability, outlier, np.array(targets), np.arange(len(targets)).astype(object))


def test_top1_counts_the_eight_alone() -> None:
    assert metrics.top1(_answers([0, 1, 2, -1], [0, 1, 3, 0])) == pytest.approx(2 / 3)


def test_balanced_accuracy_weighs_classes_alike() -> None:
    assert metrics.balanced(_answers([0, 0, 0, 1], [0, 0, 0, 0])) == pytest.approx(0.5)


def test_top3_looks_at_three() -> None:
    answers = _answers([7, 7], [0, 7])
    answers.probability[0] = [0.4, 0.3, 0, 0, 0, 0, 0.1, 0.2]
    assert metrics.top3(answers) == 1.0


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    assert metrics.calibration_error(_answers([0, 0, 1, 1], [0, 0, 0, 0], 0.9)) == pytest.approx(0.4)


def test_areas_under_the_curve() -> None:
    answers = _answers([2, 3, 4, -1], [2, 3, 4, 0])
    assert metrics.none_of_these_auroc(answers) == 1.0
    assert metrics.malignant_auroc(answers) == 1.0
    assert metrics.macro_auroc(answers) == 1.0


def test_the_interval_resamples_groups_not_photographs() -> None:
    many = _answers([0] * 100, [0] * 50 + [1] * 50)
    few = Answers(many.probability, many.outlier, many.targets, np.repeat(np.arange(4), 25).astype(object))
    low, high = metrics.interval(metrics.top1, many)
    wide_low, wide_high = metrics.interval(metrics.top1, few)
    assert low < 0.5 < high
    assert wide_high - wide_low > 2 * (high - low)
