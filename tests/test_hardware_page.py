"""docs/hardware.md: what an installer wires and buys by it is what the program does."""

import re
from pathlib import Path

import gpiozero
import pytest

from appliance.settings import Settings
from firmware import calibrating, card, gpio, sequence

PAGE = (Path(__file__).parents[1] / "docs/hardware.md").read_text(encoding="utf-8")
WIRE = re.compile(r"^\| [^|]+ \| `(\w+)` \| (\d+) \| (\d+) \|", re.MULTILINE)
PI_4 = "c03111"
SIZE = (768, 576)


def test_the_wiring_is_that_of_the_settings() -> None:
    fields = Settings.model_fields
    wanted = [(name, fields[name].default) for name in ("light_pin", "button_pin")]
    wanted += [("indicator_pins", pin) for pin in fields["indicator_pins"].default]
    assert [(name, int(bcm)) for name, bcm, _ in WIRE.findall(PAGE)] == wanted


def test_each_pin_is_where_the_header_has_it() -> None:
    header = gpiozero.pi_info(PI_4).headers["J8"].pins
    for _, bcm, place in WIRE.findall(PAGE):
        assert header[int(place)].name == f"GPIO{bcm}"
    grounds = re.search(r"Ground is on pins ([\d, and]+)\.", PAGE)
    assert grounds is not None
    assert [int(each) for each in re.findall(r"\d+", grounds[1])] == [n for n in header if header[n].name == "GND"]


@pytest.mark.parametrize("width_mm", [40.0, 100.0])
def test_the_card_is_found_in_pictures_as_wide_as_the_page_allows(
    monkeypatch: pytest.MonkeyPatch, width_mm: float
) -> None:
    assert "between 40 and 100 mm wide" in PAGE
    monkeypatch.setattr(card, "NOMINAL_WIDTH_MM", width_mm)
    _, mm_per_pixel = card.read(card.card_scene(*SIZE).ring)
    assert mm_per_pixel == pytest.approx(width_mm / SIZE[0], rel=0.01)


def test_the_limits_it_names_are_the_programs() -> None:
    ms = calibrating.LONGEST_US / 1000
    named = [
        f"within {ms:.0f} ms and a gain of {calibrating.GAIN_AT_MOST:.0f}",
        f"correction {calibrating.UNEVEN_AT_MOST:.0%} may be left".replace("%", " %"),
        f"Dimmed at {gpio.PWM_HZ} Hz",
        f"at most {sequence.ROOM_LIMIT:.0%} may come from the room, and {calibrating.ROOM_LIMIT:.0%}".replace(
            "%", " %"
        ),
        f"`light_level` ({Settings.model_fields['light_level'].default})",
        "{:.0f} × {:.0f} mm, with four black marks".format(*card.SIZE_MM),
    ]
    assert [each for each in named if each not in PAGE] == []
