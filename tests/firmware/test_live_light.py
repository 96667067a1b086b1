"""The ring light of the live view: on while somebody looks, off for the room's share, never left on."""

import time
from collections.abc import Iterator

import pytest

from firmware import station as module
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw

SMALL = (384, 288)
WAIT_S = 60.0


@pytest.fixture
def light() -> SimulatedLight:
    return SimulatedLight()


@pytest.fixture
def station(light: SimulatedLight) -> Iterator[Station]:
    camera = SyntheticCamera(light, draw(Skin(), SMALL), size=SMALL)
    with Station(camera, light, SimulatedIndicator(), SimulatedButton(), WAIT_S, clock=lambda: 0.0) as opened:
        yield opened


def test_the_live_view_is_lit_once_and_other_looks_are_not(station: Station, light: SimulatedLight) -> None:
    station.preview()
    assert light.history == (False,)
    for _ in range(3):
        station.preview(lit=True)
    assert light.history == (False, True)


def test_it_goes_off_when_nobody_looks_any_more(
    station: Station, light: SimulatedLight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PREVIEW_LIGHT_S", 0.05)
    station.preview(lit=True)
    end = time.monotonic() + WAIT_S
    while light.lit and time.monotonic() < end:
        time.sleep(0.01)
    assert light.history == (False, True, False)


def test_a_capture_sees_the_room_without_it(station: Station, light: SimulatedLight) -> None:
    station.preview(lit=True)
    captured = station.capture()
    assert light.history == (False, True, False, True, False)
    assert captured.ambient_share is not None
    assert captured.ambient_share < 0.15


def test_closing_the_station_puts_it_out(light: SimulatedLight) -> None:
    camera = SyntheticCamera(light, draw(Skin(), SMALL), size=SMALL)
    with Station(camera, light, SimulatedIndicator(), SimulatedButton(), WAIT_S) as opened:
        opened.preview(lit=True)
    assert not light.lit
