"""From one version to the next, by the installer itself: what fails, and what is cut off, is put back."""

import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ACCEPTS = """import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("PRAGMA user_version = 9")
    database.execute("INSERT INTO cases (code) VALUES ('B2')")
"""
DAMAGES = """import sys
with open(sys.argv[1], "r+b") as database:
    database.write(b"no database")
"""
Box = Any
"""That of conftest.py."""


def test_an_upgrade_keeps_the_data_and_the_version_before(box: Box) -> None:
    box.setup("install")
    photo = box.keep_a_case()
    box.program.write_text("version = 2\n")
    box.setup("install")
    assert box.current == "releases/2"
    assert box.installed_program() == "version = 2\n"
    assert (box.opt / "releases/1/complete").exists()
    assert (photo.read_bytes(), box.schema()) == (b"a photograph", 2)
    assert not (box.state / "before-upgrade").exists()


def test_of_many_versions_two_stay(box: Box) -> None:
    for number in range(1, 4):
        box.program.write_text(f"version = {number}\n")
        box.setup("install")
    assert sorted(each.name for each in (box.opt / "releases").iterdir()) == ["2", "3"]


@pytest.mark.parametrize(
    ("end", "sentence"),
    [("exit 1", "failed its self-test"), ("kill -ILL $$", "The processor lacks an instruction")],
)
def test_a_version_that_fails_its_self_test_is_never_switched_to(box: Box, end: str, sentence: str) -> None:
    box.setup("install")
    box.program.write_text("version = 2\n")
    box.note("self-test", end)
    stopped = box.log.count("stop dermkiosk.service")
    assert sentence in box.setup("install", status=1)
    assert box.current == "releases/1"
    assert box.installed_program() == "version = 1\n"
    assert box.log.count("stop dermkiosk.service") == stopped  # it went on serving meanwhile
    assert [each.name for each in (box.opt / "releases").iterdir()] == ["1"]


def test_a_version_that_does_not_start_goes_and_the_one_before_is_back_with_its_data(box: Box) -> None:
    box.setup("install")
    photo = box.keep_a_case()
    box.program.write_text("version = 2\n")
    unit = box.source / "systemd/units/dermkiosk.service"
    unit.write_text(unit.read_text() + "# new\n")
    box.note("start-fails", "releases/2")
    box.note("migrate")
    said = box.setup("install", status=1)
    assert "The one before is installed again" in said
    assert (box.current, box.installed_program()) == ("releases/1", "version = 1\n")
    assert "# new" not in (box.units / "dermkiosk.service").read_text()
    assert "the database is put back" in said
    assert (photo.read_bytes(), box.schema()) == (b"a photograph", 2)
    assert box.log.rstrip().endswith("systemctl start dermkiosk.service")


def test_a_database_that_the_failed_version_left_alone_is_not_put_back(box: Box) -> None:
    box.setup("install")
    box.keep_a_case()
    box.program.write_text("version = 2\n")
    box.note("start-fails", "releases/2")
    assert "put back" not in box.setup("install", status=1)
    assert box.schema() == 2


def _stands_as_before(box: Box, said: str) -> None:
    assert "as they were" in said or "Nothing was changed" in said
    assert (box.current, box.installed_program()) == ("releases/1", "version = 1\n")
    assert [each.name for each in (box.opt / "releases").iterdir()] == ["1"]
    assert not (box.opt / "pending").exists()
    assert not (box.state / "before-upgrade").exists()
    assert (box.notes / "active").exists()  # the kiosk runs


def _next_version(box: Box) -> None:
    box.setup("install")
    box.keep_a_case()
    box.program.write_text("version = 2\n")
    unit = box.source / "systemd/units/dermkiosk.service"
    unit.write_text(unit.read_text() + "# new\n")


def test_without_room_for_a_copy_the_kiosk_is_not_even_stopped(box: Box) -> None:
    _next_version(box)
    box.note("little-room")
    stopped = box.log.count("stop dermkiosk.service")
    said = box.setup("install", status=1)
    _stands_as_before(box, said)
    assert "a copy of the database needs 1 MB, and 0 MB are free" in said
    assert box.log.count("stop dermkiosk.service") == stopped


def test_an_upgrade_whose_copy_fails_changes_nothing_and_the_kiosk_runs_again(box: Box) -> None:
    _next_version(box)
    box.note("copy-fails")
    said = box.setup("install", status=1)
    _stands_as_before(box, said)
    assert "before there was a copy of the database" in said
    (box.notes / "copy-fails").unlink()
    box.setup("install")
    assert box.installed_program() == "version = 2\n"


def test_a_damaged_database_stops_an_upgrade_and_not_the_kiosk(box: Box) -> None:
    _next_version(box)
    (box.state / "cases.sqlite3").write_bytes(b"damaged" * 4096)
    said = box.setup("install", status=1)
    _stands_as_before(box, said)
    assert "before there was a copy of the database" in said


