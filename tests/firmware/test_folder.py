from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firmware.errors import FolderEmpty
from firmware.folder import FolderCamera
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.station import Station

TIMEOUT_S = 20.0
RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    Image.new("RGB", (1000, 500), GREEN).save(tmp_path / "b.png")
    Image.new("RGB", (1000, 500), RED).save(tmp_path / "a.jpg", quality=95)
    Image.new("RGB", (1000, 500), BLUE).save(tmp_path / "c.webp", lossless=True)
    (tmp_path / "notes.txt").write_text("not a photograph")
    (tmp_path / "aa.jpg").write_bytes(b"neither")
    (tmp_path / "more").mkdir()
    return tmp_path


def colour(pixels: np.ndarray) -> str:
    return ("red", "green", "blue")[int(pixels.mean(axis=(0, 1)).argmax())]


def test_photographs_come_by_name_and_begin_again(photographs: Path) -> None:
    with FolderCamera(photographs) as camera:
        shown = []
        for _ in range(4):
            shown.append(colour(camera.preview(TIMEOUT_S).pixels))
            camera.capture(TIMEOUT_S)
    assert shown == ["red", "green", "blue", "red"]


def test_the_live_view_stays_until_a_photograph_is_taken(photographs: Path) -> None:
    with FolderCamera(photographs) as camera:
        assert [colour(camera.preview(TIMEOUT_S).pixels) for _ in range(3)] == ["red"] * 3


def test_a_station_takes_what_the_live_view_shows(photographs: Path) -> None:
    with Station(FolderCamera(photographs), SimulatedLight(), SimulatedIndicator(), SimulatedButton()) as station:
        for expected in ("red", "green", "blue"):
            assert colour(station.preview().pixels) == expected
            captured = station.capture()
            assert colour(captured.frame.pixels) == expected
    assert captured.ambient_share is None
    assert captured.conditions()["exposure_us"] is None


def test_captures_without_a_live_view_go_on_too(photographs: Path) -> None:
    with Station(FolderCamera(photographs), SimulatedLight(), SimulatedIndicator(), SimulatedButton()) as station:
        assert [colour(station.capture().frame.pixels) for _ in range(2)] == ["red", "green"]


def test_photographs_are_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (600, 300))
    picture.paste(RED, (0, 0, 300, 300))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    picture.save(tmp_path / "a.jpg", exif=exif)
    with FolderCamera(tmp_path) as camera:
        pixels = camera.capture(TIMEOUT_S).pixels
    assert pixels.shape == (600, 300, 3)
    assert pixels[100, 150, 0] > 150 > pixels[500, 150, 0]


def test_a_truncated_photograph_is_left_out(photographs: Path) -> None:
    whole = (photographs / "b.png").read_bytes()
    (photographs / "a.jpg").unlink()
    (photographs / "a.png").write_bytes(whole[: len(whole) // 2])
    with FolderCamera(photographs) as camera:
        assert colour(camera.capture(TIMEOUT_S).pixels) == "green"


def test_a_folder_that_loses_its_photographs_is_reported(photographs: Path) -> None:
    with FolderCamera(photographs) as camera:
        for file in photographs.iterdir():
            if file.is_file():
                file.unlink()
        with pytest.raises(FolderEmpty):
            camera.preview(TIMEOUT_S)


@pytest.mark.parametrize("name", ["missing", "empty", "without"])
def test_a_folder_without_photographs_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "a.jpg").write_text("text")
    with pytest.raises(FolderEmpty) as refused:
        FolderCamera(tmp_path / name)
    assert refused.value.values["folder"] == tmp_path / name
