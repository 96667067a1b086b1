"""A dozen kills of the whole program; ``python tests/faults/soak.py`` does hundreds."""

import runpy
from pathlib import Path

import pytest

SOAK = runpy.run_path(str(Path(__file__).with_name("soak.py")), run_name="soak")
KILLS = 12
QUICKLY = {"AFTER_READY_S": 1.0, "SHORTLY_S": 0.5, "WHILE_STARTING": 0.3, "AFTER_AN_UPLOAD": 0.4, "AFTER_A_VISIT": 0.4}


@pytest.mark.timeout(900)  # on a machine that has other things to do a start takes half a minute
def test_nothing_is_lost_answered_twice_or_half_shown_wherever_the_program_is_killed(tmp_path: Path) -> None:
    SOAK["soak"].__globals__.update(QUICKLY)
    figures = SOAK["soak"](tmp_path, KILLS, seed=7, say=lambda _: None)
    assert figures["complaints"] == []
    from_kiosk = figures["of them from the kiosk"]
    assert figures["cases"] > from_kiosk > 0
