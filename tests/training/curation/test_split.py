import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.vision.classes import CLASSES
from training.curation.commands import split as split_command
from training.curation.split import SPLITS, assign_splits, bundles, check, ready, split_file
from training.dataset import OTHER, Photographs, read_manifest

LABELS = (*CLASSES, OTHER)
Drawn = list[tuple[int, int, int]]


def photographs(drawn: Drawn) -> Photographs:
    """Photographs of (label, group, cluster of near-duplicates or 0), with enough of each label to stratify."""
    drawn = drawn + [(label, 100 + 10 * label + extra // 2, 0) for label in range(9) for extra in range(18)]
    rows = pd.DataFrame(
        [
            {
                "image": f"{n}.jpg",
                "label": LABELS[label],
                "group": f"patient {group}",
                "source": "s",
                "near_duplicates": f"copies {cluster}" if cluster else "",
            }
            for n, (label, group, cluster) in enumerate(drawn)
        ]
    )
    return Photographs(Path(), rows)


drawn_photographs = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 60), st.integers(0, 12)), min_size=90, max_size=160
)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31), drawn_photographs)
def test_what_belongs_together_is_in_one_split_and_one_fold(seed: int, drawn: Drawn) -> None:
    split = assign_splits(photographs(drawn), seed).rows
    assert set(split["split"]) <= set(SPLITS)
    for column in ("group", "near_duplicates"):
        named = split[split[column] != ""]
        assert (named.groupby(column)[["split", "fold"]].nunique() == 1).all(axis=None)
    check(split)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31), drawn_photographs, st.sampled_from(["split", "fold"]), st.data())
def test_the_check_finds_a_single_photograph_on_the_other_side(
    seed: int, drawn: Drawn, column: str, data: st.DataObject
) -> None:
    split = assign_splits(photographs(drawn), seed).rows
    together = pd.Series(bundles(split)).duplicated(keep=False) & (split["split"] == "train")
    moved = data.draw(st.sampled_from(list(np.flatnonzero(together))))
    elsewhere = {"split": "test", "fold": "01234"["01234".index(split.loc[moved, "fold"]) - 1]}
    split.loc[moved, column] = elsewhere[column]
    with pytest.raises(ValueError, match="on both sides"):
        check(split)


def test_the_check_names_what_leaks() -> None:
    rows = pd.DataFrame(
        {
            "image": ["a.jpg", "b.jpg", "c.jpg"],
            "group": ["1", "2", "3"],
            "near_duplicates": ["", "b.jpg", "b.jpg"],
            "split": ["train", "train", "test"],
        }
    )
    with pytest.raises(ValueError, match=r"near-duplicates .*b\.jpg, c\.jpg"):
        check(rows)
    with pytest.raises(ValueError, match=r"group .*one: a\.jpg, c\.jpg"):
        check(rows.assign(near_duplicates="", group=["one", "2", "one"]))


def test_the_check_refuses_a_split_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="trian"):
        check(pd.DataFrame({"image": ["a"], "group": ["1"], "split": ["trian"]}))


@pytest.fixture
def rows(split: Path) -> pd.DataFrame:
    """Of a good split."""
    return pd.read_csv(split, dtype=str, keep_default_na=False)


