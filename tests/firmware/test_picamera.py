"""The picamera2 driver against a stand-in with picamera2's own names; the contract suite runs it on a Raspberry Pi."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from firmware.errors import CameraError, CameraMissing, CameraTimeout, CameraUnplugged
from firmware.factories import open_camera
from firmware.picamera import PiCamera
from firmware.simulated import SimulatedLight

WAIT_S = 20.0
METADATA = {
    "SensorTimestamp": 1_000_000,
    "ExposureTime": 8333,
    "AnalogueGain": 1.5,
    "ColourGains": (1.9, 1.6),
    "Lux": 400.0,
}


class StandIn:
    """What picamera2.Picamera2 does for this driver."""

    cameras: list[dict[str, str]]
    fault: str
    released: int
    closed: Event

    @classmethod
    def global_camera_info(cls) -> list[dict[str, str]]:
        return cls.cameras

    def create_preview_configuration(self, main: dict[str, Any]) -> dict[str, Any]:
        return main

    def configure(self, config: dict[str, Any]) -> None:
        self.width, self.height = config["size"]
        # libcamera's BGR888 is R, G, B in memory
        self.colour = (200, 100, 50) if config["format"] == "BGR888" else (50, 100, 200)

    def start(self) -> None:
        if self.fault == "taken":
            raise RuntimeError("Failed to acquire camera")

    def close(self) -> None:
        self.closed.set()

    @contextmanager
    def captured_request(self, flush: bool) -> Iterator["StandIn"]:
        if self.fault == "hang":
            self.closed.wait(WAIT_S)
        assert flush
        try:
            yield self
        finally:
            type(self).released += 1

    def make_array(self, name: str) -> np.ndarray:
        if self.fault == "gone" or name != "main":
            raise RuntimeError("Stream is not defined")
        return np.full((self.height, self.width, 3), self.colour, np.uint8)

    def get_metadata(self) -> dict[str, Any]:
        return METADATA


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StandIn]]:
    class Picamera2(StandIn):
        cameras = [{"Model": "imx477"}]  # noqa: RUF012  # each test has its own class
        fault = ""
        released = 0
        closed = Event()

    module = ModuleType("picamera2")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    yield Picamera2
    Picamera2.closed.set()


def test_frames_are_rgb_with_the_settings_the_sensor_reports(driver: type[StandIn]) -> None:
    with PiCamera() as camera:
        frame = camera.capture(WAIT_S)
        preview = camera.preview(WAIT_S)
    assert frame.pixels.shape == (1152, 1536, 3)
    assert tuple(frame.pixels[0, 0]) == (200, 100, 50)
    assert (frame.sequence, frame.exposure_us, frame.analogue_gain) == (1_000_000, 8333, 1.5)
    assert frame.colour_gains == (1.9, 1.6)
    assert preview.pixels.shape == (576, 768, 3)
    assert driver.released == 2
    assert driver.closed.is_set()


def test_a_box_without_a_camera_module(driver: type[StandIn]) -> None:
    driver.cameras = []
    with pytest.raises(CameraMissing):
        PiCamera()


def test_a_camera_that_another_program_holds(driver: type[StandIn]) -> None:
    driver.fault = "taken"
    with pytest.raises(CameraError, match="acquire"):
        PiCamera()


def test_a_camera_that_stops_answering(driver: type[StandIn]) -> None:
    with PiCamera() as camera:
        driver.fault = "hang"
        with pytest.raises(CameraTimeout):
            camera.capture(0.1)
        with pytest.raises(CameraTimeout):
            camera.preview(WAIT_S)


def test_a_camera_that_goes_away_gives_its_buffers_back(driver: type[StandIn]) -> None:
    with PiCamera() as camera:
        driver.fault = "gone"
        with pytest.raises(CameraUnplugged):
            camera.capture(WAIT_S)
    assert driver.released == 1


def test_a_closed_camera_takes_no_picture(driver: type[StandIn]) -> None:
    camera = PiCamera()
    camera.close()
    camera.close()
    with pytest.raises(CameraUnplugged):
        camera.capture(WAIT_S)


def test_without_picamera2_there_is_no_fall_back() -> None:
    if importlib.util.find_spec("picamera2") is not None:
        pytest.skip("picamera2 is installed here")
    with pytest.raises(CameraMissing):
        open_camera("picamera2", SimulatedLight())
