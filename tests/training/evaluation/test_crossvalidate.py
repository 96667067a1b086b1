from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.dataset import Photographs
from training.evaluation import metrics
from training.evaluation.cross_collection import cross_collection, without
from training.evaluation.crossvalidate import crossvalidate, judged, report_of
from training.evaluation.learners import (
    WIDTHS,
    Constant,
    FrozenFeatures,
    Switches,
    Varied,
    columns,
    shades_of_grey,
    write_split,
)
from training.golden import draw
from training.predict import Predictions


@dataclass
class Recorder:
    """Answers with the label's own number, and remembers who taught and who was asked."""

    seen: list[tuple[set[str], set[str]]] = field(default_factory=list)

    def answer(self, train: Photographs, held: Photographs, fold: str) -> Predictions:  # noqa: ARG002  # a Learner
        self.seen.append((set(train.rows["group"]), set(held.rows["group"])))
        logits = np.eye(8)[np.maximum(held.targets, 0)] * 5
        return Predictions(logits, np.where(held.targets < 0, 3.0, -3.0))


def _with_test(photographs: Photographs) -> Photographs:
    rows = photographs.rows.copy()
    rows.loc[rows["group"].isin(["g0", "g20"]), "split"] = "test"
    return Photographs(photographs.folder, rows)


def test_every_photograph_is_answered_once_by_who_never_saw_its_group(photographs: Photographs) -> None:
    recorder = Recorder()
    answers = crossvalidate(photographs, recorder)
    assert len(recorder.seen) == 5
    assert all(not taught & held for taught, held in recorder.seen)
    assert set.union(*(held for _, held in recorder.seen)) == set(photographs.rows["group"])
    assert metrics.top1(answers) == 1.0
    assert metrics.none_of_these_auroc(answers) == 1.0


def test_a_fold_alone_is_one_of_the_five(photographs: Photographs) -> None:
    together, alone = Recorder(), [Recorder() for _ in range(5)]
    crossvalidate(photographs, together)
    answers = [crossvalidate(photographs, each, alone=number) for number, each in enumerate(alone)]
    assert [each.seen for each in alone] == [[seen] for seen in together.seen]
    assert sum(len(each.targets) for each in answers) == len(photographs)
    assert all(np.isfinite(each.probability).all() for each in answers)
    with pytest.raises(ValueError, match="no fold 7; there are 0, 1, 2, 3, 4"):
        crossvalidate(photographs, Recorder(), alone=7)


def test_test_photographs_take_no_part(photographs: Photographs) -> None:
    recorder = Recorder()
    kept = _with_test(photographs)
    answers = crossvalidate(kept, recorder)
    assert len(answers.targets) == len(judged(kept)) == len(photographs) - 4
    assert all({"g0", "g20"}.isdisjoint(taught | held) for taught, held in recorder.seen)


def test_a_source_can_teach_without_being_judged(photographs: Photographs) -> None:
    rows = photographs.rows.copy()
    rows["source"] = np.where(rows["group"].isin([f"g{n}" for n in range(0, 54, 9)]), "marked", "plain")
    both = Photographs(photographs.folder, rows)
    recorder = Recorder()
    answers = crossvalidate(both, recorder, ("marked",))
    assert len(answers.targets) == int((rows["source"] == "plain").sum())
    assert all("g0" in taught and "g0" not in held for taught, held in recorder.seen)