def test_photographs_without_a_group_are_not_one_group(rows: pd.DataFrame, manifest: Path, tmp_path: Path) -> None:
    file = manifest.parent / "no-groups.csv"
    rows.drop(columns=["split", "fold"]).assign(group="", near_duplicates="").to_csv(file, index=False)
    told = split_file(file, tmp_path / "split.csv")
    shares = told["split"].value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.75, abs=0.05)
    assert shares["test"] == pytest.approx(0.125, abs=0.04)
    assert told["group"].is_unique


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows.drop(columns="split"), "dermkiosk-train split"),
        (lambda rows: rows.assign(split="train", fold=""), "whose split is validation"),
        (lambda rows: rows.assign(split=rows["split"].replace("train", "test"), fold=""), "whose split is train"),
        (lambda rows: rows.assign(image="gone/" + rows["image"]), r"144 of 144 .*gone/"),
        (lambda rows: rows.assign(group="one"), "both sides"),
    ],
)
def test_what_cannot_be_trained_on_is_said_before_it_is_tried(
    rows: pd.DataFrame, split: Path, tmp_path: Path, spoil: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    spoil(rows).to_csv(tmp_path / "split.csv", index=False)
    with pytest.raises(ValueError, match=said):
        ready(tmp_path / "split.csv", split)


def test_a_split_that_was_never_searched_for_copies_says_so(
    rows: pd.DataFrame, split: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        ready(split, split)
    assert "no column near_duplicates" in caplog.text
    caplog.clear()
    rows.assign(near_duplicates="").to_csv(tmp_path / "split.csv", index=False)
    ready(tmp_path / "split.csv", split)
    assert not caplog.text


def test_the_same_seed_gives_the_same_split(manifest: Path) -> None:
    drawn = read_manifest(manifest)
    first, again = (assign_splits(drawn, seed=5).rows["split"] for _ in range(2))
    assert first.equals(again)
    assert not first.equals(assign_splits(drawn, seed=6).rows["split"])


def test_every_class_is_in_each_split_and_in_each_fold(manifest: Path) -> None:
    rows = assign_splits(read_manifest(manifest), seed=8).rows
    assert (rows.groupby("split")["label"].nunique() == 9).all()
    assert set(rows.loc[rows["split"] == "test", "fold"]) == {""}
    folds = rows[rows["split"] != "test"].groupby("fold")["label"].nunique()
    assert list(folds.index) == list("01234")
    assert (folds >= 8).all()


def test_541_classes_with_few_photographs_each() -> None:
    rows = pd.DataFrame(
        [
            {"image": f"{n}-{k}", "label": f"condition {n}", "group": f"{n}-{k // 2}", "source": "s"}
            for n in range(541)
            for k in range(1 + n % 11)
        ]
    )
    split = assign_splits(Photographs(Path(), rows), seed=8).rows
    check(split)
    shares = split["split"].value_counts(normalize=True)
    assert 0.10 < shares["test"] < 0.15
    assert 0.10 < shares["validation"] < 0.15


def test_a_fifth_can_be_held_back(manifest: Path) -> None:
    shares = assign_splits(read_manifest(manifest), seed=8, shares=5).rows["split"].value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.03)


def test_a_source_that_is_only_trained_on_is_in_no_fold(manifest: Path) -> None:
    rows = assign_splits(read_manifest(manifest), seed=8, train_only=("drawn_too",)).rows
    companions = set(rows.loc[rows["source"] == "drawn_too", "group"])
    always = rows["group"].isin(companions)
    assert (rows.loc[always, "split"] == "train").all()
    assert (rows.loc[always, "fold"] == "").all()
    assert (rows.loc[~always & (rows["split"] != "test"), "fold"] != "").all()


def test_what_an_earlier_split_held_back_stays_held_back(manifest: Path) -> None:
    everything = read_manifest(manifest)
    old = np.arange(len(everything)) % 4 < 2
    earlier = assign_splits(everything.where(old), seed=1).rows
    later = assign_splits(everything, seed=2, earlier=earlier).rows
    assert later.set_index("image").loc[earlier["image"], "split"].tolist() == earlier["split"].tolist()
    assert set(later.loc[~old, "split"]) == set(SPLITS)
    check(later)


def test_the_terminal_is_told_what_an_earlier_split_kept(manifest: Path, tmp_path: Path) -> None:
    rows = read_manifest(manifest).rows.assign(near_duplicates="")
    rows.to_csv(tmp_path / "grown.csv", index=False)
    old = assign_splits(Photographs(tmp_path, rows[: len(rows) // 2]), seed=1).rows
    old.to_csv(tmp_path / "old.csv", index=False)
    asked = ["--data", str(tmp_path / "grown.csv"), "--out", str(tmp_path / "new.csv")]
    told = CliRunner().invoke(split_command, [*asked, "--keep", str(tmp_path / "old.csv")]).stdout
    counts = ", ".join(f"{name} {(old['split'] == name).sum()}" for name in SPLITS)
    assert f"Kept as in {tmp_path / 'old.csv'}: {counts}; new: {len(rows) - len(old)}" in told
    assert "Moved" not in told
    both = ["--train-only", "drawn_too"]
    told = CliRunner().invoke(split_command, [*asked, "--keep", str(tmp_path / "old.csv"), *both]).stdout
    assert "Moved, as they now belong together with others or to a train-only source: " in told
    in_place = ["--data", asked[1], "--out", str(tmp_path / "old.csv"), "--keep", str(tmp_path / "old.csv")]
    told = CliRunner().invoke(split_command, in_place).stdout
    assert f"{counts}; new: {len(rows) - len(old)}" in told
    no_split = CliRunner().invoke(split_command, [*asked, "--keep", str(tmp_path / "grown.csv")])
    assert (no_split.exit_code, "is no split to keep: it lacks the columns ['split']" in no_split.stderr) == (1, True)


def test_an_earlier_photograph_is_known_by_its_content_when_its_name_is_another(manifest: Path) -> None:
    everything = read_manifest(manifest)
    rows = everything.rows.assign(sha256=[hashlib.sha256(name.encode()).hexdigest() for name in everything.rows.image])
    earlier = assign_splits(Photographs(everything.folder, rows), seed=1).rows
    renamed = rows.assign(image="elsewhere/" + rows["image"])
    later = assign_splits(Photographs(everything.folder, renamed), seed=2, earlier=earlier).rows
    assert later["split"].tolist() == earlier["split"].tolist()


def test_a_near_duplicate_of_what_was_trained_on_is_never_held_back() -> None:
    everything = photographs([])
    earlier = assign_splits(everything, seed=1).rows
    trained, held = (earlier.index[earlier["split"] == split][0] for split in ("train", "test"))
    rows = everything.rows.copy()
    rows.loc[[trained, held], "near_duplicates"] = rows.loc[trained, "image"]
    later = assign_splits(Photographs(Path(), rows), seed=2, earlier=earlier).rows
    assert later.loc[[trained, held], "split"].tolist() == ["train", "train"]
    others = rows.index[~rows["group"].isin(rows.loc[[trained, held], "group"])]
    assert later.loc[others, "split"].equals(earlier.loc[others, "split"])


@pytest.mark.photographs
def test_the_split_of_the_shipped_model_is_still_the_same(photographs: Path) -> None:
    rows = assign_splits(read_manifest(photographs / "manifest.csv", ("dermnet_com",)), seed=8).rows
    told = "\n".join(sorted(rows["image"] + "," + rows["split"]))
    assert rows["split"].value_counts().to_dict() == {"train": 2165, "validation": 358, "test": 358}
    assert (
        hashlib.sha256(told.encode()).hexdigest() == "e57ca9b865b43a69de573d8debaba240384eff605936ac8fe5b6534c678cb1ee"
    )
