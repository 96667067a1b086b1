import pytest

from appliance.messages import LANGUAGES, text
from appliance.vision.skin_tone import FEW, LOWEST, evidence_key, ita, tone_of


# Worked from the formula: arctan((L* - 50) / b*).
@pytest.mark.parametrize(("skin", "angle"), [((65, 10, 15), 45.0), ((50, 10, 18), 0.0), ((35, 9, 15), -45.0)])
def test_ita_of_known_colours(skin: tuple[float, float, float], angle: float) -> None:
    assert ita(skin) == pytest.approx(angle)


def test_skin_without_yellow_is_at_the_limit() -> None:
    assert ita((60, 5, -2)) == pytest.approx(90, abs=0.01)


@pytest.mark.parametrize(
    ("angle", "tone"),
    [(56, "very_light"), (55, "light"), (41, "intermediate"), (28, "tan"), (10, "brown"), (-30, "dark"), (-90, "dark")],
)
def test_groups_of_chardon(angle: float, tone: str) -> None:
    assert tone_of(angle) == tone


def test_says_how_many_photographs_of_such_skin_there_were() -> None:
    counts = {"light": FEW, "brown": FEW - 1}
    assert [evidence_key(tone, counts) for tone in ("light", "brown", "dark")] == [
        "skin_tone.enough",
        "skin_tone.few",
        "skin_tone.none",
    ]


def test_every_sentence_is_there_in_both_languages() -> None:
    keys = ["skin_tone.enough", "skin_tone.few", "skin_tone.none", *(f"skin_tone.{tone}" for tone in LOWEST)]
    assert all(text(language, key) for language in LANGUAGES for key in keys)
