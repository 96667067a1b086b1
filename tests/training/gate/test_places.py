"""Learning what ink looks like at a place, on the network that ships."""

from pathlib import Path

import numpy as np
import pytest

from appliance.vision.preprocess import preprocess
from appliance.vision.runtime import Network
from training.gate.features_output import with_features
from training.gate.places import Sums, ink_places, learned, pen
from training.golden import draw


def test_a_ridge_regression_by_sums_is_the_one_by_rows() -> None:
    random = np.random.default_rng(1)
    rows, true = random.normal(size=(500, 3)).astype(np.float32) * (1, 10, 0.1), np.array((1.0, 0.2, -5.0))
    target = rows @ true + 0.7
    sums = Sums(3)
    for part in (slice(0, 200), slice(200, 500)):
        sums.add(rows[part], target[part])
    weights, bias = sums.solved(1e-6)
    assert weights == pytest.approx(true, rel=1e-3)
    assert bias == pytest.approx(0.7, abs=1e-3)


def test_without_a_photograph_nothing_is_learned(bundle_folder: Path) -> None:
    network = Network(with_features((bundle_folder / "model.tflite").read_bytes()), threads=1)
    with pytest.raises(ValueError, match="no photograph"):
        ink_places([], network)


def test_strokes_on_some_pictures_are_found_on_another(bundle_folder: Path) -> None:
    network = Network(with_features((bundle_folder / "model.tflite").read_bytes()), threads=1)
    places = learned(((preprocess(draw(seed)), seed) for seed in (1, 2, 3)), network)
    other, random = preprocess(draw(4)), np.random.default_rng(3)
    plain = places.measured(network.run(other))
    inked = [places.measured(network.run(pen(other, random)[0])) for _ in range(3)]
    assert min(each["strongest"] for each in inked) > plain["strongest"] + 0.1


def test_a_pen_changes_what_it_covers_and_nothing_else() -> None:
    view = preprocess(draw(1))
    for seed in range(6):
        inked, cover = pen(view, np.random.default_rng(seed))
        changed = np.abs(inked.astype(int) - view).max(axis=2) > 12
        assert changed.any()
        assert cover[changed].min() > 0.02
