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
