"""A dozen kills of the whole program; ``python tests/faults/soak.py`` does hundreds."""

import runpy
from pathlib import Path

SOAK = runpy.run_path(str(Path(__file__).with_name("soak.py")), run_name="soak")
KILLS = 12


def test_nothing_is_lost_answered_twice_or_half_shown_wherever_the_program_is_killed(tmp_path: Path) -> None:
    figures = SOAK["soak"](tmp_path, KILLS, seed=7, say=lambda _: None)
    assert figures["complaints"] == []
    assert figures["cases"] > 0
