import numpy as np
import pytest

from appliance.vision.bundle import NoneOfThese
from appliance.vision.calibration import prediction_set, probabilities, unlikeness
from appliance.vision.classes import CLASSES
from training.calibration.calibrate import (
    FEWEST_GROUPS,
    LEVEL,
    conformal,
    fit,
    psoriasis_threshold,
    temperature,
    threshold,
    too_few,
    without_doubt,
)
from training.calibration.unlike import choose
from training.predict import Predictions


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
    fitted = conformal(probability[:4000], targets[:4000], _alone(4000))
    assert fitted.pooled == ()
    for index, name in enumerate(CLASSES):
        own = probability[4000:][targets[4000:] == index]
        covered = np.mean([name in prediction_set(row, fitted.thresholds) for row in own])
        assert covered > LEVEL - 0.05


def _alone(count: int) -> np.ndarray:
    """Every photograph of another patient."""
    return np.arange(count).astype(str)


def test_a_class_with_too_few_photographs_borrows_and_says_so() -> None:
    assert threshold(np.array([0.1] * 8), _alone(8)) is None
    assert threshold(np.array([0.1] * 9), _alone(9)) == pytest.approx(0.1, abs=1e-4)
    logits, targets = _drawn(1.0)
    rare = (targets != 5) | (np.cumsum(targets == 5) <= 3)
    fitted = conformal(probabilities(logits, 1.0)[rare], targets[rare], _alone(int(rare.sum())))
    assert fitted.pooled == ("pemphigus",)


def test_many_photographs_of_few_patients_make_no_promise() -> None:
    scores = np.linspace(0, 0.5, 10 * (FEWEST_GROUPS - 1))
    assert threshold(scores, np.repeat(_alone(FEWEST_GROUPS - 1), 10)) is None
    assert threshold(scores, np.append(np.repeat(_alone(FEWEST_GROUPS - 1), 10)[1:], "one more")) is not None
    logits, targets = _drawn(1.0)
    groups = np.where(targets == 0, "the only patient with lichen planus", _alone(len(targets)))
    fitted = fit(Predictions(logits, np.zeros(len(targets))), targets, groups, OUTLIER)
    assert fitted.conformal.pooled == ("lichen_planus",)
    assert fitted.conformal.thresholds["lichen_planus"] == _pooled(logits, targets, fitted.temperature)
    assert "groups: lichen_planus 1, " in fitted.fitted_on


def _pooled(logits: np.ndarray, targets: np.ndarray, scale: float) -> float:
    """The threshold of all photographs together."""
    probability = probabilities(logits, scale)[np.arange(len(targets)), targets]
    return float(np.round(threshold(1 - probability, _alone(len(targets))), 4))


def test_nothing_to_be_in_doubt_by_is_said() -> None:
    targets = np.array([4, 4, -1])
    assert without_doubt(targets, np.array([False, False, True])) is None
    assert "a melanoma" in str(without_doubt(targets, np.array([False, False, False])))
    assert "a melanoma" in str(without_doubt(targets, None))
    assert "normal skin" in str(without_doubt(np.array([0, 1, -1]), np.array([False, False, True])))


def test_few_photographs_are_said_to_give_guesses() -> None:
    logits, targets = _drawn(1.0)
    fitted = fit(Predictions(logits, np.zeros(len(targets))), targets, _alone(len(targets)), OUTLIER)
    assert too_few(targets, fitted) is None
    assert "Only 30 validation photographs" in str(too_few(targets[:30], fitted))
    none_malignant = np.where(np.isin(targets, [2, 3]), 4, targets)
    assert " 0 of them malignant" in str(too_few(none_malignant, fitted))


OUTLIER = NoneOfThese(method="outlier", outlier=1, energy=0, max_logit=0, bias=0, threshold=1, refer_threshold=1)


def _with_others(outlier_gap: float = 2.0) -> tuple[Predictions, np.ndarray]:
    """Drawn logits of the eight and of 1,000 others, with an outlier channel that is higher for the others."""
    logits, targets = _drawn(1.0)
    rng = np.random.default_rng(9)
    others = rng.normal(0, 1, (1000, 8))
    outlier = np.concatenate([rng.normal(0, 1, len(targets)), rng.normal(outlier_gap, 1, 1000)])
    return Predictions(np.concatenate([logits, others]), outlier), np.concatenate([targets, np.full(1000, -1)])


def test_operating_points_hold_on_the_data_they_were_fitted_on() -> None:
    said, targets = _with_others()
    fitted = fit(said, targets, _alone(len(targets)), OUTLIER)
    known = targets >= 0
    malignant = np.isin(targets[known], [2, 3])
    flagged = probabilities(said.logits[known], fitted.temperature)[:, 2:4].sum(axis=1) >= fitted.malignancy_threshold
    assert flagged[malignant].mean() >= 0.95
    score = unlikeness(said.logits, said.outlier, fitted.none_of_these)
    assert (score[known] > fitted.none_of_these.threshold).mean() == pytest.approx(0.1, abs=0.01)
    assert fitted.none_of_these.refer_threshold == fitted.none_of_these.threshold


def test_doubt_begins_where_melanomas_need_it_but_leaves_normal_skin_alone() -> None:
    said, targets = _with_others()
    said.outlier[targets == 4] -= 2.0
    melanoma = targets == -1
    fitted = fit(said, targets, _alone(len(targets)), OUTLIER, melanoma).none_of_these
    score = unlikeness(said.logits, said.outlier, fitted)
    assert fitted.refer_threshold < fitted.threshold
    assert (score[targets == 4] > fitted.refer_threshold).mean() <= 0.1
    apart, _ = _with_others(outlier_gap=6.0)
    early = fit(apart, targets, _alone(len(targets)), OUTLIER, melanoma).none_of_these
    assert (unlikeness(apart.logits, apart.outlier, early)[melanoma] > early.refer_threshold).mean() >= 0.95


def test_psoriasis_has_the_point_of_the_largest_sensitivity_and_specificity() -> None:
    probability = np.zeros((100, 8))
    targets = np.array([6] * 50 + [0] * 50)
    probability[:50, 6] = np.linspace(0.31, 0.9, 50)
    probability[50:, 6] = np.linspace(0.0, 0.29, 50)
    assert 0.29 < psoriasis_threshold(probability, targets) <= 0.31
    assert psoriasis_threshold(probability[50:], targets[50:]) == 1.0


def test_the_best_signal_for_none_of_these_is_chosen_on_what_it_does() -> None:
    said, targets = _with_others(outlier_gap=0.0)
    groups = np.arange(len(targets)).astype(str)
    told_by_logits, report = choose(said, targets, groups)
    assert told_by_logits.method in ("energy", "max_logit", "combined")
    assert report["auroc"]["outlier"] == pytest.approx(0.5, abs=0.05)
    clear, _ = _with_others(outlier_gap=8.0)
    assert choose(clear, targets, groups)[0].method == "outlier"


def test_signals_that_help_each_other_are_combined() -> None:
    said, targets = _with_others(outlier_gap=1.5)
    chosen, report = choose(said, targets, np.arange(len(targets)).astype(str))
    assert chosen.method == "combined"
    assert report["auroc"]["combined"] > max(report["auroc"][name] for name in ("outlier", "energy", "max_logit"))
