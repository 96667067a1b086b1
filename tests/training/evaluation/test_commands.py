"""The commands, with a learner that costs nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from training.dataset import Photographs
from training.evaluation import ablation, commands
from training.evaluation.learners import FrozenFeatures, Switches
from training.predict import Predictions


@pytest.fixture
def split(photographs: Photographs, tmp_path: Path) -> str:
    photographs.rows.to_csv(tmp_path / "split.csv", index=False)
    return str(tmp_path / "split.csv")


@pytest.mark.parametrize("ways", [(), ("--recipe", "split", "--frozen", "split")])
def test_exactly_one_way_to_learn_has_to_be_said(split: str, tmp_path: Path, ways: tuple[str, ...]) -> None:
    asked = [split if word == "split" else word for word in ways]
    answer = CliRunner().invoke(commands.crossvalidate, ["--data", split, "--out", str(tmp_path / "cv"), *asked])
    assert answer.exit_code == 1
    assert "either --recipe" in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.parametrize("also", [("--fold", "0"), ("--fold", "0", "--ablation"), ("--workers", "2")])
def test_what_frozen_features_have_no_use_for_is_refused(split: str, tmp_path: Path, also: tuple[str, ...]) -> None:
    asked = ["--data", split, "--frozen", split, "--out", str(tmp_path / "cv"), *also]
    answer = CliRunner().invoke(commands.crossvalidate, asked)
    assert answer.exit_code == 1
    assert f"{also[0]} " in answer.output
    assert not (tmp_path / "cv").exists()


def test_a_recipe_that_has_seen_the_photographs_already_is_refused(split: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"data": "split.csv", "weights": "first.tflite", "phases": []}')
    asked = ["--data", split, "--recipe", str(tmp_path / "config.json"), "--out", str(tmp_path / "cv")]
    answer = CliRunner().invoke(commands.crossvalidate, asked)
    assert answer.exit_code == 1
    assert "first.tflite" in answer.output


def test_an_ablation_compares_in_pairs_with_its_base(
    cached: FrozenFeatures, photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    blind = Switches(layers=("mixed5",))
    chosen = (ablation.Variant("base", cached.switches), ablation.Variant("blind", blind))
    monkeypatch.setattr(commands, "_learner", lambda *_, **__: cached)
    monkeypatch.setattr(ablation, "variants", lambda *_: chosen)
    images = str(photographs.folder / "manifest.csv")
    photographs.rows.to_csv(images, index=False)
    asked = ["--data", split, "--images", images, "--frozen", split, "--out", str(tmp_path / "cv"), "--ablation"]
    answer = CliRunner().invoke(commands.crossvalidate, asked, catch_exceptions=False)
    assert "| blind |" in answer.output
    variants = json.loads((tmp_path / "cv" / "ablation.json").read_text())["variants"]
    assert variants["base"]["top-1"]["difference"] == 0
    assert variants["blind"]["top-1"]["difference_95"][1] < 0


def test_the_marked_source_teaches_in_its_variant_alone_and_is_never_judged(
    cached: FrozenFeatures, photographs: Photographs
) -> None:
    seen: list[tuple[bool, bool]] = []

    class Watched(FrozenFeatures):
        def answer(self, train: Photographs, held: Photographs, fold: str) -> Predictions:  # noqa: ARG002  # a Learner
            seen.append((marked(train), marked(held)))
            return Predictions(np.eye(8)[np.maximum(held.targets, 0)], np.zeros(len(held)))

    rows = photographs.rows.copy()
    rows.loc[rows["group"].isin(["g1", "g7"]), "source"] = ablation.MARKED
    chosen = (
        ablation.Variant("base", cached.switches),
        ablation.Variant("with it", cached.switches, marked=True),
    )
    learner = Watched(cached.frozen, cached.cache)
    report = ablation.ablate(Photographs(photographs.folder, rows), learner, chosen, lambda _: None)
    assert report["photographs"] == len(photographs) - 4
    assert seen == [(False, False)] * 5 + [(True, False)] * 5


def marked(photographs: Photographs) -> bool:
    return ablation.MARKED in set(photographs.rows["source"])
