from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.dataset import Photographs, read_manifest
from training.evaluation.metrics import Answers
from training.predict import Predictions
from training.quantisation.parity import Limit, Views, _calibration, compare

COUNT = 400


def _said(noise: float = 0.0, wrong: float = 0.0, of: int | None = None) -> Predictions:
    """Eight classes in turn, mostly right; ``wrong`` of them (of class ``of``) named otherwise."""
    rng = np.random.default_rng(5)
    targets = _targets()
    logits = rng.normal(0, 1, (COUNT, 8))
    logits[np.arange(COUNT), targets] += 4
    logits += np.random.default_rng(6).normal(0, 1, logits.shape) * noise
    candidates = np.flatnonzero(np.ones(COUNT, bool) if of is None else targets == of)
    for row in candidates[: round(len(candidates) * wrong)]:
        logits[row] = np.roll(logits[row], 4)
    return Predictions(logits, np.zeros(COUNT))


def _targets() -> np.ndarray:
    return np.arange(COUNT) % 8


def _broken(rounded: Predictions) -> str:
    groups = np.array([f"g{number // 2}" for number in range(COUNT)])
    return "; ".join(compare(_said(), rounded, _targets(), groups).broken)


def test_the_rounding_of_int8_passes() -> None:
    assert _broken(_said(noise=0.02)) == ""


def test_names_another_class_too_often() -> None:
    assert "named otherwise" in _broken(_said(wrong=0.04))
    assert "top-1 drop" in _broken(_said(wrong=0.04))


def test_loses_malignant_lesions() -> None:
    assert "malignant sensitivity" in _broken(_said(wrong=0.1, of=2))


def test_loses_one_class_though_the_rest_hides_it() -> None:
    assert "recall of psoriasis" in _broken(_said(wrong=0.2, of=6))
    assert "recall of lichen_planus" not in _broken(_said(wrong=0.2, of=6))


def test_is_less_well_calibrated() -> None:
    flat = _said()
    skewed = Predictions(np.where(flat.logits > 3, flat.logits * 30, flat.logits * 0.01), flat.outlier)
    assert "calibration error" in _broken(skewed)


def _one_class_gone(groups: int, photographs: int, lost: int) -> tuple[str, dict[str, float]]:
    """Pemphigus has few photographs of few groups, and the INT8 file names ``lost`` of them otherwise."""
    targets = _targets()
    pemphigus = np.flatnonzero(targets == 5)
    kept = np.setdiff1d(np.arange(COUNT), pemphigus[photographs:])
    names = np.array([f"g{number}" for number in range(COUNT)])
    names[pemphigus] = [f"p{number % groups}" for number in range(len(pemphigus))]
    exact, rounded = _said(), _said()
    for said in (exact, rounded):
        said.logits[pemphigus] = 5.0 * np.eye(8)[5]
    rounded.logits[pemphigus[:lost]] = 5.0 * np.eye(8)[1]
    of_kept = [Predictions(said.logits[kept], said.outlier[kept]) for said in (exact, rounded)]
    parity = compare(of_kept[0], of_kept[1], targets[kept], names[kept])
    return "; ".join(parity.broken), parity.figures


def test_a_class_of_too_few_groups_is_judged_by_its_drop_and_named() -> None:
    broken, figures = _one_class_gone(groups=2, photographs=2, lost=2)
    assert "recall of pemphigus: drops by 1.000" in broken
    assert figures["recall_drop_pemphigus_no_interval"] == 1.0
    assert "recall of pemphigus" in _one_class_gone(groups=1, photographs=1, lost=1)[0]
    assert "recall of pemphigus" in _one_class_gone(groups=4, photographs=20, lost=3)[0]
    assert "recall of pemphigus" not in _one_class_gone(groups=4, photographs=20, lost=1)[0]
    assert not any("no_interval" in name for name in _one_class_gone(groups=20, photographs=20, lost=0)[1])


def test_without_malignant_photographs_nothing_is_said_to_pass() -> None:
    rows = ~np.isin(_targets(), [2, 3])
    said = _said()
    harmless = Predictions(said.logits[rows], said.outlier[rows])
    with pytest.raises(ValueError, match="malignant"):
        compare(harmless, harmless, _targets()[rows], np.arange(rows.sum()).astype(str))


