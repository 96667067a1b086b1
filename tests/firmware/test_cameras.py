"""What every camera must do, whatever it is made of."""

from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firmware.devices import Camera, CaptureSettings
from firmware.errors import CameraError, CameraMissing
from firmware.factories import open_camera
from firmware.simulated import SimulatedLight
from firmware.skin import Scene
from firmware.synthetic import SyntheticCamera
from tests.firmware.picamera2_stand_in import installed

TIMEOUT_S = 60.0


@pytest.fixture(params=["synthetic", "folder", "picamera2", "picamera2 stand-in"])
def any_camera(request: pytest.FixtureRequest, tmp_path: Path, full_plaque: Scene) -> Iterator[Camera]:
    with ExitStack() as opened:
        yield opened.enter_context(_opened(request.param, opened, tmp_path, full_plaque))


def _opened(name: str, stack: ExitStack, tmp_path: Path, full_plaque: Scene) -> Camera:
    if name == "synthetic":
        return SyntheticCamera(SimulatedLight(), full_plaque)
    if name == "folder":
        Image.new("RGB", (1200, 900), (200, 150, 130)).save(tmp_path / "a.jpg")
        return open_camera(f"folder:{tmp_path}", SimulatedLight())
    if name == "picamera2 stand-in":
        stack.enter_context(installed())
        return open_camera("picamera2", SimulatedLight())
    if find_spec("picamera2") is None:
        pytest.skip("picamera2 is not installed: no Raspberry Pi")
    try:
        return open_camera("picamera2", SimulatedLight())
    except CameraMissing as missing:
        pytest.skip(f"no camera module: {missing}")


def test_a_capture_is_rgb_of_photograph_size(any_camera: Camera) -> None:
    pixels = any_camera.capture(TIMEOUT_S).pixels
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert min(pixels.shape[:2]) >= 600


def test_a_preview_shows_the_same_view_but_smaller(any_camera: Camera) -> None:
    preview, capture = any_camera.preview(TIMEOUT_S).pixels, any_camera.capture(TIMEOUT_S).pixels
    assert 700 <= max(preview.shape[:2]) <= 800
    assert preview.dtype == np.uint8
    assert preview.shape[1] / preview.shape[0] == pytest.approx(capture.shape[1] / capture.shape[0], rel=0.02)


def test_the_sequence_grows_with_every_frame(any_camera: Camera) -> None:
    takes = (any_camera.preview, any_camera.capture, any_camera.capture, any_camera.preview)
    sequences = [take(TIMEOUT_S).sequence for take in takes]
    assert sequences == sorted(set(sequences))


def test_settings_are_all_reported_or_none(any_camera: Camera) -> None:
    frame = any_camera.capture(TIMEOUT_S)
    known = [value is not None for value in (frame.exposure_us, frame.analogue_gain, frame.colour_gains)]
    assert all(known) or not any(known)
    assert frame.exposure_us is None or frame.exposure_us > 0
    assert frame.analogue_gain is None or frame.analogue_gain >= 1


def test_it_says_what_it_is(any_camera: Camera) -> None:
    assert any_camera.name in ("synthetic", "folder", "picamera2")
    assert any_camera.simulated == (any_camera.name != "picamera2")


def test_a_lock_is_kept_from_a_late_frame_on_and_let_go_again(any_camera: Camera) -> None:
    """A camera without settings says so in every frame, and takes a lock without a word."""
    automatic = any_camera.preview(TIMEOUT_S).settings
    gains = (1.0, 1.0) if automatic is None else automatic.colour_gains
    wanted = CaptureSettings(12_000.0, 1.0, gains)
    any_camera.lock(wanted, TIMEOUT_S)
    seen = [any_camera.preview(TIMEOUT_S).settings for _ in range(8)][-2:]
    assert seen == [None, None] if automatic is None else all(each and each.matches(wanted) for each in seen)
    any_camera.lock(None, TIMEOUT_S)
    freed = [any_camera.preview(TIMEOUT_S).settings for _ in range(10)][-1]
    assert freed is None if automatic is None else freed and not freed.matches(wanted)


def test_focus_gives_a_position_that_the_frames_confirm_or_none(any_camera: Camera) -> None:
    position = any_camera.focus(TIMEOUT_S)
    assert any_camera.capture(TIMEOUT_S).lens_position == (None if position is None else pytest.approx(position))


def test_it_is_not_stuck_while_it_answers(any_camera: Camera) -> None:
    any_camera.preview(TIMEOUT_S)
    assert not any_camera.stuck


def test_what_can_be_calibrated_has_a_name_of_its_own(any_camera: Camera) -> None:
    tells_settings = any_camera.preview(TIMEOUT_S).settings is not None
    assert bool(any_camera.hardware_id) == tells_settings


def test_closing_twice_is_harmless(any_camera: Camera) -> None:
    any_camera.close()
    any_camera.close()
    with pytest.raises(CameraError):
        any_camera.capture(1)
