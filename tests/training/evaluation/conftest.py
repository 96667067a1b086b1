"""Predictions that are made up, and a calibration for them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from appliance.vision.bundle import Calibration
from appliance.vision.classes import CLASSES
from training.dataset import Photographs
from training.evaluation.judge import judge
from training.evaluation.learners import WIDTHS, FrozenFeatures
from training.features import Frozen, cache_names
from training.predict import Predictions

EACH = 12
RESAMPLES = 60


@pytest.fixture(scope="session")
def calibration() -> Calibration:
    """Temperature 1, sets of what has at least 0.2, none_of_these from a score of 0.8, doubt from 0.6."""
    return Calibration.model_validate(
        {
            "temperature": 1.0,
            "conformal": {"level": 0.9, "thresholds": dict.fromkeys(CLASSES, 0.8), "pooled": ["pemphigus"]},
            "none_of_these": {
                "method": "outlier",
                "outlier": 1.0,
                "energy": 0.0,
                "max_logit": 0.0,
                "bias": 0.0,
                "threshold": 0.8,
                "refer_threshold": 0.6,
            },
            "malignancy_threshold": 0.3,
            "psoriasis_threshold": 0.4,
            "fitted_on": "nothing",
        }
    )


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    """Rows without pictures: 12 for each of the eight and ``other``, two a group, three sources, four tones."""
    labels = [label for label in (*CLASSES, "other") for _ in range(EACH)]
    count = len(labels)
    rows = pd.DataFrame(
        {
            "image": [f"{number}.jpg" for number in range(count)],
            "label": labels,
            "condition": [
                label if label != "other" else ("melanoma", "eczema")[n % 2] for n, label in enumerate(labels)
            ],
            "group": [f"g{number // 2}" for number in range(count)],
            "source": [("clinic", "atlas", "phone")[number % 3] for number in range(count)],
            "fitzpatrick": [("1.0", "3", "6.0", "")[number % 4] for number in range(count)],
            "body_site": ["hand", "face", "", "back"] * (count // 4),
            "split": "validation",
        }
    )
    return Photographs(tmp_path_factory.mktemp("rows"), rows)


@pytest.fixture(scope="session")
def said(photographs: Photographs) -> dict[str, Predictions]:
    """Float mostly right, INT8 a little less so; the outlier channel higher for others."""
    rng = np.random.default_rng(5)
    targets = photographs.targets
    logits = rng.normal(0, 1, (len(targets), 8))
    logits[np.arange(len(targets)), np.maximum(targets, 0)] += np.where(targets >= 0, 2.5, 0)
    outlier = rng.normal(0, 1, len(targets)) + np.where(targets < 0, 2, -1)
    return {
        "float": Predictions(logits, outlier),
        "int8": Predictions(logits + rng.normal(0, 0.3, logits.shape), outlier),
    }


@pytest.fixture(scope="session")
def judged(said: dict[str, Predictions], photographs: Photographs, calibration: Calibration) -> dict[str, Any]:
    """Every figure about them; not to be changed."""
    return judge(said, photographs, calibration, RESAMPLES)


@pytest.fixture
def cached(tmp_path: Path, photographs: Photographs) -> FrozenFeatures:
    """Features as an earlier extraction left them: some channels tell the class, so no network is asked."""
    rng = np.random.default_rng(4)
    rows = rng.normal(0, 1, (len(photographs), sum(WIDTHS.values()))).astype(np.float32)
    for index in range(len(CLASSES)):
        rows[photographs.targets == index, 2048 + 30 * index : 2078 + 30 * index] += 4
    rows[photographs.targets < 0, 3000:3030] += 4
    for name in photographs.rows["image"]:
        (photographs.folder / str(name)).write_bytes(str(name).encode())
    np.savez(tmp_path / "known.npz", **dict(zip(cache_names(photographs), rows, strict=True)))
    return FrozenFeatures(Frozen("known", None, lambda view: view), tmp_path)
