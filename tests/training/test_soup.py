import json
from pathlib import Path

import numpy as np
import pytest

from training.predict import Predictions
from training.soup import figures, mixed, soup


def test_a_share_of_each() -> None:
    start, end = [np.zeros(3), np.array([2.0])], [np.ones(3), np.array([4.0])]
    assert [part.tolist() for part in mixed(start, end, 0.25)] == [[0.25] * 3, [2.5]]
    assert [part.tolist() for part in mixed(start, end, 0.0)] == [[0.0] * 3, [2.0]]


def test_the_loss_to_choose_by_rewards_both_tasks() -> None:
    rng = np.random.default_rng(3)
    targets = np.array([0, 1, 2, 3, -1] * 40)
    logits = rng.normal(0, 1, (200, 8))
    sure = logits.copy()
    sure[np.arange(200)[targets >= 0], targets[targets >= 0]] += 3
    blind, alert = rng.normal(0, 1, 200), (targets < 0) * 3.0 + rng.normal(0, 1, 200)
    loss = {
        name: figures(Predictions(a, b), targets)["loss"]
        for name, a, b in (("neither", logits, blind), ("classes", sure, blind), ("both", sure, alert))
    }
    assert loss["both"] < loss["classes"] < loss["neither"]


def test_only_a_run_that_started_from_a_bundle_can_be_mixed(split: Path, tmp_path: Path) -> None:
    config = {"weights": "none", "images": "", "data": str(split), "scaling": "unit", "normalisation": "live"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "split.csv").write_text(split.read_text())
    with pytest.raises(ValueError, match="started from a bundle"):
        soup(tmp_path)
