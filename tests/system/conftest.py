"""A box that is installed: a root folder of its own, and stand-ins for the system's programs, which take notes."""

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

ROOT = Path(__file__).parents[2]
HEARING_SIGNALS = ("/usr/bin/env", "--default-signal")
"""Under nohup or as a script's background job the tests ignore some, and so would what they start."""
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
        command = [*HEARING_SIGNALS, str(self.source / "setup.sh"), "install"]
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
        command = [*HEARING_SIGNALS, "setsid", "--ctty", str(self.source / "setup.sh"), "install"]
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
