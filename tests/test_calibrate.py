"""``dermkiosk calibrate`` with the synthetic camera, which is shown the drawn cards, and the box that uses its work."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest
from click.testing import CliRunner

from appliance import calibration_lead
from appliance.cases import layout
from appliance.cli import _say_calibration, main
from appliance.messages import catalogue, text
from appliance.serve import _calibration_of
from appliance.settings import load
from firmware import calibration
from firmware.calibration import STEPS, Calibration, SelfCheck, Step, store
from firmware.errors import CalibrationDamaged

NAMES = ("DERMKIOSK_CAMERA", "DERMKIOSK_LIGHT", "DERMKIOSK_BUTTON", "DERMKIOSK_INDICATOR", "DERMKIOSK_STATE")
STORED = Calibration("synthetic", 1, {"exposure": Step("2026-01-01T00:00:00+00:00", 1, {"exposure_us": 8000}, {})})


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in zip(NAMES, ("synthetic", *["simulated"] * 3, str(tmp_path / "state")), strict=True):
        monkeypatch.setenv(name, value)
    return tmp_path / "state"


def put(state: Path, kept: Calibration) -> Path:
    def write(where: Path, data: bytes) -> None:
        where.write_bytes(data)

    path = state / "station" / "calibration.json"
    store(path, kept, write)
    return path


def test_it_leads_through_the_steps_keeps_them_and_checks_them(state: Path) -> None:
    done = CliRunner().invoke(main, ["calibrate"])
    assert done.exit_code == 0, done.output
    assert [line.split(":")[0] for line in done.output.splitlines()] == [f"✓ {name}" for name in STEPS]
    path = load().calibration_file
    assert path == state / "station" / "calibration.json"
    assert path.stat().st_mode & 0o777 == 0o600
    checked = CliRunner().invoke(main, ["calibrate", "--check"])
    assert checked.exit_code == 0, checked.output
    kept = calibration.load(path)
    assert kept is not None
    assert kept.complete
    assert kept.last_check is not None
    layout.refuse_wrong(state)  # a box that was calibrated first can still make its database


def test_steps_come_in_their_order(state: Path) -> None:
    done = CliRunner().invoke(main, ["calibrate", "--check"])
    assert done.exit_code == 1
    assert text("en", "error.calibration_impossible") in done.output
    assert not load().calibration_file.exists()


def test_a_folder_cannot_be_calibrated(
    state: Path, tmp_path: Path, encoded: object, skin: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(skin, "PNG"))  # type: ignore[operator]
    monkeypatch.setenv("DERMKIOSK_CAMERA", f"folder:{tmp_path}")
    done = CliRunner().invoke(main, ["calibrate"])
    assert (done.exit_code, text("en", "error.calibration_impossible") in done.output) == (1, True)


def test_the_cards_are_printed(state: Path, tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["calibrate", "--print-card", str(tmp_path / "card.svg")]).exit_code == 0
    assert (tmp_path / "card.svg").read_text().startswith("<svg")


def test_a_card_that_cannot_be_written_there_is_said(state: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["calibrate", "--print-card", str(tmp_path / "missing/card.svg")])
    assert (done.exit_code, "missing/card.svg cannot be written" in done.output) == (1, True)


def test_the_box_uses_its_own_calibration_and_no_other(state: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert _calibration_of("synthetic", load()) is None
    path = put(state, STORED)
    assert _calibration_of("synthetic", load()) == STORED
    assert _calibration_of("imx477 0001", load()) is None
    assert "is of synthetic" in caplog.text
    path.write_text("damaged")
    assert _calibration_of("synthetic", load()) is None


def test_every_condition_has_a_sentence() -> None:
    for name in ("missing", "incomplete", "foreign", "drifted", "clock", "old", "check_due", "ok"):
        assert f"calibration.{name}" in catalogue("zh")


@pytest.mark.parametrize(
    ("kept", "condition"),
    [
        (STORED, "incomplete"),
        (replace(STORED, hardware_id="another"), "foreign"),
        (Calibration("synthetic"), "missing"),
    ],
)
def test_doctor_says_what_is_to_be_done(
    state: Path, kept: Calibration, condition: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(state, kept)
    _say_calibration(load(), SimpleNamespace(hardware_id="synthetic"), "en")  # type: ignore[arg-type]
    assert capsys.readouterr().out.startswith(f"! {text('en', f'calibration.{condition}')}\n")


@pytest.mark.parametrize(
    ("condition", "places"),
    [
        ("missing", STEPS),
        ("damaged", STEPS),
        ("old", STEPS),
        ("incomplete", STEPS[1:]),
        ("drifted", ("check",)),
        ("check_due", ("check",)),
        ("clock", ()),
        ("ok", ()),
    ],
)
def test_doctor_leads_to_the_page_of_each_step_that_is_due(
    state: Path, condition: Literal["missing", "ok"], places: tuple[str, ...]
) -> None:
    put(state, STORED)
    said = list(calibration_lead.lines(load(), condition, "zh"))
    addresses = [f"http://127.0.0.1:{load().kiosk_port}/kiosk/calibration/{place}?language=zh" for place in places]
    assert [line.strip() for line in said if "http" in line] == addresses
    cards = {name for name, rows in calibration_lead.DRAWINGS.items() if f"      {rows[-1]}" in said}
    grey_due = bool(set(places) & {"exposure", "white_balance", "flat_field"})
    assert cards == ({"grey"} if grey_due else set()) | ({"card"} if places else set())
    assert (text("zh", "calibration.lead") in "\n".join(said)) == bool(places)


def test_doctor_leads_on_where_the_stored_calibration_cannot_be_read(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(state, STORED).write_text("damaged")
    with pytest.raises(CalibrationDamaged):
        _say_calibration(load(), SimpleNamespace(hardware_id="synthetic"), "en")  # type: ignore[arg-type]
    assert capsys.readouterr().out.count("/kiosk/calibration/") == len(STEPS)


def test_doctor_says_nothing_of_a_camera_that_cannot_be_calibrated(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _say_calibration(load(), SimpleNamespace(hardware_id=None), "en")  # type: ignore[arg-type]
    assert not capsys.readouterr().out


def test_a_drift_is_repeated_until_it_is_dealt_with() -> None:
    steps = {name: Step("2026-01-01T00:00:00+00:00", 1, {}, {}) for name in STEPS}
    drifted = Calibration("synthetic", 5, steps, SelfCheck("2026-01-02T00:00:00+00:00", 3.1, drifted=True))
    for day in (2, 3, 20):
        assert calibration.condition(drifted, "synthetic", datetime(2026, 1, day, tzinfo=UTC)) == "drifted"
    dealt_with = replace(drifted, last_check=SelfCheck("2026-01-20T00:00:00+00:00", 0.2, drifted=False))
    assert calibration.condition(dealt_with, "synthetic", datetime(2026, 1, 20, 1, tzinfo=UTC)) == "ok"
