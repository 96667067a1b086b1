from pathlib import Path

import numpy as np

from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import preprocess
from training.batches import Batches, class_weights
from training.dataset import read_manifest


def test_without_augmentation_the_network_gets_what_the_box_would_show_it(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    inputs, targets, weights = Batches(photographs, np.ones(8, np.float32), 4, None)[0]
    seen = (inputs * 255).round().astype(np.uint8)
    assert all(np.array_equal(seen[row], preprocess(photographs.pixels(row))) for row in range(4))
    assert targets["logits"].argmax(axis=1).tolist() == [0, 0, 0, 0]
    assert weights["logits"].tolist() == [1, 1, 1, 1]


def test_others_count_for_the_outlier_output_alone(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    others = photographs.where(photographs.targets < 0)
    _, targets, weights = Batches(others, np.ones(8, np.float32), 4, None)[0]
    assert weights["logits"].tolist() == [0, 0, 0, 0]
    assert targets["outlier"].ravel().tolist() == [1, 1, 1, 1]


def test_order_and_augmentation_follow_from_seed_and_epoch(manifest: Path) -> None:
    first, resumed = (Batches(read_manifest(manifest), np.ones(8, np.float32), 4, seed=3) for _ in range(2))
    start = first[0][0]
    first.on_epoch_end()
    resumed.start_epoch(1)
    assert np.array_equal(first[0][0], resumed[0][0])
    assert not np.array_equal(first[0][0], start)


def test_an_epoch_shows_every_photograph_once(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    batches = Batches(photographs, np.ones(8, np.float32), 10, seed=3)
    assert sorted(batches.order) == list(range(len(photographs)))
    assert len(batches) == -(-len(photographs) // 10)


def test_rare_classes_weigh_more_but_less_than_in_proportion() -> None:
    weights = class_weights(np.array([0] * 100 + [1] * 25 + [-1] * 50))
    assert weights[1] / weights[0] == 2
    assert weights[CLASSES.index("psoriasis")] == 0
