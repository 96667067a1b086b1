from collections.abc import Iterator

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Scene, Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw

SMALL = (768, 576)
"""Half the synthetic camera's frame: a quarter of the time."""


@pytest.fixture(scope="session")
def full_plaque() -> Scene:
    return draw(Skin())


@pytest.fixture(scope="session")
def plaque() -> Scene:
    return draw(Skin(), SMALL)


@pytest.fixture
def light() -> SimulatedLight:
    return SimulatedLight()


@pytest.fixture
def camera(light: SimulatedLight, plaque: Scene) -> Iterator[SyntheticCamera]:
    with SyntheticCamera(light, plaque, size=SMALL) as opened:
        yield opened


@pytest.fixture
def station(camera: SyntheticCamera, light: SimulatedLight) -> Iterator[Station]:
    """Its clock stands still: a busy machine must not fail a test."""
    with Station(camera, light, SimulatedIndicator(), SimulatedButton(), 60, clock=lambda: 0.0) as opened:
        yield opened


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.close()
