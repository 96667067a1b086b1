from pathlib import Path

import pytest

from training.dataset import read_manifest


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


def test_a_photograph_without_a_group_is_a_group_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image,label,group,source\na,other,,s\nb,other, ,s\nc,other,patient,s\n")
    assert read_manifest(tmp_path / "manifest.csv").rows["group"].tolist() == ["alone:a", "alone:b", "patient"]


def test_a_manifest_without_a_split_says_how_to_make_one(manifest: Path) -> None:
    with pytest.raises(ValueError, match="dermkiosk-train split"):
        read_manifest(manifest).of("train")


def test_photographs_that_are_not_there_are_counted_and_the_first_named(manifest: Path) -> None:
    drawn = read_manifest(manifest)
    assert drawn.all_there() is drawn
    drawn.rows.loc[[3, 5, 7, 9], "image"] = ["three.jpg", "five.jpg", "seven.jpg", "nine.jpg"]
    with pytest.raises(ValueError, match=r"4 of 144 .*three\.jpg, five\.jpg, seven\.jpg …"):
        drawn.all_there()