def _in_folds(photographs: Photographs) -> Photographs:
    """Four folds of whole groups, the last of them empty."""
    folds = [("0", "1", "2", "")[number // 2 % 4] for number in range(len(photographs))]
    return Photographs(photographs.folder, photographs.rows.assign(fold=folds))


def test_the_splits_own_folds_are_kept_and_who_has_none_teaches(photographs: Photographs) -> None:
    recorder = Recorder()
    own = _in_folds(photographs)
    answers = crossvalidate(own, recorder)
    assert len(answers.targets) == int((own.rows["fold"] != "").sum())
    assert [sorted(held)[0] for _, held in recorder.seen] == ["g0", "g1", "g10"]
    assert all("g3" in taught and "g3" not in held for taught, held in recorder.seen)


def test_near_duplicates_of_a_held_photograph_do_not_teach(photographs: Photographs) -> None:
    own = _in_folds(photographs)
    twins = np.where(own.rows["group"].isin(["g0", "g3"]), "twins", "")
    recorder = Recorder()
    crossvalidate(Photographs(own.folder, own.rows.assign(near_duplicates=twins)), recorder)
    taught, held = recorder.seen[0]
    assert "g0" in held
    assert "g3" not in taught
    assert "g3" in recorder.seen[1][0]


def test_a_collection_is_judged_by_who_never_saw_it(photographs: Photographs) -> None:
    recorder = Recorder()
    _, held, _ = without("atlas", photographs, recorder)
    assert set(held.rows["source"]) == {"atlas"}
    taught, asked = recorder.seen[0]
    assert not taught & asked
    report = cross_collection("atlas", photographs, recorder, 20)
    assert report["photographs"]["eight"] == int(
        ((photographs.rows["source"] == "atlas") & (photographs.targets >= 0)).sum()
    )
    with pytest.raises(ValueError, match="no source 'moon'"):
        without("moon", photographs, recorder)


def test_a_class_that_did_not_teach_is_not_known_elsewhere(photographs: Photographs) -> None:
    rows = photographs.rows
    elsewhere = (rows["label"] == "psoriasis") & (rows["source"] != "atlas")
    kept = Photographs(photographs.folder, rows.assign(split=np.where(elsewhere, "test", "train")))
    report = cross_collection("atlas", kept, Recorder(), 20)
    assert "psoriasis" not in report["classes_elsewhere"]
    assert "lichen_planus" in report["classes_elsewhere"]


def test_answers_without_calibration_have_a_report_without_decisions(photographs: Photographs) -> None:
    report = report_of(crossvalidate(photographs, Recorder()), photographs, 20)
    assert "set size" not in report["figures"]
    assert report["figures"]["top-1"]["float_95"] == [1.0, 1.0]


def test_frozen_features_learn_what_is_in_them(cached: FrozenFeatures, photographs: Photographs) -> None:
    answers = crossvalidate(photographs, cached)
    assert metrics.top1(answers) > 0.9
    assert metrics.none_of_these_auroc(answers) > 0.9


def test_layers_that_hold_nothing_tell_nothing(cached: FrozenFeatures, photographs: Photographs) -> None:
    blind = FrozenFeatures(cached.frozen, cached.cache, Switches(layers=("mixed5",)))
    assert metrics.top1(crossvalidate(photographs, blind)) < 0.4
    assert len(columns(("mixed8", "mixed5"))) == WIDTHS["mixed5"] + WIDTHS["mixed8"]
    with pytest.raises(ValueError, match="mixed9"):
        columns(("mixed9",))


def test_shades_of_grey_takes_the_lights_colour_away() -> None:
    skin = draw(1)
    warm = np.clip(skin * np.array([1.0, 0.8, 0.6]), 0, 255).astype(np.uint8)
    assert _colour_apart(shades_of_grey(skin), shades_of_grey(warm)) < _colour_apart(skin, warm) / 10


def _colour_apart(first: np.ndarray, second: np.ndarray) -> float:
    """How far the mean colours differ, brightness aside."""
    means = [pixels.mean(axis=(0, 1)) for pixels in (first, second)]
    return float(np.abs(means[0] / means[0].sum() - means[1] / means[1].sum()).max())


def test_views_are_varied_and_the_same_again(manifest: Path) -> None:
    rows = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    plain = Photographs(manifest.parent, rows)
    first, again = (Varied(plain.folder, plain.rows, 1, plain).pixels(3) for _ in range(2))
    assert (first == again).all()
    assert (first != Varied(plain.folder, plain.rows, 2, plain).pixels(3)).any()
    constant = Constant(plain.folder, plain.rows)
    assert (Varied(plain.folder, plain.rows, 1, constant).pixels(3) != first).any()


def test_a_folds_split_lets_neither_the_judged_teach_nor_choose(tmp_path: Path, photographs: Photographs) -> None:
    held = photographs.rows["group"].isin([f"g{n}" for n in range(0, 54, 5)]).to_numpy()
    file = write_split(tmp_path / "fold" / "split.csv", photographs.where(~held), photographs.where(held), 8)
    rows = pd.read_csv(file, dtype=str)
    groups = {split: set(rows["group"][rows["split"] == split]) for split in ("train", "validation", "test")}
    assert groups["test"] == set(photographs.rows["group"][held])
    assert groups["validation"]
    assert not groups["train"] & groups["validation"] | groups["train"] & groups["test"]
