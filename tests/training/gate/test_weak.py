"""Learning where a fault is from labels that say only whether there is one."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from appliance.vision.quality.places import KINDS, Places
from training.gate.places import LAYERS
from training.gate.weak import KIND, Bags, measured_in

SIDE, CHANNELS, WIDTHS = 7, 12, (8, 4)


def photographs(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Half of them faulty: three places of 49 differ in channel 3; channel 0 differs strongly between all of them."""
    cells = random.normal(size=(count, SIDE * SIDE, CHANNELS)) + random.normal(0, 5, (count, 1, 1)) * (
        np.arange(12) == 0
    )
    faulty = np.arange(count) % 2 == 1
    for row in np.flatnonzero(faulty):
        cells[row, random.choice(SIDE * SIDE, 3, replace=False), 3] += 4
    return cells.astype(np.float16), faulty


def learned(random: np.random.Generator) -> tuple[Places, np.ndarray, np.ndarray]:
    cells, faulty = photographs(random, 80)
    return Bags(cells, WIDTHS).learned(faulty, ~faulty, np.ones(80, np.bool_)), cells, faulty


def test_a_few_places_of_a_photograph_are_found_in_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.gate.weak.CHOSEN", 3)
    places, *_ = learned(np.random.default_rng(1))
    cells, faulty = photographs(np.random.default_rng(2), 60)
    scores = np.array([measured_in(each, places) for each in cells])
    assert roc_auc_score(faulty, scores) > 0.95
    weights = np.abs(np.concatenate([places.weights[layer] for layer in LAYERS]))
    assert weights[3] > 5 * np.delete(weights, 3).max()


def test_photographs_that_are_held_back_have_no_say() -> None:
    cells, faulty = photographs(np.random.default_rng(1), 80)
    seen = np.arange(80) < 60
    of_all = Bags(cells, WIDTHS).learned(faulty, ~faulty, seen)
    of_seen = Bags(cells[seen], WIDTHS).learned(faulty[seen], ~faulty[seen], np.ones(60, np.bool_))
    assert [measured_in(each, of_all) for each in cells] == pytest.approx(
        [measured_in(each, of_seen) for each in cells], abs=0.02
    )


def test_the_box_measures_what_the_fit_measured() -> None:
    places, cells, faulty = learned(np.random.default_rng(1))
    maps = np.expm1(np.maximum(cells[1].astype(np.float32), 0)).reshape(SIDE, SIDE, CHANNELS)
    outputs = dict(zip(LAYERS, np.split(maps, [8], axis=-1), strict=True))
    seen_by_box = places.measured(outputs)[KIND]
    assert KIND in KINDS
    assert seen_by_box == pytest.approx(measured_in(np.maximum(cells[1], 0), places), abs=0.02)
    assert abs(np.mean([measured_in(each, places) for each in cells[~faulty]])) < 2
