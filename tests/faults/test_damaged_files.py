"""Each file the box starts from, emptied, cut and overwritten: the program says which one and what to do."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.cli import main
from appliance.files import write_atomically
from appliance.heartbeat import LAST_WORDS
from appliance.messages import LANGUAGES, catalogue
from appliance.settings import FILE_VARIABLE, load
from appliance.vision.assessor import Assessor
from firmware import calibration
from firmware.errors import CalibrationDamaged, DermkioskError

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "random": lambda content: random.Random(1).randbytes(min(len(content), 10_000)),
}
BUNDLE = ("bundle.json", "model.tflite", "gate.json", "golden.png")
SIMULATED = ["--camera", "synthetic", "--light", "simulated", "--button", "simulated", "--indicator", "simulated"]


@pytest.fixture
def bundle(bundle_folder: Path, tmp_path: Path) -> Path:
    """The one that ships, by links: only what is damaged is copied."""
    return shutil.copytree(bundle_folder, tmp_path / "bundle", copy_function=os.symlink)


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(DAMAGES[how](content))


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", BUNDLE)
def test_a_damaged_bundle_is_said_with_the_files_name(bundle: Path, name: str, how: str) -> None:
    damage(bundle / name, how)
    with pytest.raises(DermkioskError) as refused:
        Assessor.open(bundle, threads=1)
    assert name in f"{refused.value.detail} {refused.value.values}"
    assert f"error.{refused.value.key}.remedy" in catalogue("zh")


def test_the_program_keeps_it_as_its_last_words_for_the_standby_page(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    damage(bundle / "gate.json", "random")
    command = ["serve", *SIMULATED, "--state", str(tmp_path / "state"), "--bundle", str(bundle)]
    ended = CliRunner().invoke(main, command)
    assert ended.exit_code == 1
    assert "gate.json" in ended.output
    said = json.loads((tmp_path / LAST_WORDS).read_text())
    assert all(said[each]["sentence"] and said[each]["remedy"] for each in LANGUAGES)


@pytest.mark.parametrize("how", ["cut", "random", "wrong"])
def test_damaged_settings_are_said_with_the_files_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('camera = "synthetic"\nlanguage = "zh"')
    if how == "wrong":
        file.write_text('camera = "telescope"')
    else:
        content = file.read_bytes()
        file.write_bytes(content[:-1] if how == "cut" else DAMAGES[how](content))
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    ended = CliRunner().invoke(main, ["serve"])
    assert ended.exit_code == 1
    assert "settings_invalid" in ended.output
    assert json.loads((tmp_path / LAST_WORDS).read_text())["key"] == "settings_invalid"


def test_emptied_settings_are_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_bytes(b"")
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "settings.toml"))
    assert load().camera == "picamera2"


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_calibration_is_said(tmp_path: Path, how: str) -> None:
    file = tmp_path / "calibration.json"
    calibration.store(file, calibration.Calibration("camera"), write_atomically)
    damage(file, how)
    with pytest.raises(CalibrationDamaged):
        calibration.load(file)


def test_a_database_that_cannot_be_put_back_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "cases.sqlite3").write_bytes(DAMAGES["random"](bytes(10_000)))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    ended = CliRunner().invoke(main, ["serve", *SIMULATED, "--state", str(state)])
    assert ended.exit_code == 1
    assert "database_damaged" in ended.output
    assert json.loads((tmp_path / LAST_WORDS).read_text())["key"] == "database_damaged"
