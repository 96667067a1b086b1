"""A stand-in for picamera2, which needs libcamera: it has picamera2's own signatures and behaves as its sensor does."""

# ruff: noqa: ARG002  # the stand-in has picamera2's parameters, whether it needs them or not

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

WAIT_S = 20.0
AUTOMATIC = {"ExposureTime": 8333, "AnalogueGain": 1.5, "ColourGains": (1.9, 1.6)}
LATE_FRAMES = 3
SCAN_FRAMES = 5
NEAR_DIOPTRES = 12.5


class StandIn:
    """What picamera2.Picamera2 does for this driver. Settings come late, as the sensor's pipeline has it."""

    cameras: list[dict[str, str]]
    fault: str
    released: int
    closed: Event
    opened: int
    held: int
    let_go: Event
    controls: dict[str, tuple[int, int, int]]
    steps: list[object]

    def __init__(self, camera_num: int = 0, verbose_console: object = None, tuning: object = None) -> None:
        self.frames = 0
        self.wanted: list[dict[str, Any]] = []
        self.taken = dict(AUTOMATIC)
        self.scanned = 0
        type(self).opened += 1
        if self.fault == "hangs when opened":
            self.let_go.wait(WAIT_S)
        if type(self).held:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        type(self).held += 1

    @classmethod
    def global_camera_info(cls) -> list[dict[str, str]]:
        return cls.cameras

    @property
    def camera_properties(self) -> dict[str, object]:
        return {"Model": self.cameras[0]["Model"]}

    @property
    def camera_controls(self) -> dict[str, tuple[int, int, int]]:
        return self.controls

    def create_preview_configuration(self, main: dict[str, Any]) -> dict[str, Any]:
        return main

    def configure(self, camera_config: dict[str, Any]) -> None:
        self.steps.append("configure")
        if self.fault == "no such size":
            raise IndexError("list index out of range")
        self.width, self.height = camera_config["size"]
        # libcamera's BGR888 is R, G, B in memory
        self.colour = (200, 100, 50) if camera_config["format"] == "BGR888" else (50, 100, 200)

    def set_controls(self, controls: dict[str, object]) -> None:
        if self.fault == "hang":
            self.closed.wait(WAIT_S)
        self.steps.append(controls)
        if "AfTrigger" in controls:
            self.scanned = 0
        automatic = AUTOMATIC if controls.get("AeEnable") else {}
        self.wanted += [{}] * LATE_FRAMES + [{**self.taken, **controls, **automatic}]

    def start(self) -> None:
        self.steps.append("start")
        if self.fault == "taken":
            raise RuntimeError("Failed to acquire camera")

    def close(self) -> None:
        type(self).held = 0
        self.closed.set()
        if self.fault == "taken":
            raise RuntimeError("cannot be closed either")

    @contextmanager
    def captured_request(self, wait: bool | None = None, flush: bool | None = None) -> Iterator["StandIn"]:
        if self.fault == "hang":
            self.closed.wait(WAIT_S)
        assert flush
        self.frames += 1
        self.taken |= self.wanted.pop(0) if self.wanted else {}
        try:
            yield self
        finally:
            type(self).released += 1

    def capture_metadata(self, wait: bool | None = None, signal_function: object = None) -> dict[str, Any]:
        self.scanned += 1
        end = 3 if self.fault == "plain wall" else 2  # libcamera's AfState: Failed, Focused
        state = 1 if self.scanned < SCAN_FRAMES else end
        return {"AfState": 0 if self.fault == "never scans" else state, "LensPosition": NEAR_DIOPTRES}

    def make_array(self, name: str) -> np.ndarray:
        if self.fault == "gone" or name != "main":
            raise RuntimeError("Stream is not defined")
        if self.fault == "no memory":
            raise MemoryError
        lines = np.random.default_rng(self.frames).integers(-20, 20, (self.height, self.width, 3), np.int16)
        return np.asarray(lines + np.array(self.colour), np.uint8) if self.fault == "" else self._plain()

    def _plain(self) -> np.ndarray:
        return np.full((self.height, self.width, 3), self.colour, np.uint8)

    def get_metadata(self) -> dict[str, Any]:
        said = {name: self.taken[name] for name in AUTOMATIC}
        return (
            {} if self.fault == "says nothing" else {"SensorTimestamp": self.frames * 1_000_000, "Lux": 400.0, **said}
        )


@contextmanager
def installed() -> Iterator[type[StandIn]]:
    """As if picamera2 and libcamera were: yields the class that a test may give faults."""

    class Picamera2(StandIn):
        cameras = [{"Model": "imx477"}]  # noqa: RUF012  # each test has its own class
        fault = ""
        released = 0
        closed = Event()
        opened = 0
        held = 0
        let_go = Event()
        controls = {"ExposureTime": (1, 66666, 20000)}  # noqa: RUF012  # as above
        steps = []  # noqa: RUF012  # as above

    module, libcamera = ModuleType("picamera2"), ModuleType("libcamera")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    libcamera.controls = SimpleNamespace(  # type: ignore[attr-defined]
        AfModeEnum=SimpleNamespace(Continuous="continuous", Auto="auto", Manual="manual"),
        AfRangeEnum=SimpleNamespace(Macro="macro"),
        AfTriggerEnum=SimpleNamespace(Start="start"),
        AfStateEnum=SimpleNamespace(Idle=0, Scanning=1, Focused=2, Failed=3),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "picamera2", module)
        patch.setitem(sys.modules, "libcamera", libcamera)
        yield Picamera2
        Picamera2.closed.set()
        Picamera2.let_go.set()
