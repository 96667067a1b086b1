from pathlib import Path

import keras
import numpy as np
import pytest

from training.dataset import Photographs, read_manifest
from training.features import Features, Frozen, extract
from training.finetune import teacher_of
from training.teacher import teach


def _scaled(view: np.ndarray) -> Features:
    return view.astype(np.float32) / np.float32(255)


@pytest.fixture
def colours() -> Frozen:
    """A network whose features are the mean colour of the nine fields of the view."""
    inputs = keras.Input((299, 299, 3))
    pooled = keras.layers.Flatten()(keras.layers.AveragePooling2D(99)(inputs))
    return Frozen("colours", keras.Model(inputs, pooled), _scaled)


@pytest.fixture
def photographs(split: Path) -> Photographs:
    return Photographs(split.parent, read_manifest(split).rows)


def test_says_of_each_training_photograph_what_it_thinks(
    colours: Frozen, photographs: Photographs, tmp_path: Path
) -> None:
    said = teach(photographs, [colours], tmp_path / "cache", tmp_path / "teacher.npz")
    assert said["top-1 out of fold, train"] > 0.3  # by chance: an eighth
    train = photographs.of("train")
    heard = teacher_of(tmp_path, train)
    known = train.targets >= 0
    assert np.allclose(heard[known].sum(axis=1), 1, atol=1e-3)
    assert np.isnan(heard[~known]).all()


def test_features_are_taken_once(colours: Frozen, photographs: Photographs, tmp_path: Path) -> None:
    first = extract(colours, photographs, tmp_path)
    written = (tmp_path / "colours.npz").stat().st_mtime_ns
    again = extract(colours, photographs, tmp_path)
    assert np.array_equal(first, again)
    assert (tmp_path / "colours.npz").stat().st_mtime_ns == written
