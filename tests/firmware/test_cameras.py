"""What every camera must do, whatever it is made of."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firmware.devices import Camera
from firmware.errors import CameraError, CameraMissing
from firmware.factories import open_camera
from firmware.simulated import SimulatedLight
from firmware.skin import Scene
from firmware.synthetic import SyntheticCamera

TIMEOUT_S = 20.0


def synthetic(tmp_path: Path, plaque: Scene) -> Camera:
    return SyntheticCamera(SimulatedLight(), plaque)


def folder(tmp_path: Path, plaque: Scene) -> Camera:
    Image.new("RGB", (1200, 900), (200, 150, 130)).save(tmp_path / "a.jpg")
    return open_camera(f"folder:{tmp_path}", SimulatedLight())


def picamera2(tmp_path: Path, plaque: Scene) -> Camera:
    pytest.importorskip("picamera2", reason="picamera2 is not installed: no Raspberry Pi")
    try:
        return open_camera("picamera2", SimulatedLight())
    except CameraMissing as missing:
        pytest.skip(f"no camera module: {missing}")


@pytest.fixture(params=[synthetic, folder, picamera2], ids=lambda maker: maker.__name__)
def any_camera(request: pytest.FixtureRequest, tmp_path: Path, plaque: Scene) -> Iterator[Camera]:
    maker: Callable[[Path, Scene], Camera] = request.param
    with maker(tmp_path, plaque) as opened:
        yield opened


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


def test_closing_twice_is_harmless(any_camera: Camera) -> None:
    any_camera.close()
    any_camera.close()
    with pytest.raises(CameraError):
        any_camera.capture(1)
