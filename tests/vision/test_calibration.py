import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from appliance.vision.bundle import NoneOfThese
from appliance.vision.calibration import prediction_set, probabilities, signals, unlikeness
from appliance.vision.classes import CLASSES

LOGITS = npst.arrays(np.float64, 8, elements=st.floats(-50, 50))


@given(LOGITS, st.floats(0.1, 10))
def test_probabilities_sum_to_one_and_keep_the_order(logits: np.ndarray, temperature: float) -> None:
    probability = probabilities(logits, temperature)
    assert probability.sum() == pytest.approx(1)
    assert (np.diff(probability[np.argsort(logits)]) >= 0).all()


def test_a_higher_temperature_is_less_sure() -> None:
    logits = np.arange(8.0)
    assert probabilities(logits, 2.0).max() < probabilities(logits, 1.0).max()


def test_each_class_has_its_own_threshold_in_the_set() -> None:
    probability = np.array([0.5, 0.2, 0.1, 0.1, 0.04, 0.03, 0.02, 0.01])
    thresholds = dict.fromkeys(CLASSES, 0.85)
    assert prediction_set(probability, thresholds) == ("lichen_planus", "lupus_erythematosus")
    thresholds["pemphigus"] = 0.98
    assert prediction_set(probability, thresholds)[-1] == "pemphigus"


def test_each_signal_is_higher_for_what_is_less_like_the_eight() -> None:
    sure, unsure = np.array([9.0, *[0.0] * 7]), np.zeros(8)
    known, unknown = signals(np.stack([sure, unsure]), np.array([-2.0, 2.0]))
    assert (unknown > known).all()


def test_the_score_weighs_the_signals_as_the_bundle_says() -> None:
    logits, outlier = np.array([[5.0, *[0.0] * 7]]), np.array([1.5])
    how = NoneOfThese(
        method="combined", outlier=2.0, energy=0.0, max_logit=0.5, bias=-1.0, threshold=0.5, refer_threshold=0.5
    )
    assert unlikeness(logits, outlier, how).item() == pytest.approx(1 / (1 + np.exp(-(2 * 1.5 - 0.5 * 5 - 1))))


def test_doubt_begins_no_later_than_none_of_these() -> None:
    with pytest.raises(ValueError, match="refer_threshold"):
        NoneOfThese(method="energy", outlier=0, energy=1, max_logit=0, bias=0, threshold=0.4, refer_threshold=0.5)
