"""The installer itself, in a root folder of its own. The system's programs around it are stand-ins that take notes."""

import hashlib
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from appliance.cases.sealed import RecoveryKey
from appliance.hotspot import load

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
HOLD = 'hold() { rm -f "$NOTES"/hold-*; touch "$NOTES/held"; until [ -e "$NOTES/go" ]; do sleep 0.1; done; }'
STAND_INS = {
    "python3": f"""
case "$*" in
  *standby.py*) echo "✓ asked" ;;
  "-m venv "*)
    for folder; do :; done
    mkdir -p "$folder/bin"
    cp "$NOTES/../stand-ins/venv-python" "$folder/bin/python"
    printf '#!/bin/sh\\necho dermkiosk "$@" >>"$NOTES/log"\\n' >"$folder/bin/dermkiosk"
    chmod 755 "$folder/bin/dermkiosk" ;;
  *) exec {sys.executable} "$@" ;;
esac""",
    "venv-python": """
echo "pip ${PIP_NO_INDEX:-} ${PIP_FIND_LINKS:-}: $*" >>"$NOTES/log"
[ "$1" != - ] || [ ! -e "$NOTES/self-test" ] || . "$NOTES/self-test"
""",
    "systemctl": f"""
{HOLD}
echo "systemctl $*" >>"$NOTES/log"
case "$*" in
  "start dermkiosk.service")
    [ "$(readlink "$DESTDIR/opt/dermkiosk/current")" != "$(cat "$NOTES/hold-start" 2>&1)" ] || hold
    [ ! -e "$NOTES/cut-at-start" ] || kill -9 "$PPID"
    if [ "$(readlink "$DESTDIR/opt/dermkiosk/current")" = "$(cat "$NOTES/start-fails" 2>&1)" ]; then
      [ ! -e "$NOTES/migrate" ] || {sys.executable} -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1]); database.execute("PRAGMA user_version = 9"); database.commit()' \
        "$DESTDIR/var/lib/dermkiosk/cases.sqlite3"
      if [ -e "$NOTES/accepts" ]; then
        {sys.executable} - "$DESTDIR/var/lib/dermkiosk/cases.sqlite3" <"$NOTES/accepts"
        rm "$NOTES/accepts"
      fi
      rm -f "$NOTES/active"
      exit 1
    fi
    touch "$NOTES/active"
    if [ "$(readlink "$DESTDIR/opt/dermkiosk/current")" = "$(cat "$NOTES/signal-when-ready" 2>&1)" ]; then
      {sys.executable} - "$DESTDIR/var/lib/dermkiosk/cases.sqlite3" <"$NOTES/accepts"
      rm "$NOTES/signal-when-ready"
      kill -TERM "$PPID"
    fi ;;
  stop*dermkiosk.service) rm -f "$NOTES/active" ;;
  "is-active --quiet dermkiosk.service") [ -e "$NOTES/active" ] ;;
esac""",
    "apt-get": """
echo "apt-get $*" >>"$NOTES/log"
case "$*" in *install*) for package; do echo "$package" >>"$NOTES/packages"; done ;; esac""",
    "dpkg-query": """
for package; do :; done
if grep -qx -e "$package" "$NOTES/packages" 2>/dev/null; then echo installed; else exit 1; fi""",
    "apt-cache": """
[ "$*" = "policy python3-picamera2" ] || echo "  Candidate: 1.0" """,
    "logger": """echo "logger $*" >>"$NOTES/log" """,
    "id": """if [ "$1" = -u ]; then echo 0; else [ -e "$NOTES/users" ]; fi""",
    "systemd-sysusers": """
touch "$NOTES/users"
if [ -e "$NOTES/users-fail" ]; then [ -s "$NOTES/users-fail" ] || rm "$NOTES/users-fail"; exit 1; fi""",
    "cp": f"""
{HOLD}
case "$*" in */before-upgrade) [ ! -e "$NOTES/hold-copy" ] || hold ;; esac"""
    """
case "$*" in */before-upgrade*) if [ -e "$NOTES/copy-fails" ]; then : >"$3/half"; exit 1; fi ;; esac
PATH=${PATH#*:} exec cp "$@" """,
    "rm": """
PATH=${PATH#*:} rm "$@"
case "$*" in *releases/2)
  [ ! -e "$NOTES/signal-at-removal" ] || kill -TERM "$PPID"
  [ ! -e "$NOTES/removal-fails" ] || exit 1 ;;
esac""",
    "df": """
if [ -e "$NOTES/little-room" ]; then printf 'Avail\\n100\\n'; else PATH=${PATH#*:} exec df "$@"; fi""",
    "systemd-tmpfiles": "",
    "udevadm": "",
    "userdel": """echo "userdel $*" >>"$NOTES/log" """,
    "runuser": """echo "runuser $*" >>"$NOTES/log"; [ ! -e "$NOTES/doctor-fails" ]""",
}