def test_a_database_whose_tables_are_damaged_behind_a_whole_beginning_stops_an_upgrade_too(box: Box) -> None:
    _next_version(box)
    database = box.state / "cases.sqlite3"
    with sqlite3.connect(database) as asked:
        (size,) = asked.execute("PRAGMA page_size").fetchone()
        (page,) = asked.execute("SELECT rootpage FROM sqlite_master WHERE name = 'cases'").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"damaged" * 4)
    box.note("start-fails", "releases/2")  # it is never asked to
    said = box.setup("install", status=1)
    _stands_as_before(box, said)
    assert "cases.sqlite3: database disk image is malformed" in said
    assert "before there was a copy of the database" in said


def test_an_upgrade_that_stops_half_way_is_put_back_and_the_kiosk_runs_again(box: Box) -> None:
    _next_version(box)
    box.note("users-fail")
    said = box.setup("install", status=1)
    _stands_as_before(box, said)
    assert "stopped in line" in said
    assert "# new" not in (box.units / "dermkiosk.service").read_text()
    assert box.schema() == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("instant", ["hold-copy", "hold-start"])
def test_an_upgrade_that_is_interrupted_is_put_back_and_the_kiosk_runs_again(
    box: Box, instant: str, number: signal.Signals
) -> None:
    _next_version(box)
    box.note(instant, "releases/2")
    said = box.interrupted_install(number)
    _stands_as_before(box, said)
    assert "# new" not in (box.units / "dermkiosk.service").read_text()
    assert box.schema() == 2
    box.setup("install")
    assert box.installed_program() == "version = 2\n"


def test_an_upgrade_whose_terminal_is_gone_is_put_back_and_the_log_says_so(box: Box) -> None:
    _next_version(box)
    box.note("hold-start", "releases/2")
    box.install_without_its_terminal()
    _stands_as_before(box, box.log)
    assert "interrupted. The version before is installed again" in box.log


def test_what_is_interrupted_before_the_switch_is_begun_again(box: Box) -> None:
    box.note("hold-start", "releases/1")
    said = box.interrupted_install(signal.SIGINT)
    assert "The same command goes on" in said
    box.setup("install")
    assert box.installed_program() == "version = 1\n"


def test_an_upgrade_that_cannot_be_put_back_at_once_is_at_the_next_start(box: Box) -> None:
    _next_version(box)
    box.note("users-fail", "always")
    assert "Start the machine anew" in box.setup("install", status=1)
    assert (box.notes / "active").exists()
    assert (box.opt / "pending").exists()
    (box.notes / "users-fail").unlink()
    box.setup("roll-back", source=box.opt / "releases/2")
    _stands_as_before(box, "as they were")


def _cut_off_upgrade(box: Box, schema: int = 2) -> None:
    """An upgrade to releases/2 whose power went after the switch: what a start of the machine then finds."""
    box.setup("install")
    box.keep_a_case()
    box.program.write_text("version = 2\n")
    unit = box.source / "systemd/units/dermkiosk.service"
    unit.write_text(unit.read_text() + "# new\n")
    unit.with_name("dermkiosk-more.timer").write_text("[Install]\nWantedBy=timers.target\n")
    box.note("cut-at-start", "releases/2")
    box.setup("install", status=-signal.SIGKILL)
    assert (box.units / "timers.target.wants/dermkiosk-more.timer").is_symlink()
    assert (box.current, (box.opt / "pending").exists()) == ("releases/2", True)
    with sqlite3.connect(box.state / "cases.sqlite3") as database:
        database.execute(f"PRAGMA user_version = {schema}")
    (box.notes / "cut-at-start").unlink()


def test_an_upgrade_that_the_power_cut_off_is_put_back_at_the_next_start(box: Box) -> None:
    _cut_off_upgrade(box, schema=9)
    assert "the version before is put back" in box.roll_back()
    assert (box.current, box.installed_program()) == ("releases/1", "version = 1\n")
    assert "# new" not in (box.units / "dermkiosk.service").read_text()
    assert not list(box.units.rglob("dermkiosk-more*"))
    assert box.schema() == 2
    assert [each.name for each in (box.opt / "releases").iterdir()] == ["1"]
    assert not (box.opt / "pending").exists()
    assert not (box.state / "before-upgrade").exists()
    assert box.roll_back() == ""


def test_a_version_is_put_back_where_only_its_own_unit_may_write(box: Box) -> None:
    """That of a version without the command dermkiosk lets nobody write beside it."""
    _cut_off_upgrade(box, schema=9)
    folder = box.root / "usr/local/bin"
    shutil.rmtree(folder)
    folder.write_text("no folder: nothing can be written into it")
    assert "the version before is put back" in box.roll_back()
    _stands_as_before(box, "as they were")
    folder.unlink()
    box.setup("install")
    assert (folder / "dermkiosk").is_symlink()


def test_a_new_version_that_has_accepted_a_case_stays(box: Box) -> None:
    _cut_off_upgrade(box, schema=9)
    with sqlite3.connect(box.state / "cases.sqlite3") as database:
        database.execute("INSERT INTO cases (code) VALUES ('B2')")
    assert "the new version stays" in box.roll_back()
    assert (box.current, box.installed_program()) == ("releases/2", "version = 2\n")
    assert not (box.opt / "pending").exists()


