import numpy as np
import pytest

from training.dataset import Photographs
from training.evaluation.source_probe import source_probe


def _features(photographs: Photographs, marked: bool) -> np.ndarray:
    rng = np.random.default_rng(2)
    features = rng.normal(0, 1, (len(photographs), 30))
    names = sorted(set(photographs.rows["source"]))
    for column, name in enumerate(names if marked else []):
        features[:, column] += 6 * (photographs.rows["source"] == name)
    return features


def test_a_mark_of_the_source_is_found(photographs: Photographs) -> None:
    told = source_probe(_features(photographs, marked=True), photographs)["source told from features"]
    assert told["accuracy"]["value"] > 0.95
    assert told["chance"] == pytest.approx(1 / 3)


def test_without_a_mark_the_source_is_told_by_chance_alone(photographs: Photographs) -> None:
    told = source_probe(_features(photographs, marked=False), photographs)["source told from features"]
    assert abs(told["balanced"] - told["balanced_chance"]) < 0.15


def test_a_source_of_one_class_gives_the_class_away(photographs: Photographs) -> None:
    rows = photographs.rows.copy()
    rows["source"] = "from " + rows["label"]
    alone = source_probe(_features(photographs, False), Photographs(photographs.folder, rows))
    assert alone["class told from source alone"]["accuracy"]["value"] == 1.0
    mixed = source_probe(_features(photographs, False), photographs)
    assert mixed["class told from source alone"]["accuracy"]["value"] < 0.3


def test_sources_of_too_few_groups_are_left_out_by_name(photographs: Photographs) -> None:
    rows = photographs.rows.copy()
    rows.loc[:3, "source"] = "rare"
    found = source_probe(_features(photographs, False), Photographs(photographs.folder, rows))
    assert found["left_out"] == ["rare"]
    assert found["photographs"] == len(photographs) - 4
