"""What systemd hears, on a real datagram socket."""

import json
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.cases.database import BUSY_S
from appliance.cases.document import Document
from appliance.cases.store import Intake, Store
from appliance.cases.worker import Worker
from appliance.errors import PortTaken
from appliance.health import worker as worker_health
from appliance.heartbeat import (
    DEFAULT_INTERVAL_S,
    LAST_WORDS,
    SHARE,
    Heartbeat,
    interval_s,
    last_words,
    notify,
    proof_of_life,
)
from appliance.vision.photo import Pixels
from firmware.calls import DriverCalls
from firmware.frames import FRAME_TIMEOUT_S, STALE_TRIES
from firmware.recovery import LONGEST_PAUSE_S, RecoveringCamera
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.station import Station
from firmware.synthetic import Fault, SyntheticCamera

SERVE = [str(Path(sys.executable).with_name("dermkiosk")), "serve", "--kiosk-port", "0", "--lan-port", "0"]
SIMULATED = ["--camera", "synthetic", "--light", "simulated", "--button", "simulated", "--indicator", "simulated"]
WAIT_S = 60.0
BEATS_S = 0.05
SILENCE_S = 1.0
"""Twenty beats: who says nothing for so long has stopped."""


class Manager:
    """Listens as systemd does."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)

    def hear(self, timeout_s: float = WAIT_S) -> str | None:
        if not select.select([self.socket], [], [], timeout_s)[0]:
            return None
        return self.socket.recv(4096).decode()

    def hear_until(self, wanted: str) -> list[str]:
        heard: list[str] = []
        while not heard or wanted not in heard[-1]:
            said = self.hear()
            assert said is not None, f"{wanted} was not said, only {heard}"
            heard.append(said)
        return heard


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    listening = Manager(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    yield listening
    listening.socket.close()


def test_says_all_lines_in_one_datagram(manager: Manager) -> None:
    notify("READY=1", "STATUS=well")
    assert manager.hear() == "READY=1\nSTATUS=well"


def test_an_abstract_socket_hears_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    listening = Manager("\0dermkiosk-test-notify")
    monkeypatch.setenv("NOTIFY_SOCKET", "@dermkiosk-test-notify")
    notify("READY=1")
    assert listening.hear() == "READY=1"
    listening.socket.close()


def test_a_manager_that_is_gone_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("WATCHDOG=1")
    back = Manager(str(tmp_path / "nobody"))
    notify("STATUS=still here")
    assert back.hear() == "STATUS=still here"
    back.socket.close()


def test_without_a_manager_nothing_is_said(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("WATCHDOG=1")
    assert manager.hear(SILENCE_S) is None


@pytest.mark.parametrize(
    ("given", "expected"), [("60000000", 20.0), ("", DEFAULT_INTERVAL_S), ("0", DEFAULT_INTERVAL_S)]
)
def test_beats_three_times_within_systemds_patience(
    monkeypatch: pytest.MonkeyPatch, given: str, expected: float
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", given)
    assert interval_s() == expected


def test_beats_while_nothing_is_wrong_and_no_longer(manager: Manager) -> None:
    wrong: list[str] = []
    with Heartbeat(lambda: wrong[0] if wrong else None, BEATS_S):
        assert manager.hear() == "READY=1\nWATCHDOG=1"
        assert manager.hear() == "WATCHDOG=1"
        wrong.append("health.worker.fault")
        manager.hear_until("STATUS=No photograph could be answered")
        after = [manager.hear(), manager.hear()]
    assert all(said is not None and "WATCHDOG" not in said for said in after)


def test_a_look_that_never_returns_is_followed_by_silence(manager: Manager) -> None:
    go_on = threading.Event()

    def look() -> str | None:
        go_on.wait(WAIT_S)
        return None

    with Heartbeat(look, BEATS_S):
        assert manager.hear() == "READY=1\nWATCHDOG=1"
        assert manager.hear(SILENCE_S) is None
        go_on.set()
        assert manager.hear() == "WATCHDOG=1"


def test_while_the_box_ends_in_good_order_it_beats_on(manager: Manager) -> None:
    with Heartbeat(lambda: "health.worker.fault", BEATS_S) as heart:
        manager.hear_until("STATUS=")
        heart.stopping()
        manager.hear_until("STOPPING=1")
        assert manager.hear_until("WATCHDOG=1")[-1] == "WATCHDOG=1"


# --- the looks, on the real parts ---


class Parts:
    """A station, a store and a worker, whose answer can be held up."""

    def __init__(self, folder: Path) -> None:
        light = SimulatedLight()
        self.lens = SyntheticCamera(light)
        self.station = Station(self.lens, light, SimulatedIndicator(), SimulatedButton())
        self.store = Store(folder)
        self.go_on = threading.Event()
        self.worker = Worker(self.store, self._answer, lambda *_: {})

    def _answer(self, *_: object) -> tuple[Document, None]:
        self.go_on.wait(WAIT_S)
        return {}, None

    def look(self) -> str | None:
        return proof_of_life(self.station, self.store, self.worker)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = Parts(tmp_path / "state")
    with made.station:
        made.worker.start()
        yield made
        made.go_on.set()
        assert made.worker.stop(WAIT_S)
        made.store.close()


def test_a_box_at_rest_lives(parts: Parts) -> None:
    before = parts.store._database.rows("SELECT beats FROM heartbeat")[0][0]
    assert parts.look() is None
    assert parts.store._database.rows("SELECT beats FROM heartbeat")[0][0] == before + 1


def test_a_photograph_that_never_ends_ends_the_beats(
    parts: Parts, manager: Manager, skin: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_health, "LIMIT_S", 3.0)  # three rounds of a worker at rest
    with Heartbeat(parts.look, BEATS_S):
        manager.hear_until("\nWATCHDOG=1")
        manager.hear_until("WATCHDOG=1")
        parts.store.accept(Intake(skin, "0" * 64, "file", "forearm", True, None, True))
        parts.worker.wake()
        manager.hear_until("STATUS=No photograph could be answered")
        after = [manager.hear(), manager.hear()]
        parts.go_on.set()
        manager.hear_until("WATCHDOG=1")
    assert all(said is not None and "WATCHDOG" not in said for said in after)


def test_an_unplugged_camera_is_no_reason_to_end(parts: Parts) -> None:
    parts.lens.faults.add(Fault.UNPLUG)
    assert parts.look() is None


def test_a_card_that_takes_no_writes_is_no_reason_to_end(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_health, "LIMIT_S", 0.0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        seen = parts.look()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert seen is None
    assert parts.look() == "health.worker.fault"


def test_no_beat_waits_while_a_lost_camera_is_opened_again(tmp_path: Path) -> None:
    now, opening, go_on = SimpleNamespace(s=0.0), threading.Event(), threading.Event()
    light = SimulatedLight()
    lenses = [SyntheticCamera(light)]

    def open_lens(_calls: DriverCalls) -> SyntheticCamera:
        if len(lenses) == 1:
            return lenses.pop()
        opening.set()
        go_on.wait(WAIT_S)
        return SyntheticCamera(light)

    lenses[0].faults.add(Fault.UNPLUG)
    with (
        Station(RecoveringCamera(open_lens, lambda: now.s), light, SimulatedIndicator(), SimulatedButton()) as station,
        Store(tmp_path / "state") as store,
    ):
        queue = Worker(store, lambda *_: ({}, None), lambda *_: {})
        queue.start()
        assert proof_of_life(station, store, queue) is None
        now.s += LONGEST_PAUSE_S
        assert proof_of_life(station, store, queue) is None  # at once, or this test never ends
        assert opening.wait(WAIT_S)
        go_on.set()
        while station.lost:
            time.sleep(0.02)
        assert queue.stop(WAIT_S)


def test_the_looks_and_the_pause_between_them_fit_into_systemds_patience(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = (Path(__file__).parents[2] / "systemd/units/dermkiosk.service").read_text()
    patience_s = float(unit.split("WatchdogSec=")[1].split()[0])
    waited: list[float] = []

    class Taken:
        """A lock that somebody else has for ever."""

        def acquire(self, timeout: float) -> bool:
            waited.append(timeout)
            return False

    monkeypatch.setattr(parts.station, "_camera_lock", Taken())
    monkeypatch.setattr(parts.store._database, "_lock", Taken())
    assert parts.look() is None
    monkeypatch.undo()
    looks_s = sum(waited) + STALE_TRIES * FRAME_TIMEOUT_S + BUSY_S  # SQLite waits for another program after the lock
    assert len(waited) == 2
    assert patience_s / SHARE + looks_s < patience_s


# --- last words ---


def test_what_ends_the_program_is_kept_for_the_standby_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with pytest.raises(PortTaken), last_words():
        raise PortTaken("secret detail", port=8000)
    said = json.loads((tmp_path / LAST_WORDS).read_text())
    assert said["key"] == "port_taken"
    assert "8000" in said["zh"]["sentence"]
    assert said["en"]["remedy"]
    assert "secret" not in json.dumps(said)


def test_a_fault_of_ours_has_last_words_too_and_a_good_end_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with pytest.raises(ZeroDivisionError), last_words():
        raise ZeroDivisionError
    assert json.loads((tmp_path / LAST_WORDS).read_text())["key"] == "internal"
    with last_words():
        pass
    assert not (tmp_path / LAST_WORDS).exists()


# --- the program itself ---


def test_the_kiosk_says_when_it_is_ready_that_it_lives_and_that_it_ends(
    tmp_path: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "600000")
    command = [*SERVE, *SIMULATED, "--state", str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert manager.hear() == "READY=1\nWATCHDOG=1"
            assert manager.hear() == "WATCHDOG=1"
            process.send_signal(signal.SIGTERM)
            manager.hear_until("STOPPING=1")
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()


def test_wrong_settings_are_the_last_words_of_the_kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("threads = 0\n")
    monkeypatch.setenv("DERMKIOSK_SETTINGS", str(settings))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    assert subprocess.run(SERVE, capture_output=True, check=False).returncode == 1
    assert json.loads((tmp_path / LAST_WORDS).read_text())["key"] == "settings_invalid"
