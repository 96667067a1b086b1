from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import preprocess
from training.batches import Feed, Truth, class_weights, dataset
from training.dataset import Photographs, read_manifest
from training.mixing import Mixing

EVEN = np.ones(8, np.float32)


def _feed(photographs: Photographs, size: int = 4, **options: object) -> Feed:
    return Feed(photographs, Truth.of(photographs.targets, EVEN), size, **options)  # type: ignore[arg-type]


def test_without_augmentation_the_network_gets_what_the_box_would_show_it(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    views, classes, _, weights, counts = _feed(photographs).batch(0)
    assert counts.tolist() == [1, 1, 1, 1]
    assert all(np.array_equal(views[row], preprocess(photographs.pixels(row))) for row in range(4))
    assert classes.argmax(axis=1).tolist() == [0, 0, 0, 0]
    assert weights.tolist() == [1, 1, 1, 1]


def test_tensorflow_is_fed_the_same_batches_over_255(manifest: Path) -> None:
    feed = _feed(read_manifest(manifest), seed=3, mixing=Mixing())
    for step, (views, targets, weights) in zip((5, 6), dataset(feed, (5, 6)), strict=True):
        made = feed.batch(step)
        assert np.allclose(views.numpy() * 255, made[0], atol=1e-3)
        assert np.array_equal(targets["logits"].numpy(), made[1])
        assert np.array_equal(targets["outlier"].numpy(), made[2])
        assert np.array_equal(weights["logits"].numpy(), made[3])
        assert np.array_equal(weights["outlier"].numpy(), made[4])


def test_other_processes_make_the_same_batches(manifest: Path) -> None:
    feed = _feed(read_manifest(manifest), seed=3, mixing=Mixing())
    with ProcessPoolExecutor(1) as pool:
        (views, _, _) = next(iter(dataset(feed, (2,), pool)))
    assert np.allclose(views.numpy() * 255, feed.batch(2)[0], atol=1e-3)


def test_others_count_for_the_outlier_output_alone_unless_they_are_exposed(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    others = photographs.where(photographs.targets < 0)
    _, _, outlier, weights, _ = _feed(others).batch(0)
    assert weights.tolist() == [0, 0, 0, 0]
    assert outlier.ravel().tolist() == [1, 1, 1, 1]
    exposed = Truth.of(others.targets, EVEN, exposure=0.2)
    assert np.allclose(exposed.classes, 1 / 8)
    assert np.allclose(exposed.weights, 0.2)


def test_smoothing_leaves_the_rest_of_the_target_to_all_classes() -> None:
    truth = Truth.of(np.array([2]), EVEN, smoothing=0.08)
    assert truth.classes[0, 2] == pytest.approx(0.93)
    assert truth.classes[0, 3] == pytest.approx(0.01)


def test_a_teacher_is_heard_where_it_speaks() -> None:
    truth = Truth.of(np.array([0, 1]), EVEN)
    said = np.full((2, 8), np.nan, np.float32)
    said[1] = 1 / 8
    taught = truth.taught(said, 0.4)
    assert np.array_equal(taught.classes[0], truth.classes[0])
    assert taught.classes[1, 1] == pytest.approx(0.6 + 0.4 / 8)


def test_order_and_augmentation_follow_from_seed_and_step(manifest: Path) -> None:
    first, resumed = (_feed(read_manifest(manifest), seed=3) for _ in range(2))
    assert np.array_equal(first.batch(first.steps)[0], resumed.batch(resumed.steps)[0])
    assert not np.array_equal(first.batch(0)[0], first.batch(first.steps)[0])


def _shown(feed: Feed, step: int) -> list[int]:
    """Rows that count in the batch of a step."""
    rows, counts = feed._rows(step)
    return [int(row) for row in rows[counts > 0]]


def test_an_epoch_shows_every_photograph_once(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    feed = _feed(photographs, size=10, seed=3)
    shown = [row for step in range(feed.steps) for row in _shown(feed, step)]
    assert sorted(shown) == list(range(len(photographs)))
    assert _shown(feed, 0) != _shown(feed, feed.steps)


def test_what_fills_up_the_last_batch_counts_for_nothing(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    some = photographs.where(np.arange(len(photographs)) < 5)
    views, classes, _, weights, counts = _feed(some, size=4).batch(1)
    assert len(views) == len(classes) == 4
    assert counts.tolist() == [1, 0, 0, 0]
    assert weights.tolist() == [1, 0, 0, 0]


def test_workers_share_a_batch_between_them(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    alone = _feed(photographs, size=8, seed=3)
    parts = [_feed(photographs, size=8, seed=3, part=(number, 2)) for number in range(2)]
    last = alone.steps - 1
    for step in (3, last):
        assert sorted(row for part in parts for row in _shown(part, step)) == sorted(_shown(alone, step))
        assert [len(part.batch(step)[0]) for part in parts] == [4, 4]


def test_rare_classes_weigh_more_but_less_than_in_proportion() -> None:
    weights = class_weights(np.array([0] * 100 + [1] * 25 + [-1] * 50), 8)
    assert weights[1] / weights[0] == 2
    assert weights[CLASSES.index("psoriasis")] == 0
