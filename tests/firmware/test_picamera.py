"""The picamera2 driver against the stand-in, and the stand-in against picamera2's own signatures."""

import importlib.util
import inspect
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from firmware.devices import CaptureSettings
from firmware.errors import CameraError, CameraMemory, CameraMissing, CameraTimeout, CameraUnplugged, Unfocused
from firmware.factories import open_camera
from firmware.frames import Frames
from firmware.picamera import PiCamera
from firmware.recovery import HUNG_S, LONGEST_PAUSE_S, RecoveringCamera
from firmware.sequence import Sequence
from firmware.simulated import SimulatedLight
from tests.firmware import picamera2_api
from tests.firmware.picamera2_stand_in import NEAR_DIOPTRES, WAIT_S, StandIn, installed


@pytest.fixture
def driver() -> Iterator[type[StandIn]]:
    with installed() as stand_in:
        yield stand_in


def test_frames_are_rgb_with_the_settings_the_sensor_reports(driver: type[StandIn]) -> None:
    with PiCamera() as camera:
        frame = camera.capture(WAIT_S)
        preview = camera.preview(WAIT_S)
    assert frame.pixels.shape == (1152, 1536, 3)
    assert frame.pixels.mean(axis=(0, 1)) == pytest.approx((200, 100, 50), abs=2)
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
    driver.controls = {"AfMode": (0, 2, 0)}
    with PiCamera():
        assert driver.steps == ["configure", {"AfMode": "continuous", "AfRange": "macro"}, "start"]


def test_a_module_without_autofocus_is_asked_for_none(driver: type[StandIn]) -> None:
    with PiCamera():
        assert driver.steps == ["configure", "start"]


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("says nothing", CameraError, "KeyError: 'ColourGains'"),
        ("no memory", CameraMemory, "memory"),
    ],
)
def test_what_is_no_fault_of_the_cable_does_not_blame_it(
    driver: type[StandIn], fault: str, kind: type[CameraError], said: str
) -> None:
    with PiCamera() as camera:
        driver.fault = fault
        with pytest.raises(CameraError, match=said) as raised:
            camera.capture(WAIT_S)
    assert type(raised.value) is kind
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


LOCKED = CaptureSettings(12_000.0, 2.0, (2.1, 1.4))


def test_settings_are_locked_in_libcameras_names_and_a_frame_may_last_as_long(driver: type[StandIn]) -> None:
    with PiCamera() as camera:
        camera.lock(LOCKED, WAIT_S)
        camera.lock(CaptureSettings(500_000.0, 1.0, (2.1, 1.4)), WAIT_S)
        camera.lock(None, WAIT_S)
    locked, half_second, automatic = driver.steps[-3:]
    assert locked == {
        "AeEnable": False,
        "AwbEnable": False,
        "ExposureTime": 12_000,
        "AnalogueGain": 2.0,
        "ColourGains": (2.1, 1.4),
        "FrameDurationLimits": (33_333, 33_333),
    }
    assert half_second["FrameDurationLimits"] == (501_000, 501_000)
    assert (automatic["AeEnable"], automatic["AwbEnable"]) == (True, True)


def test_it_focuses_once_in_the_macro_range_and_stays_there(driver: type[StandIn]) -> None:
    driver.controls = {"AfMode": (0, 2, 0)}
    with PiCamera() as camera:
        assert camera.focus(WAIT_S) == NEAR_DIOPTRES
    scan, keep = driver.steps[-2:]
    assert scan == {"AfMode": "auto", "AfRange": "macro", "AfTrigger": "start"}
    assert keep == {"AfMode": "manual", "LensPosition": NEAR_DIOPTRES}


@pytest.mark.parametrize("fault", ["plain wall", "never scans"])
def test_a_focus_that_fails_is_a_refusal(driver: type[StandIn], fault: str) -> None:
    driver.controls = {"AfMode": (0, 2, 0)}
    with PiCamera() as camera:
        driver.fault = fault
        with pytest.raises(Unfocused):
            camera.focus(WAIT_S)


def test_a_module_without_autofocus_has_no_lens_position(driver: type[StandIn]) -> None:
    with PiCamera() as camera:
        assert camera.focus(WAIT_S) is None
        assert camera.capture(WAIT_S).lens_position is None


