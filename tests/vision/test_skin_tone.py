import pytest

from appliance.messages import LANGUAGES, text
from appliance.vision.bundle import SkinTones
from appliance.vision.skin_tone import FEW, LOWEST, evidence, evidence_key, ita, tone_of


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
    told = [(evidence(count), evidence_key(count, measured=True)) for count in (FEW, FEW - 1, 0, None)]
    assert told == [
        ("fair", "skin_tone.enough"),
        ("limited", "skin_tone.few"),
        ("limited", "skin_tone.none"),
        ("limited", "skin_tone.unknown"),
    ]


def test_dark_skin_is_counted_by_what_is_stated_and_not_by_what_dim_light_makes_of_light_skin() -> None:
    counted = SkinTones(stated={"I-II": 300, "III-IV": 200, "V-VI": 40}, unstated=7, measured={"dark": 500})
    assert [counted.like(tone) for tone in LOWEST] == [300, 300, 200, 200, 40, 40]
    assert counted.fewest() == 40


def test_where_nobody_states_a_type_nothing_is_known() -> None:
    unstated = SkinTones(stated={"I-II": 0, "III-IV": 0, "V-VI": 0}, unstated=900, measured={"light": 900})
    assert unstated.like("light") is None
    assert unstated.fewest() is None


def test_every_sentence_is_there_in_both_languages() -> None:
    said = [evidence_key(count, measured=known) for count in (None, 0, 1, FEW) for known in (True, False)]
    assert all(text(language, key) for language in LANGUAGES for key in (*said, *(f"skin_tone.{t}" for t in LOWEST)))
