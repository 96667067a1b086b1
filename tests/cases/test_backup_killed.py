"""A backup whose program is killed, or whose box loses its power, at each kind of step that it takes."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cases import backup
from appliance.cases.restore import restore
from appliance.cases.sealed import RecoveryKey
from appliance.cases.stick import Stick
from appliance.cases.store import Intake, Store

CHILD = Path(__file__).with_name("backup_child.py")
KEY = "abcd-efgh-jkmn-pqrs-tuvw-xyz2-3456"
NEVER = "no step"
BEFORE_IT_COUNTS = {
    "a sealed photograph gets its name": r"rename .*/photographs/",
    "the generation is written": r"rename .*/generations/\.",
    "a photograph is read back": r"rename .*/read-back/\.photograph",
    "the generation is proved": r"rename .*/generations/\d",
}
AFTER_IT_COUNTS = {"what the cut ones left is removed": r"remove .*/generations/"}

Make = Callable[..., Intake]
Command = Callable[[str], int]


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(f"{KEY}\n")
    path = tmp_path / "stick"
    path.mkdir()
    return path


@pytest.fixture
def back_up(folder: Path, stick: Path) -> Command:
    """The command in a program of its own, which is killed before a step; its status."""
    given: list[str | Path] = ["backup", stick, "--state", folder, "--key-file", stick.with_name("key")]
    return lambda step: subprocess.run([sys.executable, CHILD, step, *given], check=False).returncode


def restored(stick: Path, to: Path) -> set[str]:
    """Codes of the cases that come back with their photograph."""
    restore(Stick(stick, RecoveryKey(KEY)), to)
    with Store(to) as store:
        return {case.code for case in store.cases() if store.photo(case).any()}


def test_wherever_it_is_killed_what_was_whole_stays_whole_and_the_next_one_goes_on(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path, back_up: Command
) -> None:
    before = {store.accept(intake(0)).code}
    assert back_up(NEVER) == 0
    after = before | {store.accept(intake(1)).code}
    for number, (when, step) in enumerate((BEFORE_IT_COUNTS | AFTER_IT_COUNTS).items()):
        assert back_up(step) == -signal.SIGKILL, when
        assert not backup.under_way(folder), f"{when}: nobody else can make one"
        expected = before if when in BEFORE_IT_COUNTS else after
        assert restored(stick, tmp_path / f"restored-{number}") == expected, when
        assert store.audit.entries()[0].action == "backup_begun", "staff read that it was cut"
    assert back_up(NEVER) == 0
    assert restored(stick, tmp_path / "restored") == after
    assert [path for path in stick.rglob("*") if path.is_file() and path.suffix != ".sealed"] == []
    assert not (folder / "copies" / "backup").exists()
