import numpy as np
import pandas as pd

from appliance.vision.classes import CLASSES
from training.calibration.ways import Calibrated, Ints, Labelled, _cross_fitted, side_by_side
from training.predict import Floats


def _drawn(count: int, seed: int, twist: float = 1.0, bias: float = 0.0) -> Labelled:
    """True classes drawn from the softmax of logits that are then stated ``twist`` times too large, and skewed."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, len(CLASSES)))
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = np.array([rng.choice(len(CLASSES), p=each) for each in chance])
    logits[:, 0] += bias
    return Labelled(logits * twist, targets, np.array([f"group {number // 2}" for number in range(count)]))


def _table(ours: Labelled, elsewhere: Labelled | None = None) -> pd.DataFrame:
    return side_by_side(ours, elsewhere, rounds=2).set_index("way")


def test_a_network_that_is_too_sure_of_itself_needs_a_temperature_and_no_more() -> None:
    table = _table(_drawn(200, 1, twist=3))
    assert table.loc["nothing", "low"] > 0  # beyond chance
    assert table.loc["nothing", "calibration_error"] > 2 * table.loc["nothing", "by_chance"]
    assert table.loc["temperature", "calibration_error"] < 2 * table.loc["temperature", "by_chance"]
    assert table.loc["vector scaling", "log_loss"] > table.loc["temperature", "log_loss"]


def test_a_class_that_is_named_too_often_needs_its_bias() -> None:
    assert _table(_drawn(400, 2, bias=3)).loc["temperature and class bias", "high"] < 0


def test_few_photographs_are_helped_by_the_temperature_of_many_others() -> None:
    few, many = _drawn(40, 3, twist=2), _drawn(800, 4, twist=2)
    table = _table(few, many)
    assert table.loc["temperature of the folds", "log_loss"] < table.loc["temperature", "log_loss"]
    assert table.loc["temperature of both", "log_loss"] < table.loc["temperature", "log_loss"]
    assert "temperature of both" not in _table(few).index


def test_no_group_is_judged_by_what_it_taught() -> None:
    """Every photograph has logits of its own group alone, which a way could learn by heart."""
    groups = np.repeat([f"group {number}" for number in range(30)], 4)
    marks = np.repeat(np.arange(30.0), 4)[:, None] * np.ones(len(CLASSES))
    taught: list[set[float]] = []

    def way(logits: Floats, targets: Ints) -> Calibrated:
        taught.append(set(logits[:, 0]))
        return judge

    def judge(logits: Floats) -> Floats:
        assert not taught[-1] & set(logits[:, 0])
        return logits

    _cross_fitted(way, Labelled(marks, np.zeros(120, np.int64), groups), rounds=2)
    assert len(taught) == 20