class Box:
    """A root folder, a source folder, and the stand-ins' notes."""

    def __init__(self, folder: Path) -> None:
        self.root, self.source, self.notes = folder / "root", folder / "source", folder / "notes"
        self.opt, self.state = self.root / "opt/dermkiosk", self.root / "var/lib/dermkiosk"
        self.units = self.root / "etc/systemd/system"
        (self.root / "run/systemd/system").mkdir(parents=True)
        self.notes.mkdir()
        self._make_source()
        self._make_stand_ins(folder / "stand-ins")

    def _make_source(self) -> None:
        shutil.copytree(ROOT / "systemd", self.source / "systemd", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "setup.sh", self.source)
        (self.source / "requirements").mkdir()
        for lock in ("box", "bookworm"):
            (self.source / f"requirements/{lock}.txt").write_text("flask==1\n")
        self.program = self.source / "appliance/program.py"
        self.program.parent.mkdir()
        self.program.write_text("version = 1\n")

    def _make_stand_ins(self, folder: Path) -> None:
        folder.mkdir()
        for name, body in STAND_INS.items():
            (folder / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / name).chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"

    def setup(self, *arguments: str | Path, status: int = 0, source: Path | None = None) -> str:
        """Run setup.sh; its output and errors together."""
        command = [str((source or self.source) / "setup.sh"), *map(str, arguments)]
        ended = subprocess.run(
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        assert ended.returncode == status, ended.stdout
        return ended.stdout

    def interrupted_install(self, number: signal.Signals) -> str:
        """As Ctrl-C: to all of its programs, and again and again until it ends."""
        command = [str(self.source / "setup.sh"), "install"]
        with subprocess.Popen(
            command,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as running:
            self._wait_until_held(running)
            while running.poll() is None:
                os.killpg(running.pid, number)
                time.sleep(0.02)
            assert running.stdout is not None
            said = running.stdout.read()
        assert running.returncode == 1, said
        return said

    def install_without_its_terminal(self) -> None:
        """As over an SSH connection that is lost."""
        mine, its = pty.openpty()
        os.set_blocking(mine, False)
        command = ["setsid", "--ctty", str(self.source / "setup.sh"), "install"]
        with subprocess.Popen(command, env=self.environment, stdin=its, stdout=its, stderr=its) as running:
            os.close(its)
            self._wait_until_held(running, lambda: os.read(mine, 4096))
            os.close(mine)
            self.note("go")

    def _wait_until_held(self, running: subprocess.Popen[Any], read: Callable[[], object] = bool) -> None:
        while not (self.notes / "held").exists():
            assert running.poll() is None
            with suppress(BlockingIOError):
                read()
            time.sleep(0.02)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": self.path, "DESTDIR": str(self.root), "NOTES": str(self.notes), "LC_ALL": "C.UTF-8"}

    def roll_back(self) -> str:
        """What the machine's start does with an upgrade that was cut off."""
        return self.setup("roll-back", source=self.opt / "current")

    def note(self, name: str, text: str = "") -> None:
        (self.notes / name).write_text(text)

    @property
    def log(self) -> str:
        return (self.notes / "log").read_text()

    @property
    def current(self) -> str:
        return str((self.opt / "current").readlink())

    def installed_program(self) -> str:
        return (self.opt / "current/appliance/program.py").read_text()

    def tree(self) -> dict[str, tuple[object, ...]]:
        """Everything under the root folder: kind, mode, time and content."""
        return {str(path): _fingerprint(path) for path in sorted(self.root.rglob("*"))}

    def keep_a_case(self) -> Path:
        """A database, and a photograph beside it."""
        photo = self.state / "photos/one.webp"
        photo.parent.mkdir(parents=True)
        photo.write_bytes(b"a photograph")
        database = sqlite3.connect(self.state / "cases.sqlite3")
        database.executescript(
            "PRAGMA user_version = 2; CREATE TABLE cases (number INTEGER PRIMARY KEY, code);"
            "INSERT INTO cases (code) VALUES ('A1');"
        )
        database.close()
        return photo

    def schema(self) -> int:
        database = sqlite3.connect(self.state / "cases.sqlite3")
        version: int = database.execute("PRAGMA user_version").fetchone()[0]
        assert database.execute("SELECT code FROM cases").fetchall() == [("A1",)]
        database.close()
        return version


def _fingerprint(path: Path) -> tuple[object, ...]:
    about = path.lstat()
    content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return about.st_mode, about.st_mtime_ns, content


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_check_says_what_it_would_do_and_does_nothing(box: Box) -> None:
    before = box.tree()
    said = box.setup("install", "--check")
    assert box.tree() == before
    assert "would write " in said
    assert "would install the Debian packages python3-venv" in said
    assert "would install this version" in said
    assert f"would write {box.root}/usr/local/bin/dermkiosk" in said
    assert not (box.notes / "packages").exists()
    assert not (box.notes / "users").exists()


def test_one_command_installs_and_starts(box: Box) -> None:
    said = box.setup("install")
    assert "this system has no python3-picamera2" in said
    assert "✓ asked" in said
    assert box.current == "releases/1"
    assert (box.opt / "current/.venv/bin/dermkiosk").exists()
    wanted = box.units / "multi-user.target.wants/dermkiosk.service"
    assert str(wanted.readlink()) == "/etc/systemd/system/dermkiosk.service"
    assert "systemctl start dermkiosk.service" in box.log
    assert not list(box.root.rglob("secrets"))  # each box makes its own
    assert str((box.root / "usr/local/bin/dermkiosk").readlink()) == "/opt/dermkiosk/dermkiosk"


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ("doctor", "runuser -u dermkiosk -- env HOME=/run/dermkiosk {program} doctor"),
        ("recovery-key", "dermkiosk recovery-key"),
    ],
)
def test_the_command_is_the_kiosks_users_but_for_what_root_alone_may_do(box: Box, arguments: str, given: str) -> None:
    box.setup("install")
    subprocess.run([box.opt / "dermkiosk", arguments], env=box.environment, check=True)
    program = box.opt / "current/.venv/bin/dermkiosk"
    assert box.log.splitlines()[-1] == given.format(program=program)


