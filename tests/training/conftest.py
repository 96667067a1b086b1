"""Drawn photographs with a manifest: the real pipeline in small, without the real data."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.vision.classes import CLASSES
from training.curation.split import assign_splits
from training.dataset import read_manifest
from training.golden import draw

PER_LABEL = 16


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen drawn photographs for each of the eight and ``other``, two to a group, each label with a tint."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(3)
    with (folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "group", "source"])
        for index, label in enumerate((*CLASSES, "other")):
            tint = rng.uniform(0.7, 1.1, 3)
            for number in range(PER_LABEL):
                pixels = np.clip(draw(index * PER_LABEL + number) * tint, 0, 255).astype(np.uint8)
                name = f"{label}-{number}.jpg"
                Image.fromarray(pixels).save(folder / name, quality=85)
                rows.writerow([name, label, f"{label}-{number // 2}", "drawn" if number % 4 else "drawn_too"])
    return folder / "manifest.csv"


@pytest.fixture(scope="session")
def split(manifest: Path) -> Path:
    """The same with the columns split and fold."""
    file = manifest.parent / "split.csv"
    assign_splits(read_manifest(manifest), seed=8).rows.to_csv(file, index=False)
    return file
