import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from appliance.vision.calibration import prediction_set, probabilities, sigmoid
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


def test_sigmoid() -> None:
    assert sigmoid(0) == 0.5
    assert sigmoid(3) == pytest.approx(1 - sigmoid(-3))
