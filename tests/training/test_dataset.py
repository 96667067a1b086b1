from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.vision.classes import CLASSES
from training.dataset import SPLITS, Photographs, assign_splits, read_manifest


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 60)), min_size=90, max_size=160))
def test_no_group_stands_on_both_sides(seed: int, drawn: list[tuple[int, int]]) -> None:
    labels = [*CLASSES, "other"]
    drawn = drawn + [(label, 100 + 10 * label + extra) for label in range(9) for extra in range(9)]
    rows = pd.DataFrame(
        [{"image": "x", "label": labels[label], "group": str(group), "source": "s"} for label, group in drawn]
    )
    split = assign_splits(Photographs(Path(), rows), seed).rows
    assert set(split["split"]) <= set(SPLITS)
    assert split.groupby("group")["split"].nunique().max() == 1


def test_the_same_seed_gives_the_same_split(manifest: Path) -> None:
    photographs = read_manifest(manifest)
    first, again = (assign_splits(photographs, seed=5).rows["split"] for _ in range(2))
    assert first.equals(again)
    assert not first.equals(assign_splits(photographs, seed=6).rows["split"])


def test_every_class_is_in_each_split(manifest: Path) -> None:
    rows = assign_splits(read_manifest(manifest), seed=8).rows
    assert (rows.groupby("split")["label"].nunique() == 9).all()


def test_excludes_a_source(manifest: Path) -> None:
    assert set(read_manifest(manifest, ("drawn_too",)).rows["source"]) == {"drawn"}


@pytest.mark.parametrize(
    ("text", "word"),
    [("image,label,group\n", "source"), ("image,label,group,source\na,eczema,g,s\n", "eczema")],
)
def test_says_what_is_wrong_with_a_manifest(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(ValueError, match=word):
        read_manifest(tmp_path / "manifest.csv")


def test_says_when_a_source_to_exclude_is_not_there(manifest: Path) -> None:
    with pytest.raises(ValueError, match="no_such"):
        read_manifest(manifest, ("no_such",))
