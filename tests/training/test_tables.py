"""A CSV that is none is the reader's to mend, and said in a sentence."""

from pathlib import Path

import pytest

from training.errors import StepRefused
from training.tables import read_texts


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("image,label\nä.jpg,other\n".encode("latin-1"), "is not UTF-8"),
        (b"", "is empty"),
        (b"image,label\na.jpg,other\nb.jpg,other,1\n", "as many cells as its head"),
    ],
)
def test_a_file_that_is_no_csv_of_ours_is_refused_by_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "told.csv"
    file.write_bytes(content)
    with pytest.raises(StepRefused, match=f"told.csv {said}|told.csv is no CSV .*{said}"):
        read_texts(file)


def test_excels_mark_at_the_beginning_belongs_to_no_column(tmp_path: Path) -> None:
    file = tmp_path / "told.csv"
    file.write_bytes("image,label\nä.jpg,\n".encode("utf-8-sig"))
    assert read_texts(file).to_dict("list") == {"image": ["ä.jpg"], "label": [""]}