def test_a_driver_that_hangs_when_it_is_opened(driver: type[StandIn], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware.picamera.OPEN_TIMEOUT_S", 0.1)
    driver.fault = "hangs when opened"
    with pytest.raises(CameraTimeout):
        PiCamera()


def _given_up_in_opening(
    driver: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> tuple[RecoveringCamera, SimpleNamespace]:
    """A camera that was lost and whose driver then hung when it was opened again; and the clock, in ``s``."""
    monkeypatch.setattr("firmware.picamera.OPEN_TIMEOUT_S", 0.1)
    now = SimpleNamespace(s=0.0)
    camera = RecoveringCamera(lambda calls: open_camera("picamera2", SimulatedLight(), calls), lambda: now.s)
    driver.fault = "gone"
    with pytest.raises(CameraUnplugged):
        camera.capture(WAIT_S)
    driver.fault = "hangs when opened"
    now.s += LONGEST_PAUSE_S
    with pytest.raises(CameraTimeout):
        camera.capture(WAIT_S)
    return camera, now


def test_while_an_opening_hangs_no_other_is_begun_and_then_the_program_is_to_end(
    driver: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, now = _given_up_in_opening(driver, monkeypatch)
    assert camera.stuck
    assert not camera.hung
    now.s += HUNG_S
    assert camera.hung
    for _ in range(3):
        now.s += LONGEST_PAUSE_S
        with pytest.raises(CameraTimeout):
            camera.capture(WAIT_S)
    assert driver.opened == 2  # at the start, and the one that hangs
    assert camera.hung


def test_one_that_opens_after_it_was_given_up_is_closed_and_can_be_opened_again(
    driver: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver lets nobody have a camera that somebody holds, were it a thread that was given up."""
    camera, now = _given_up_in_opening(driver, monkeypatch)
    driver.closed.clear()
    driver.let_go.set()
    assert driver.closed.wait(WAIT_S)
    monkeypatch.setattr("firmware.picamera.OPEN_TIMEOUT_S", WAIT_S)
    _until(lambda: not camera.stuck)
    driver.fault = ""
    now.s += LONGEST_PAUSE_S
    assert camera.capture(WAIT_S).sequence == 1_000_000
    assert driver.opened == 3
    assert not camera.hung
    camera.close()


def _until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_a_lock_that_hangs(driver: type[StandIn]) -> None:
    with PiCamera() as camera:
        driver.fault = "hang"
        with pytest.raises(CameraTimeout):
            camera.lock(LOCKED, 0.1)
        assert camera.stuck


def test_a_calibration_knows_its_module_and_its_board(
    driver: type[StandIn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = tmp_path / "serial-number"
    serial.write_bytes(b"10000000abcdef01\0")
    monkeypatch.setattr("firmware.picamera.SERIAL", serial)
    with PiCamera() as camera:
        assert camera.hardware_id == "imx477 10000000abcdef01"


def test_the_station_takes_a_photograph_with_it(driver: type[StandIn]) -> None:
    light = SimulatedLight()
    with PiCamera() as camera:
        captured = Sequence(Frames(camera), light, None, room_limit=1.0).run()
    assert captured.conditions()["set"] == {"exposure_us": 8333.0, "analogue_gain": 1.5, "colour_gains": [1.9, 1.6]}
    assert light.history == (False, True, False)


RECORD = json.loads(picamera2_api.RECORD.read_text())["signatures"]


@pytest.mark.parametrize("name", RECORD)
def test_the_stand_in_has_picamera2s_own_signatures(name: str) -> None:
    """Where it takes fewer parameters, they are the ones the driver gives, under picamera2's names."""
    method = inspect.getattr_static(StandIn, name.partition(".")[2])
    function = method.fget if isinstance(method, property) else getattr(method, "__func__", method)
    parameters = [each for each in inspect.signature(function).parameters if each != "cls"]
    assert set(parameters) <= set(RECORD[name]) | {"self"}


def test_the_record_is_that_of_the_installed_picamera2() -> None:
    found = importlib.util.find_spec("picamera2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("picamera2 is not installed: its signatures are held against the recorded ones alone")
    assert picamera2_api.signatures(Path(found.submodule_search_locations[0])) == RECORD
