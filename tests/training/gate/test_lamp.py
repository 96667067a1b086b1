"""Learning what a coloured lamp looks like."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.vision.colour import Floats, halved, halved_light
from appliance.vision.photo import Pixels
from appliance.vision.quality.lamp import Lamp, colours
from training.gate.faults import LAMPS, cast, under
from training.gate.lamp import by_lamp, light_of


def quarter(view: Pixels) -> Floats:
    return halved(halved_light(view))


def skin(seed: int) -> Pixels:
    """Even skin of some tone with a darker spot, in nearly white light."""
    random = np.random.default_rng(seed)
    tone = np.array((0.5, 0.28, 0.19)) ** random.uniform(0.8, 2.5) * random.normal(1, 0.03, 3)
    light = np.tile(tone, (299, 299, 1)) * random.normal(1, 0.05, (299, 299, 1))
    light[100:200, 100:200] *= (0.7, 0.5, 0.45)
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.2) * 255, np.uint8)


def saved(folder: Path, count: int) -> list[Path]:
    files = [folder / f"{number}.png" for number in range(count)]
    for number, file in enumerate(files):
        Image.fromarray(skin(number)).save(file)
    return files


def test_finds_each_lamp_on_others_than_it_was_learned_on_and_spares_white_light(tmp_path: Path) -> None:
    light = light_of(saved(tmp_path, 30))
    found = by_lamp((skin(seed) for seed in range(100, 120)), light)
    assert found["photographs"]["all"] == 20
    assert found["as it is"]["all"] <= 0.1
    assert all(found[way]["all"] > 0.9 for way in LAMPS)
    assert found["magenta, half"]["all"] > 0.9


def test_one_photograph_of_a_rare_tone_in_a_coloured_light_does_not_lift_the_limit(tmp_path: Path) -> None:
    many = saved(tmp_path, 30) * 4
    lit = under((skin(2) / 255) ** 2.2, LAMPS["magenta"])  # taken for very light skin, as no other is
    Image.fromarray(np.asarray(np.clip(lit, 0, 1) ** (1 / 2.2) * 255, np.uint8)).save(tmp_path / "rare.png")
    rare = quarter(np.asarray(Image.open(tmp_path / "rare.png")))
    light = light_of([*many, tmp_path / "rare.png"])
    assert light.lamp.evidence(colours(rare)) > light.limit + 0.1


def test_it_is_learned_once(tmp_path: Path) -> None:
    first = light_of(saved(tmp_path, 5), tmp_path / "cache")
    assert light_of([], tmp_path / "cache") == first


def test_without_photographs_or_skin_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no photograph to learn the colour"):
        light_of([])
    Image.new("RGB", (299, 299), (90, 140, 90)).save(tmp_path / "leaf.png")
    with pytest.raises(ValueError, match="no photograph shows skin"):
        light_of([tmp_path / "leaf.png"])


def test_a_lamp_keeps_the_luminance_of_the_middle_and_changes_the_colour() -> None:
    light = quarter(skin(1))
    weights = np.array((0.2126, 0.7152, 0.0722))
    lit = under(light, LAMPS["bulb"])
    assert np.median(lit @ weights) == pytest.approx(np.median(light @ weights), rel=1e-3)
    assert colours(lit)[1] > colours(light)[1] + 1


def test_one_of_the_lamps_is_rendered() -> None:
    view = skin(2)
    before = colours(quarter(view))
    changes = {
        round(float(colours(quarter(cast(view, np.random.default_rng(s))))[0] - before[0]), 1) for s in range(12)
    }
    assert len(changes) > 3
    assert 0 not in changes


def test_a_lamp_with_a_number_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="7 numbers"):
        Lamp(centre=(0.0,) * 6, weights=(0.0,) * 35, bias=0.0)
