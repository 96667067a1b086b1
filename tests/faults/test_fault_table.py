"""docs/faults.md: every row's test exists, every error has a text, and no fault the code knows is left out."""

import ast
import re
from pathlib import Path

import pytest

from appliance.messages import catalogue
from firmware.calibrating import CARD_FRAMES, FLAT_FRAMES, TURNS_AT_MOST
from firmware.errors import CalibrationError, CaptureRefused, DermkioskError, HardwareError
from firmware.frames import FRAME_TIMEOUT_S
from firmware.picamera import CLOSE_TIMEOUT_S, OPEN_TIMEOUT_S
from firmware.recovery import HUNG_S, LONGEST_PAUSE_S
from firmware.sequence import FOCUS_TIMEOUT_S, ROOM_LIMIT, SETTLE_FRAMES_AT_MOST
from firmware.station import CAPTURE_AT_MOST_S
from firmware.synthetic import Fault

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "`tests/" in line
]


def test_there_are_rows_of_five_cells() -> None:
    assert len(ROWS) > 60
    assert {len(row) for row in ROWS} == {5}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_its_test_exists(row: list[str]) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[4])
    assert named
    for file, name in named:
        functions = [
            node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)
        ]
        assert name in functions


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_what_the_user_sees_is_in_the_catalogues(row: list[str]) -> None:
    for key in re.findall(r"`(\w+)`", row[2]):
        assert f"error.{key}" in catalogue("zh")


def _every(kind: type[DermkioskError]) -> list[type[DermkioskError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _every(child))]


FAMILIES = {HardwareError, CaptureRefused, CalibrationError}
"""Nobody raises these themselves."""
OF_THE_FIRMWARE = [
    error for family in FAMILIES for error in _every(family) if error not in FAMILIES and "firmware" in error.__module__
]


@pytest.mark.parametrize("error", sorted(OF_THE_FIRMWARE, key=lambda error: error.key), ids=lambda error: error.key)
def test_no_error_of_the_firmware_is_left_out(error: type[DermkioskError]) -> None:
    assert any(f"`{error.key}`" in row[2] for row in ROWS)


@pytest.mark.parametrize(
    ("fault", "within"),
    [
        ("no frame comes", f"{FRAME_TIMEOUT_S:g} s"),
        ("focusing hangs", f"{FOCUS_TIMEOUT_S:g} s"),
        ("opening hangs (`picamera2`)", f"{OPEN_TIMEOUT_S:g} s"),
        ("opening again hangs", f"{OPEN_TIMEOUT_S:g} s, then {HUNG_S:g} s"),
        ("opening hangs, was given up", f"{LONGEST_PAUSE_S:g} s"),
        ("closing hangs", f"{CLOSE_TIMEOUT_S:g} s"),
        ("the driver hangs and does not come back", f"{HUNG_S:g} s"),
        ("unplugged", f"{LONGEST_PAUSE_S:g} s"),
        ("black picture", f"{CAPTURE_AT_MOST_S:g} s"),
        ("every call is slow", f"{CAPTURE_AT_MOST_S + FRAME_TIMEOUT_S:g} s"),
        ("light that never holds still", f"{SETTLE_FRAMES_AT_MOST} frames"),
        ("calibrating: the card is not there", f"{CARD_FRAMES} photographs"),
        ("calibrating: a shadow", f"{FLAT_FRAMES} photographs"),
        ("calibrating: a ring light that is too weak", f"{TURNS_AT_MOST} corrections"),
    ],
)
def test_its_time_is_the_codes_own(fault: str, within: str) -> None:
    (row,) = (row for row in ROWS if row[0].startswith(fault))
    assert within in row[3]


def test_the_share_of_the_room_is_the_codes_own() -> None:
    assert any(row[0] == f"more than {ROOM_LIMIT * 100:g} % of the light is the room's" for row in ROWS)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
def test_no_fault_of_the_synthetic_camera_is_left_out(fault: Fault) -> None:
    assert f"`{fault.name}`" in PAGE
