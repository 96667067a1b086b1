from pathlib import Path

import numpy as np
import pytest

from training.backbones import Contender, Trial, as_table, compare
from training.dataset import Photographs, read_manifest
from training.efficientnet_lite import lite0

pytestmark = [
    pytest.mark.timeout(600),
    # TensorFlow warns that no float ranges of the inputs were given by hand, as its older converter wanted.
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning"),
]


def _photographs(split: Path) -> Photographs:
    return Photographs(split.parent, read_manifest(split).rows)


def test_each_backbone_gets_a_float_and_an_int8_row(split: Path, tmp_path: Path) -> None:
    trial = Trial(_photographs(split), side_px=96, head_epochs=1, epochs=0)
    rows = compare([Contender("efficientnet_lite0", "none")], trial, tmp_path)
    assert [(row["backbone"], row["from"], row["file"]) for row in rows] == [
        ("efficientnet_lite0", "nothing", "float"),
        ("efficientnet_lite0", "nothing", "int8"),
    ]
    assert float(rows[1]["MB"]) < float(rows[0]["MB"]) / 2
    assert all(0 <= float(row["top-1"]) <= 1 and float(row["ms"]) > 0 for row in rows)
    assert as_table(rows).count("\n") == 3
    assert (tmp_path / "backbones.csv").read_text().count("\n") == 3


def test_a_name_of_keras_applications_is_fed_what_it_expects() -> None:
    trunk = Contender("MobileNetV2", "none").trunk(96)
    grey = trunk.layers[-1](np.zeros((1, 96, 96, 3), np.float32))  # MobileNetV2 wants [−1, 1]: grey is 0
    assert np.allclose(np.asarray(trunk(np.full((1, 96, 96, 3), 0.5, np.float32))), np.asarray(grey), atol=1e-4)


@pytest.mark.parametrize(("text", "word"), [("inception_v3", "NAME=WEIGHTS"), ("NoSuchNet=none", "NoSuchNet")])
def test_says_what_is_no_backbone(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Contender.parse(text).trunk(96)


def test_lite0_has_the_published_size() -> None:
    assert lite0().count_params() == pytest.approx(4.65e6, rel=0.01)
