"""The picamera2 driver against a stand-in with picamera2's own names; the contract suite runs it on a Raspberry Pi."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import ModuleType, SimpleNamespace
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
    camera_controls: dict[str, tuple[int, int, int]]
    steps: list[object]

    @classmethod
    def global_camera_info(cls) -> list[dict[str, str]]:
        return cls.cameras

    def create_preview_configuration(self, main: dict[str, Any]) -> dict[str, Any]:
        return main

    def configure(self, config: dict[str, Any]) -> None:
        self.steps.append("configure")
        if self.fault == "no such size":
            raise IndexError("list index out of range")
        self.width, self.height = config["size"]
        # libcamera's BGR888 is R, G, B in memory
        self.colour = (200, 100, 50) if config["format"] == "BGR888" else (50, 100, 200)

    def set_controls(self, controls: dict[str, object]) -> None:
        self.steps.append(controls)

    def start(self) -> None:
        self.steps.append("start")
        if self.fault == "taken":
            raise RuntimeError("Failed to acquire camera")

    def close(self) -> None:
        self.closed.set()
        if self.fault == "taken":
            raise RuntimeError("cannot be closed either")

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
        if self.fault == "no memory":
            raise MemoryError
        return np.full((self.height, self.width, 3), self.colour, np.uint8)

    def get_metadata(self) -> dict[str, Any]:
        return {} if self.fault == "says nothing" else METADATA


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StandIn]]:
    class Picamera2(StandIn):
        cameras = [{"Model": "imx477"}]  # noqa: RUF012  # each test has its own class
        fault = ""
        released = 0
        closed = Event()
        camera_controls = {"ExposureTime": (1, 66666, 20000)}  # noqa: RUF012  # as above
        steps = []  # noqa: RUF012  # as above

    module = ModuleType("picamera2")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    libcamera = ModuleType("libcamera")
    libcamera.controls = SimpleNamespace(  # type: ignore[attr-defined]
        AfModeEnum=SimpleNamespace(Continuous="continuous"), AfRangeEnum=SimpleNamespace(Macro="macro")
    )
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
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


@pytest.mark.parametrize("fault", ["taken", "no such size"])
def test_a_camera_that_does_not_start_is_given_back(driver: type[StandIn], fault: str) -> None:
    driver.fault = fault
    with pytest.raises(CameraError, match=r"acquire|IndexError: list index"):
        PiCamera()
    assert driver.closed.is_set()


def test_a_module_with_autofocus_focuses_on_what_is_near(driver: type[StandIn]) -> None:
    driver.camera_controls = {"AfMode": (0, 2, 0)}
    with PiCamera():
        assert driver.steps == ["configure", {"AfMode": "continuous", "AfRange": "macro"}, "start"]


def test_a_module_without_autofocus_is_asked_for_none(driver: type[StandIn]) -> None:
    with PiCamera():
        assert driver.steps == ["configure", "start"]


@pytest.mark.parametrize(("fault", "said"), [("says nothing", "KeyError: 'ColourGains'"), ("no memory", "MemoryError")])
def test_what_is_no_fault_of_the_cable_does_not_blame_it(driver: type[StandIn], fault: str, said: str) -> None:
    with PiCamera() as camera:
        driver.fault = fault
        with pytest.raises(CameraError, match=said) as raised:
            camera.capture(WAIT_S)
    assert type(raised.value) is CameraError
    assert driver.released == 1


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