def test_twice_changes_nothing(box: Box) -> None:
    box.setup("install")
    before, started = box.tree(), box.log.count("start dermkiosk.service")
    assert "nothing was changed" in box.setup("install")
    assert box.tree() == before
    assert box.log.count("start dermkiosk.service") == started


def test_what_was_bent_is_put_right(box: Box) -> None:
    box.setup("install")
    before = (box.units / "dermkiosk.service").read_bytes()
    (box.units / "dermkiosk.service").write_text("bent")
    assert "dermkiosk.service" in box.setup("install")
    assert (box.units / "dermkiosk.service").read_bytes() == before


def test_an_attempt_that_was_cut_off_is_begun_again(box: Box) -> None:
    (box.opt / "releases/7/appliance").mkdir(parents=True)
    box.setup("install")
    assert [each.name for each in (box.opt / "releases").iterdir()] == ["1"]


def test_a_desktop_starts_the_browser_itself(box: Box) -> None:
    box.units.mkdir(parents=True)
    (box.units / "display-manager.service").symlink_to("/lib/systemd/system/lightdm.service")
    box.setup("install")
    assert (box.root / "etc/xdg/autostart/dermkiosk-screen.desktop").exists()
    assert not (box.units / "dermkiosk-kiosk.service").exists()
    assert "cage" not in (box.notes / "packages").read_text().split()


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


def test_a_first_installation_that_does_not_start_ends_with_the_doctor(box: Box) -> None:
    box.note("start-fails", "releases/1")
    box.note("doctor-fails")
    assert "does not work yet" in box.setup("install", status=1)
    assert "dermkiosk doctor" in box.log
    assert box.current == "releases/1"


def test_uninstall_leaves_the_data_and_nothing_else(box: Box) -> None:
    box.setup("install")
    photo = box.keep_a_case()
    (box.root / "etc/dermkiosk").mkdir()
    assert "kept: " in box.setup("uninstall")
    left = {path.relative_to(box.root) for path in box.root.rglob("*") if not path.is_dir() or path.is_symlink()}
    assert left == {path.relative_to(box.root) for path in (photo, box.state / "cases.sqlite3")}
    # The standby page first: when it ends, it starts the kiosk.
    stops = [line for line in box.log.splitlines() if "stop" in line][-3:]
    assert stops[:2] == ["systemctl stop dermkiosk-standby.service", "systemctl stop dermkiosk.service"]


def test_uninstall_with_data_leaves_nothing(box: Box) -> None:
    box.setup("install")
    box.keep_a_case()
    box.setup("uninstall", "--with-data")
    assert not box.state.exists()
    assert "userdel dermkiosk\n" in box.log


