"""Dye over skin, as the gate measures it."""

import numpy as np
import pytest

from appliance.vision.photo import Pixels
from appliance.vision.quality import dye
from appliance.vision.quality.scene import Scene
from training.gate.faults import TONES

LIMIT = 0.1
DYES = {"gentian violet": (110, 50, 140), "green soap": (60, 120, 110), "iodine": (110, 50, 12)}
CENTRE = np.hypot(*np.mgrid[-1:1:299j, -1:1:299j]) < 0.6


def skin(tone: tuple[int, int, int]) -> Pixels:
    grain = np.random.default_rng(1).normal(0, 4, (299, 299, 1))
    return np.clip(np.array(tone) + grain, 0, 255).astype(np.uint8)


def painted(view: Pixels, colour: tuple[int, int, int], where: np.ndarray = CENTRE) -> Pixels:
    """As a dye: it takes a share of the light of each colour."""
    shares = np.where(where[..., None], np.array(colour) * 1.25 / 255, 1)
    return np.clip(view * shares, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("tone", TONES[:4])
@pytest.mark.parametrize("name", DYES)
def test_a_dye_on_skin_from_very_light_to_tan_is_seen(name: str, tone: tuple[int, int, int]) -> None:
    assert dye.in_the_middle(Scene(painted(skin(tone), DYES[name]))) > LIMIT


def test_violet_is_seen_on_brown_skin_too() -> None:
    assert dye.in_the_middle(Scene(painted(skin(TONES[4]), DYES["gentian violet"]))) > LIMIT


@pytest.mark.parametrize("tone", TONES)
def test_even_skin_of_any_tone_bears_none(tone: tuple[int, int, int]) -> None:
    assert dye.in_the_middle(Scene(skin(tone))) < LIMIT


@pytest.mark.parametrize(
    "lesion",
    [(120, 70, 60), (95, 60, 45), (140, 60, 60), (130, 75, 85), (105, 60, 70), (60, 45, 45), (235, 225, 220)],
    ids=["brown", "dark brown", "red", "violaceous", "purple", "nearly black", "scaly"],
)
def test_a_lesion_is_no_dye(lesion: tuple[int, int, int]) -> None:
    view = np.where(CENTRE[..., None], np.array(lesion), skin(TONES[1])).astype(np.uint8)
    assert dye.in_the_middle(Scene(view)) < LIMIT


@pytest.mark.parametrize("cloth", [(30, 90, 60), (70, 40, 110)])
def test_a_cloth_behind_a_limb_is_no_dye(cloth: tuple[int, int, int]) -> None:
    view = skin(TONES[1])
    view[:, :110], view[:, 190:] = cloth, cloth
    assert dye.in_the_middle(Scene(view)) < LIMIT


def test_without_skin_there_is_nothing_to_compare_with() -> None:
    assert dye.in_the_middle(Scene(np.full((299, 299, 3), (60, 90, 160), np.uint8))) == 0
