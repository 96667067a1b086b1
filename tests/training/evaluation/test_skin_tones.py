from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from appliance.vision.skin_tone import LOWEST
from training.dataset import Photographs
from training.evaluation.skin_tones import count


@pytest.fixture
def collection(tmp_path: Path) -> Photographs:
    """Even skin: two photographs of light skin, one of brown, one without any skin."""
    grain = np.random.default_rng(4).normal(0, 3, (200, 200, 1))
    for name, colour in (("a", (222, 180, 155)), ("b", (222, 180, 155)), ("c", (120, 80, 58)), ("d", (40, 80, 170))):
        Image.fromarray(np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    rows = {"image": [f"{name}.png" for name in "abcd"], "label": "other", "fitzpatrick": ["2", "2.0", "5", ""]}
    return Photographs(tmp_path, pd.DataFrame(rows))


def test_counts_what_is_stated_beside_what_is_measured(collection: Photographs) -> None:
    counted = count(collection)
    assert counted.stated == {"I-II": 2, "III-IV": 0, "V-VI": 1}
    assert counted.unstated == 1
    assert list(counted.measured) == list(LOWEST)
    assert sum(counted.measured.values()) == 3
    assert counted.measured["brown"] + counted.measured["dark"] == 1


def test_a_collection_that_states_nothing_promises_nothing(collection: Photographs) -> None:
    silent = Photographs(collection.folder, collection.rows.drop(columns="fitzpatrick"))
    counted = count(silent)
    assert counted.unstated == 4
    assert counted.like("light") is None
