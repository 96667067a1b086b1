from pathlib import Path

import pytest

from appliance.vision.bundle import read_card
from training.about import KEY, About

FILE = Path(__file__).parents[2] / "training" / "skin8-about.toml"
SHIPPED = Path(__file__).parents[2] / "models" / "skin8-inceptionv3"


def test_the_shipped_bundle_says_what_the_file_says() -> None:
    card, about = read_card(SHIPPED), About.read(FILE)
    assert About.of(card) == about
    assert card.licence == about.licence
    assert {entry.id: entry.evidence for entry in card.classes} == about.evidence


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('psoriasis = "limited"', "", "psoriasis"),
        ('psoriasis = "limited"', 'psoriasis = "good"', "psoriasis: Input should be"),
        ('psoriasis = "limited"', 'eczema = "limited"', "eczema"),
        ('data = "skin8"', "", "data"),
        ('data = "skin8"', 'datum = "skin8"', "datum"),
        ('data = "skin8"', "data = ", "Invalid"),
    ],
)
def test_what_is_missing_or_unknown_is_named(tmp_path: Path, old: str, new: str, word: str) -> None:
    file = tmp_path / "about.toml"
    file.write_text(FILE.read_text().replace(old, new))
    with pytest.raises(ValueError, match=f"(?s)about.toml.*{word}"):
        About.read(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no .*ours-about\.toml"):
        About.read(tmp_path / "ours-about.toml")


def test_a_bundle_that_does_not_say_is_to_be_made_again() -> None:
    card = read_card(SHIPPED)
    mute = card.model_copy(update={"provenance": {name: each for name, each in card.provenance.items() if name != KEY}})
    with pytest.raises(ValueError, match="quantise it again"):
        About.of(mute)
