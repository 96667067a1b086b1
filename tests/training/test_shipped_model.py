"""The figures of the shipped bundle, taken again from the real photographs with the shipped file."""

import json
from pathlib import Path

import pandas as pd
import pytest

from appliance.vision.bundle import read_card
from appliance.vision.runtime import Network
from training.dataset import Photographs, read_manifest
from training.evaluation.evaluate import judge
from training.predict import int8

IN_THE_README = (
    "top-1",
    "balanced accuracy",
    "top-3",
    "macro AUROC",
    "malignant AUROC",
    "none_of_these AUROC",
    "melanoma called none_of_these",
)
SPLIT = Path(__file__).parents[2] / "training/skin8-split.csv"

pytestmark = pytest.mark.photographs


@pytest.fixture(scope="module")
def held_back(photographs: Path) -> Photographs:
    """The test photographs of the split that the shipped bundle was made with."""
    split = pd.read_csv(SPLIT).set_index("image")["split"]
    everything = read_manifest(photographs / "manifest.csv")
    return everything.where((everything.rows["image"].map(split) == "test").to_numpy())


def test_the_figures_in_the_model_card_are_those_of_the_shipped_file(
    bundle_folder: Path, held_back: Photographs
) -> None:
    card = read_card(bundle_folder)
    assert card.calibration is not None
    said = int8(Network((bundle_folder / card.model).read_bytes(), threads=2), held_back)
    again = judge({"float": said, "int8": said}, held_back, card.calibration)
    stated = json.loads((bundle_folder / "evaluation/test.json").read_text())
    assert again["photographs"] == stated["photographs"]
    for name, figure in stated["figures"].items():
        # INT8 kernels of another processor differ by a step or two, and a photograph on the fence changes sides.
        assert again["figures"][name]["int8"] == pytest.approx(figure["int8"], abs=0.015), name
        assert f"{figure['int8']:.3f}" in (bundle_folder / "MODEL_CARD.md").read_text()


def test_the_readme_states_the_figures_of_the_model_card(bundle_folder: Path) -> None:
    stated = json.loads((bundle_folder / "evaluation/test.json").read_text())["figures"]
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for name in IN_THE_README:
        low, high = stated[name]["int8_95"]
        row = f"| {name} | {stated[name]['float']:.2f} | {stated[name]['int8']:.2f} | {low:.2f} – {high:.2f} |"
        assert row in readme
