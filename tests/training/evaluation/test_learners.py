"""What fine-tuning by a recipe refuses before hours are spent on it."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.dataset import Photographs
from training.evaluation.learners import ANSWERS, FrozenFeatures, FullRecipe, read_recipe, write_split
from training.finetune import OtherRecipe, claim
from training.predict import Predictions
from training.recipe import Recipe

RECIPE = Recipe(data="elsewhere.csv", weights="none")


def _written(folder: Path, **changes: object) -> Path:
    file = folder / "config.json"
    added = {"normalisation": RECIPE.normalisation, "manifest_sha256": "0"}
    file.write_text(json.dumps({**asdict(RECIPE), **added, **changes}))
    return file


def test_a_recipe_is_read_back(tmp_path: Path) -> None:
    assert read_recipe(_written(tmp_path)) == RECIPE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"teaching": 0.3}, "teacher"),
        ({"weights": "a.tflite", "normalisation": "folded"}, r"a\.tflite"),
        ({"rounds": 3}, "no config.json"),
        ({"normalisation": "folded"}, "was folded"),
    ],
)
def test_a_recipe_that_cannot_be_judged_is_refused(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_recipe(_written(tmp_path, **changes))


def _rows(folder: Path, there: int) -> Photographs:
    rows = pd.DataFrame({"image": [f"{n}.jpg" for n in range(8)], "label": "psoriasis", "source": "marked"})
    for name in rows["image"][:there]:
        (folder / name).touch()
    return Photographs(folder, rows.assign(group=rows["image"]))


def test_photographs_that_are_not_there_are_named_before_training(tmp_path: Path) -> None:
    photographs = _rows(tmp_path, there=7)
    with pytest.raises(ValueError, match=r"1 of 8 .*7\.jpg.*--images"):
        FullRecipe(RECIPE, tmp_path / "cv").answer(photographs, photographs, "fold-0")
    assert not (tmp_path / "cv").exists()


def test_what_a_recipe_leaves_out_does_not_teach(tmp_path: Path) -> None:
    photographs = _rows(tmp_path, there=8)
    recipe = Recipe(data="elsewhere.csv", weights="none", exclude_sources=("marked",))
    with pytest.raises(ValueError, match="leaves out marked"):
        FullRecipe(recipe, tmp_path / "cv").answer(photographs, photographs, "fold-0")


def test_a_fold_that_is_done_is_not_trained_again_nor_taken_for_another_recipe_s(
    tmp_path: Path, cached: FrozenFeatures, photographs: Photographs
) -> None:
    """Its answers come back without training, which would start from weights that are not there."""
    assert cached  # has put the photographs in their place
    recipe = Recipe(data="elsewhere.csv", weights="not-there.weights.h5")
    every_fifth = (photographs.rows["group"].isin([f"g{number}" for number in range(0, 54, 5)])).to_numpy()
    held, taught = photographs.where(every_fifth), photographs.where(~every_fifth)
    folder = tmp_path / "cv" / "fold-0"
    split = write_split(folder / "folds.csv", taught, held, recipe.seed)
    claim(folder / "run", replace(recipe, data=str(split), images=str(taught.folder / "manifest.csv")))
    said = Predictions(
        np.arange(len(held) * 8, dtype=np.float64).reshape(-1, 8), np.arange(len(held), dtype=np.float64)
    )
    said.write(folder / ANSWERS, held)
    backwards = Photographs(held.folder, held.rows[::-1].reset_index(drop=True))
    again = FullRecipe(recipe, tmp_path / "cv").answer(taught, held, "fold-0")
    assert np.array_equal(again.logits, said.logits)
    assert np.array_equal(Predictions.read(folder / ANSWERS, backwards).outlier, said.outlier[::-1])
    with pytest.raises(OtherRecipe):
        FullRecipe(replace(recipe, dropout=0.5), tmp_path / "cv").answer(taught, held, "fold-0")
    with pytest.raises(ValueError, match="says nothing of"):
        Predictions.read(folder / ANSWERS, taught)
