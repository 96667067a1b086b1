import numpy as np
import pytest

from training.evaluation import metrics
from training.evaluation.bootstrap import FEWEST_GROUPS, between, draws, interval, mean_with_interval, side_by_side
from training.evaluation.metrics import Answers
from training.evaluation.sides import SIDES, fewest_groups


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


def _others_and_eight(groups_of_others: int) -> Answers:
    """Forty patients of the eight, five a class, and forty others of so many groups, told apart rather well."""
    targets = np.append(np.arange(40) % 8, np.full(40, -1))
    probability = np.full((80, 8), 0.1)
    probability[np.arange(40), targets[:40]] = 0.3
    score = np.random.default_rng(2).normal(np.where(targets < 0, 1, 0), 1)
    names = np.array([f"e{n}" for n in range(40)] + [f"o{n % groups_of_others}" for n in range(40)], object)
    return Answers(probability, score, targets, names, names)


def test_a_side_of_too_few_groups_has_no_interval_however_many_the_other_has() -> None:
    figures = {"area": metrics.none_of_these_auroc, "top-1": metrics.top1}
    few = _others_and_eight(FEWEST_GROUPS - 1)
    found = side_by_side(figures, {"float": few, "int8": few})
    assert found["area"]["int8"] is not None
    assert found["area"]["float_95"] is found["area"]["int8_95"] is found["area"]["difference_95"] is None
    assert found["top-1"]["int8_95"] == [1, 1]
    with pytest.raises(ValueError, match="groups"):
        interval(metrics.none_of_these_auroc, few)
    low, high = interval(metrics.none_of_these_auroc, _others_and_eight(FEWEST_GROUPS))
    assert low < high


def test_every_figure_with_an_interval_has_sides() -> None:
    """Each is a dash where there is no photograph of what it counts, or of what it compares with."""
    everything = _others_and_eight(20)
    assert fewest_groups(metrics.none_of_these_auroc, everything) == 20
    assert fewest_groups(metrics.malignant_auroc, everything) == 10
    assert fewest_groups(metrics.psoriasis_specificity, everything) == 35
    assert fewest_groups(metrics.melanoma_seen, everything) == 0
    assert fewest_groups(metrics.harmless_left_alone, everything) == 10
    assert set(SIDES) <= set(metrics.FIGURES)


def test_a_resample_without_a_class_is_no_resample_of_a_mean_over_classes() -> None:
    """One class is always right and the others never: without it the mean would be nothing."""
    targets = np.append(np.zeros(1, np.int64), np.ones(20, np.int64))
    names = np.arange(21).astype(str).astype(object)
    probability = np.zeros((21, 8))
    probability[:, 0] = 1
    answers = Answers(probability, np.zeros(21), targets, names, names)
    assert side_by_side({"balanced": metrics.balanced}, {"int8": answers})["balanced"]["int8_95"] == [0.5, 0.5]