@pytest.mark.parametrize("instant", ["signal-when-ready", "start-fails"])
def test_photographs_that_the_new_version_accepted_stay_however_the_upgrade_ends(box: Box, instant: str) -> None:
    _next_version(box)
    box.note("accepts", ACCEPTS)
    box.note(instant, "releases/2")
    said = box.setup("install", status=1)
    assert "accepted photographs" in said
    assert "put back" not in said
    with sqlite3.connect(box.state / "cases.sqlite3") as database:
        assert database.execute("SELECT code FROM cases ORDER BY number").fetchall() == [("A1",), ("B2",)]
    assert (box.current, box.installed_program()) == ("releases/2", "version = 2\n")
    assert not (box.opt / "pending").exists()
    assert box.log.rstrip().endswith("systemctl start dermkiosk.service")


def _left_alone(box: Box, said: str) -> None:
    assert "cases.sqlite3: file is not a database" in said
    assert "nothing is put back" in said
    assert (box.state / "cases.sqlite3").read_bytes().startswith(b"no database")
    assert (box.opt / "pending").exists()
    assert (box.state / "before-upgrade/cases.sqlite3").exists()
    assert box.current == "releases/2"


@pytest.mark.parametrize("instant", ["signal-when-ready", "start-fails"])
def test_a_database_that_cannot_be_read_is_never_overwritten(box: Box, instant: str) -> None:
    _next_version(box)
    box.note("accepts", DAMAGES)
    box.note(instant, "releases/2")
    if instant == "start-fails":
        box.note("migrate")
    said = box.setup("install", status=1)
    _left_alone(box, said)
    assert box.log.rstrip().endswith("systemctl start dermkiosk.service")
    assert "an update is not over" in box.setup("install", status=1)
    assert (box.state / "before-upgrade/cases.sqlite3").exists()


def test_a_database_that_cannot_be_read_at_a_start_is_left_until_it_can(box: Box) -> None:
    _cut_off_upgrade(box, schema=9)
    database = box.state / "cases.sqlite3"
    whole = database.read_bytes()
    database.write_bytes(b"no database" + whole[11:])
    _left_alone(box, box.setup("roll-back", status=1, source=box.opt / "current"))
    database.write_bytes(whole)
    assert "the version before is put back" in box.roll_back()
    assert (box.current, box.schema()) == ("releases/1", 2)


def test_a_database_that_was_being_put_back_when_the_power_went_again_is_put_back(box: Box) -> None:
    _cut_off_upgrade(box, schema=9)
    database = box.state / "cases.sqlite3"
    shutil.copy(box.state / "before-upgrade/cases.sqlite3", database.with_name("cases.sqlite3.restored"))
    database.write_bytes(b"without its log, no database")
    assert "the database is put back" in box.roll_back()
    assert (box.current, box.schema()) == ("releases/1", 2)


def test_a_database_without_tables_has_no_photographs_and_is_read(box: Box) -> None:
    _cut_off_upgrade(box)
    for file in (box.state / "cases.sqlite3", box.state / "before-upgrade/cases.sqlite3"):
        file.write_bytes(b"")
    assert "the version before is put back" in box.roll_back()
    assert box.current == "releases/1"


def test_an_interruption_while_the_version_before_comes_back_changes_nothing(box: Box) -> None:
    _next_version(box)
    box.note("start-fails", "releases/2")
    box.note("signal-at-removal")
    said = box.setup("install", status=1)
    assert "the new version did not start" in said
    _stands_as_before(box, said)


def test_what_fails_after_the_version_before_is_back_is_not_said_to_have_changed_nothing(box: Box) -> None:
    _next_version(box)
    box.note("start-fails", "releases/2")
    box.note("removal-fails")
    said = box.setup("install", status=1)
    assert "after the version before was installed again" in said
    assert "Nothing was changed" not in said
    assert (box.current, (box.notes / "active").exists()) == ("releases/1", True)


def test_the_units_of_every_kind_that_only_the_new_version_has_go_with_it(box: Box) -> None:
    _next_version(box)
    kinds = {each.suffix for each in (ROOT / "systemd/units").iterdir()}
    for kind in kinds:
        (box.source / f"systemd/units/dermkiosk-more{kind}").write_text("[Install]\nWantedBy=more.target\n")
    box.note("start-fails", "releases/2")
    box.setup("install", status=1)
    assert {".path", ".timer"} <= kinds
    assert not list(box.units.rglob("dermkiosk-more*"))


def test_a_cut_off_upgrade_can_be_made_again(box: Box) -> None:
    _cut_off_upgrade(box)
    box.roll_back()
    box.setup("install")
    assert (box.current, box.installed_program()) == ("releases/2", "version = 2\n")
    assert "# new" in (box.units / "dermkiosk.service").read_text()