def test_data_on_a_file_system_of_their_own_go_and_it_stays_mounted(box: Box) -> None:
    """As on an encrypted card: docs/security.md."""
    box.setup("install")
    box.state.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", box.state], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this machine lets nobody mount: {mounted.stderr.strip()}")
    try:
        box.keep_a_case()
        box.setup("uninstall", "--with-data")
        assert box.state.is_mount()
        assert list(box.state.iterdir()) == []
    finally:
        subprocess.run(["umount", box.state], check=True)


@pytest.mark.parametrize(
    "command", [("install", "--now"), ("uninstall", "--all"), ("install", "--offline"), ("bundle",)]
)
def test_what_is_not_understood_changes_nothing(box: Box, command: tuple[str, ...]) -> None:
    before = box.tree()
    box.setup(*command, status=1)
    assert box.tree() == before


# --- offline ---


def _make_bundle(box: Box, folder: Path) -> Path:
    shutil.copytree(box.source, folder / "source")
    (folder / "wheels").mkdir()
    (folder / "wheels/flask-1.whl").write_bytes(b"a wheel")
    _sign(folder)
    return folder


def _sign(folder: Path) -> None:
    files = sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (folder / "MANIFEST.sha256").write_text("".join(lines))


def test_a_folder_installs_without_a_network(box: Box, tmp_path: Path) -> None:
    bundle = _make_bundle(box, tmp_path / "stick")
    box.setup("install", "--offline", bundle)
    assert f"pip 1 {bundle}/wheels: -m pip install" in box.log
    assert "apt-get" not in box.log
    assert box.installed_program() == "version = 1\n"


def test_packages_come_from_the_folder_too(box: Box, tmp_path: Path) -> None:
    bundle = _make_bundle(box, tmp_path / "stick")
    (bundle / "debs").mkdir()
    _make_package(bundle / "debs/chromium.deb")
    (bundle / "MANIFEST.sha256").unlink()
    _sign(bundle)
    box.setup("install", "--offline", bundle)
    line = next(each for each in box.log.splitlines() if each.startswith("apt-get") and " install " in each)
    assert "Dir::Etc::sourceparts=-" in line  # the folder, and no network
    assert line.split("--no-install-recommends ")[1].split()[0] == "python3-venv"


def _make_package(file: Path) -> None:
    control = file.parent / "package/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: chromium\nVersion: 1\nArchitecture: all\nMaintainer: us\nDescription: none\n")
    subprocess.run(["dpkg-deb", "--build", control.parents[1], file], check=True, capture_output=True)
    shutil.rmtree(control.parents[1])


@pytest.mark.parametrize("harm", ["altered", "missing", "added", "no manifest"])
def test_a_folder_that_is_not_whole_installs_nothing(box: Box, tmp_path: Path, harm: str) -> None:
    bundle = _make_bundle(box, tmp_path / "stick")
    wheel = bundle / "wheels/flask-1.whl"
    if harm == "altered":
        wheel.write_bytes(b"another wheel")
    elif harm == "missing":
        wheel.unlink()
    elif harm == "added":
        (bundle / "wheels/more-1.whl").write_bytes(b"more")
    else:
        (bundle / "MANIFEST.sha256").unlink()
    before = box.tree()
    box.setup("install", "--offline", bundle, status=1)
    assert box.tree() == before


def test_a_bundle_holds_what_an_installation_needs_and_proves_it(box: Box, tmp_path: Path) -> None:
    bundle = tmp_path / "stick"
    box.setup("bundle", bundle)
    assert "-m pip download" in box.log
    assert "--require-hashes" in box.log
    assert "chromium" in (bundle / "debs.txt").read_text().split()
    box.setup("install", "--offline", bundle)
    assert box.installed_program() == "version = 1\n"


# --- what differs from box to box ---


def test_each_box_makes_secrets_of_its_own_once(tmp_path: Path) -> None:
    made, keys = [], []
    for name in ("one", "other", "one"):
        environment = os.environ | {"DERMKIOSK_SECRETS": str(tmp_path / name)}
        subprocess.run([ROOT / "systemd/first-boot"], env=environment, check=True)
        made.append(load(tmp_path / name / "hotspot.toml"))
        keys.append(str(RecoveryKey.read(tmp_path / name / "backup-key")))
    assert keys[0] == keys[2] != keys[1]
    assert made[0] == made[2] != made[1]
    assert made[0] is not None
    assert len(made[0].passphrase) == 14
    assert (tmp_path / "one/hotspot.toml").stat().st_mode & 0o777 == 0o640
