import numpy as np
import pytest

from training import metrics
from training.evaluation.bootstrap import FEWEST_GROUPS, between, draws, interval, mean_with_interval, side_by_side
from training.metrics import Answers


def _half_right(groups: np.ndarray) -> Answers:
    count = len(groups)
    probability = np.zeros((count, 8))
    probability[: count // 2, 0] = probability[count // 2 :, 1] = 1
    named = groups.astype(object)
    return Answers(probability, np.zeros(count), np.zeros(count, np.int64), named, named)


def test_the_interval_resamples_groups_not_photographs() -> None:
    low, high = interval(metrics.top1, _half_right(np.arange(100)))
    wide_low, wide_high = interval(metrics.top1, _half_right(np.repeat(np.arange(10), 10)))
    assert low < 0.5 < high
    assert wide_high - wide_low > 2 * (high - low)


def test_a_draw_takes_whole_groups() -> None:
    groups = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 6]).astype(object)
    for rows in draws(groups, count=20):
        counts = np.bincount(groups[rows].astype(int), minlength=6)
        assert (counts % np.array([1, 2, 3, 4, 5, 6]) == 0).all()


def test_too_few_groups_have_no_interval() -> None:
    few = _half_right(np.arange(FEWEST_GROUPS - 1))
    assert draws(few.groups) == []
    with pytest.raises(ValueError, match="groups"):
        interval(metrics.top1, few)
    assert side_by_side({"top-1": metrics.top1}, {"int8": few})["top-1"]["int8_95"] is None


def test_a_figure_that_is_mostly_undefined_has_no_interval() -> None:
    assert between([np.nan, np.nan, np.nan, 0.5]) is None
    assert between([0.5, 0.5, np.nan]) == [0.5, 0.5]


def test_the_difference_of_networks_is_that_of_pairs() -> None:
    answers = _half_right(np.arange(100))
    entry = side_by_side({"top-1": metrics.top1}, {"float": answers, "int8": answers})["top-1"]
    assert entry["difference"] == 0
    assert entry["difference_95"] == [0, 0]
    assert entry["int8_95"][0] < entry["int8_95"][1]


def test_what_cannot_be_counted_is_none_and_not_nan() -> None:
    entry = side_by_side({"melanoma": metrics.melanoma_auroc}, {"float": _half_right(np.arange(9))})["melanoma"]
    assert entry == {"float": None, "float_95": None}


def test_a_mean_has_the_interval_of_its_groups() -> None:
    found = mean_with_interval(np.array([0.0, 1.0] * 20), np.arange(40).astype(object))
    assert found["value"] == 0.5
    assert found["value_95"][0] < 0.5 < found["value_95"][1]