def _sure(confidence: float) -> Answers:
    """Always right, always equally sure: the error is 1 − confidence in every resample."""
    probability = np.full((40, 8), (1 - confidence) / 7)
    probability[:, 0] = confidence
    names = np.arange(40).astype(str).astype(object)
    return Answers(probability, np.zeros(40), np.zeros(40, np.int64), names, names)


def test_the_calibration_error_may_grow_by_what_is_sure_but_nothing() -> None:
    assert _calibration([_sure(0.9), _sure(0.8999)]) == []
    assert "grows by 0.010" in _calibration([_sure(0.9), _sure(0.89)])[0]


def _photographs(count: int) -> Photographs:
    rows = pd.DataFrame({"image": [f"{number}.jpg" for number in range(count)], "label": "psoriasis", "group": "g"})
    return Photographs(Path(), rows)


@pytest.mark.parametrize(("count", "turns"), [(27, 8), (199, 8), (200, 1)])
def test_few_photographs_are_looked_at_from_all_sides(count: int, turns: int) -> None:
    photographs = _photographs(count)
    views = Views.of_the_gate(photographs)
    assert views.few == (turns > 1)
    assert len(views) == turns * count
    assert views.targets.tolist() == np.repeat(photographs.targets, turns).tolist()
    assert views.rows["image"].iloc[turns] == "1.jpg"


def test_the_sides_are_the_photograph_and_its_seven_symmetries(manifest: Path) -> None:
    photographs = read_manifest(manifest).of_the_eight()
    few = Views.of_the_gate(photographs.where(np.arange(len(photographs)) % 8 == 0))
    sides = [few.pixels(position) for position in range(16)]
    assert np.array_equal(sides[0], photographs.pixels(0))
    assert np.array_equal(sides[8], photographs.pixels(8))
    assert len({(side.shape, side.tobytes()) for side in sides[:8]}) == 8
    assert all(np.array_equal(np.sort(side, axis=None), np.sort(sides[0], axis=None)) for side in sides[:8])


def _few(wrong: int, of: int) -> str:
    """Of ``of`` photographs, eight views each, one view of each of ``wrong`` is named otherwise by INT8."""
    targets = np.repeat(np.arange(of) % 8, 8)
    logits = 9.0 * np.eye(8)[targets]
    rounded = logits.copy()
    rounded[np.arange(wrong) * 8] = np.roll(rounded[np.arange(wrong) * 8], 4, axis=1)
    groups = np.repeat(np.arange(of).astype(str), 8)
    said = [Predictions(each, np.zeros(len(each))) for each in (logits, rounded)]
    assert compare(said[0], said[1], targets, groups).broken
    return "; ".join(compare(said[0], said[1], targets, groups, few=True).broken)


def test_few_photographs_refuse_a_file_only_by_more_than_chance() -> None:
    assert "named otherwise" not in _few(wrong=7, of=24)  # 0.036, where 0.03 is allowed
    assert "named otherwise: 0.0469, allowed 0.0300, by more than chance" in _few(wrong=36, of=96)


def test_twice_a_limit_is_too_much_however_few_the_photographs_are() -> None:
    assert "named otherwise: 0.0625, allowed 0.0300" in _few(wrong=12, of=24)


def test_a_malignant_photograph_that_is_lost_from_most_sides_refuses_the_file() -> None:
    targets = np.repeat(np.arange(80) % 8, 8)
    logits = 9.0 * np.eye(8)[targets]
    groups = np.repeat(np.arange(80).astype(str), 8)

    def broken(sides: int) -> str:
        rounded = logits.copy()
        rounded[2 * 8 : 2 * 8 + sides, 2:4] = 0.0
        rounded[2 * 8 : 2 * 8 + sides, 7] = 9.0
        said = [Predictions(each, np.zeros(len(each))) for each in (logits, rounded)]
        return "; ".join(compare(said[0], said[1], targets, groups, few=True).broken)

    assert broken(sides=4) == ""
    assert "malignant photographs lost from most of their 8 sides: 1" in broken(sides=5)


def test_too_few_patients_for_an_interval_are_judged_as_they_are() -> None:
    one = np.array(["one"] * 100)
    lost = np.r_[1.0, np.zeros(99)]
    assert Limit("top-1 drop", lost, one, 0.005).broken(few=True) == ["top-1 drop: 0.0100, allowed 0.0050"]
    assert Limit("top-1 drop", lost, one, 0.01).broken(few=True) == []
