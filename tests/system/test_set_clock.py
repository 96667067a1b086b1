"""The helper that sets the clock, as systemd starts it: the real program, whose one call to the kernel goes nowhere."""

import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.errors import ClockImplausible, ClockUnsettable
from appliance.set_clock import set_clock

HELPER = Path(__file__).parents[2] / "systemd/set_clock.py"
NOWHERE = ["strace", "-qq", "-e", "trace=clock_settime", "-e", "inject=clock_settime:retval=0"]


def _injects() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*NOWHERE, "true"], check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _injects(), reason="there is no strace here, or it may not trace")


class Helper:
    """Listens as dermkiosk-clock.socket does, and starts the helper for each connection."""

    def __init__(self, folder: Path) -> None:
        self.socket, self.folder, self.trace = folder / "clock.sock", folder, folder / "trace"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                command = [*NOWHERE, "-o", str(self.trace), sys.executable, "-I", str(HELPER)]
                environment = {"RUNTIME_DIRECTORY": str(self.folder)}
                subprocess.run(command, stdin=line, stdout=line, env=environment, check=False)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def mark(self) -> Path:
        return self.folder / "set"


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Helper]:
    opened = Helper(tmp_path)
    yield opened
    opened.close()


def test_a_time_that_can_be_right_is_set_and_leaves_the_mark(helper: Helper) -> None:
    set_clock(datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC), helper.socket)
    seconds = int(datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC).timestamp())
    assert f"clock_settime(CLOCK_REALTIME, {{tv_sec={seconds}, tv_nsec=0}}" in helper.trace.read_text()
    assert helper.mark.exists()


@pytest.mark.parametrize("year", [1970, 2024, 2045, 9999])
def test_a_time_that_cannot_be_right_is_refused(helper: Helper, year: int) -> None:
    with pytest.raises(ClockImplausible):
        set_clock(datetime(year, 1, 1, tzinfo=UTC), helper.socket)
    assert "clock_settime" not in helper.trace.read_text()
    assert not helper.mark.exists()


@pytest.mark.parametrize(
    "said", [b"", b"\n", b"-1\n", b"1e9\n", b"1900000000;id\n", b"9" * 5000, b"\xff\xfe\n", b"\xd9\xa1\n"]
)
def test_the_helper_understands_nothing_but_a_time(helper: Helper, said: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(helper.socket))
        line.sendall(said)
        line.shutdown(socket.SHUT_WR)
        try:
            answer = line.recv(100)
        except ConnectionResetError:  # it did not read to the end
            answer = b""
    assert answer.strip() in (b"refused", b"")
    assert "clock_settime" not in helper.trace.read_text()


def test_without_a_helper_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClockUnsettable):
        set_clock(datetime(2031, 1, 1, tzinfo=UTC), tmp_path / "nobody.sock")
