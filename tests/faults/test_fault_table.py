"""docs/faults.md: every row's test exists, every error has a text, and no fault the code knows is left out."""

import ast
import re
from pathlib import Path

import pytest

from appliance.messages import catalogue
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


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
def test_no_fault_of_the_synthetic_camera_is_left_out(fault: Fault) -> None:
    assert f"`{fault.name}`" in PAGE
