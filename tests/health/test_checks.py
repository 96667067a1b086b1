import os
import re
import resource
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from appliance.cases.store import Intake, Store
from appliance.cases.worker import Worker
from appliance.health import backup, camera, database, disk, network, power, repair, tls, worker
from appliance.health.cached import Cached
from appliance.health.result import Result
from appliance.messages import catalogue, text
from appliance.serve import _checks
from appliance.settings import load
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.station import Station
from firmware.synthetic import Fault, SyntheticCamera


def test_the_camera_is_well_when_it_gives_frames_and_not_when_it_is_unplugged() -> None:
    light = SimulatedLight()
    lens = SyntheticCamera(light)
    with Station(lens, light, SimulatedIndicator(), SimulatedButton()) as station:
        assert camera.check(station).ok
        lens.faults.add(Fault.UNPLUG)
        result = camera.check(station)
    assert not result.ok
    assert result.message == "health.camera.fault"
    assert "camera_unplugged" in result.detail


def test_a_camera_that_does_not_answer_is_not_told_to_have_a_loose_cable() -> None:
    light = SimulatedLight()
    lens = SyntheticCamera(light)
    with Station(lens, light, SimulatedIndicator(), SimulatedButton(), 0.2) as station:
        lens.faults.add(Fault.HANG)
        result = camera.check(station)
        lens.faults.clear()
    assert result == Result("camera", ok=False, says="camera_timeout")
    for says in camera.TOLD:
        assert Result("camera", ok=False, says=says).message in catalogue("en")


def test_the_database_is_well_until_it_is_closed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert database.check(store).ok
    store.close()
    assert not database.check(store).ok


def test_a_database_that_can_be_read_but_not_written_is_not_well(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))  # as on a full or read-only card, writes fail
        try:
            waiting, result = store.waiting(), database.check(store)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert waiting == 0
        assert not result.ok
        assert database.check(store).ok


def test_a_worker_that_does_not_come_round_is_said_so(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        queue = Worker(store, lambda *_: ({}, None), lambda *_: {})
        assert not worker.check(queue).ok
        queue.start()
        assert worker.check(queue).ok
        assert queue.stop(5)


FULL_BYTES = disk.NO_PHOTOGRAPHS_BYTES + disk.PHOTOGRAPH_BYTES


@pytest.mark.parametrize(
    ("free", "percent", "ok", "message"),
    [
        (disk.RESERVE_BYTES, 79, True, "ok"),
        (disk.RESERVE_BYTES, 80, True, "filling"),
        (disk.RESERVE_BYTES - 1, 96, False, "fault"),
        (FULL_BYTES, 98, False, "fault"),
        (FULL_BYTES - 1, 99, False, "full"),
        (0, 100, False, "full"),
    ],
)
def test_the_disk_warns_before_it_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, percent: float, ok: bool, message: str
) -> None:
    monkeypatch.setattr(psutil, "disk_usage", lambda _: SimpleNamespace(free=free, percent=percent))
    result = disk.check(tmp_path)
    assert (result.ok, result.message) == (ok, f"health.disk.{message}")
    assert result.notice is (message != "ok")
    assert text("en", str(result.reading), **result.values) == f"{percent} % used"


def _accepted(store: Store, seed: int) -> None:
    pixels = np.full((32, 32, 3), seed, np.uint8)
    store.accept(Intake(pixels, str(seed), "phone_camera", "forearm", True, None, True))


def test_a_backup_is_asked_for_while_cases_are_in_none(tmp_path: Path) -> None:
    worked_s = 0.0
    with Store(tmp_path, ticks=lambda: worked_s) as store:
        assert backup.check(store).message == "health.backup.nothing"
        _accepted(store, 1)
        never = backup.check(store)
        assert (never.ok, never.message, never.notice) == (True, "health.backup.never", False)
        assert text("zh", str(never.reading), **never.values) == "0 天"
        worked_s = backup.DAYS * 86400
        never = backup.check(store)
        assert (never.ok, never.message, never.notice) == (False, "health.backup.never", True)
        store.answer(store.cases()[0], {}, None)
        store.ledger.begin()
        store.ledger.note_backed_up([1], 1)
        assert backup.check(store).message == "health.backup.ok"
        _accepted(store, 2)
        assert backup.check(store).message == "health.backup.ok"
        worked_s *= 2
        old = backup.check(store)
        assert (old.ok, old.message, old.notice) == (False, "health.backup.old", True)
        assert text("en", str(old.reading), **old.values) == f"Days: {backup.DAYS}"


@pytest.mark.parametrize(
    ("numbers", "ok", "message"),
    [((2, 0, 0), True, "whole"), ((0, 3, 0), False, "unlinked"), ((0, 3, 1), False, "missing")],
)
def test_a_repair_is_said_until_somebody_has_read_it(
    tmp_path: Path, numbers: tuple[int, int, int], ok: bool, message: str
) -> None:
    with Store(tmp_path) as store:
        assert repair.check(store).ok
        with store._database.transaction() as connection:
            query = "INSERT INTO repairs (at, clock, regained, unlinked, missing) VALUES ('', 'synced', ?, ?, ?)"
            connection.execute(query, numbers)
        result = repair.check(store)
        assert (result.ok, result.message, result.notice) == (ok, f"health.repair.{message}", True)
        said = text("en", str(result.reading), **result.values)
        assert re.findall(r"\d+", said) == [str(number) for number in numbers]
        store.ledger.repair_seen()
        assert repair.check(store) == Result("repair", ok=True)


def _interfaces(monkeypatch: pytest.MonkeyPatch, **addresses: str) -> None:
    entries = {name: [SimpleNamespace(family=socket.AF_INET, address=each)] for name, each in addresses.items()}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: entries)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: {n: SimpleNamespace(isup=n != "down0") for n in entries})


def test_says_when_there_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    _interfaces(monkeypatch, lo="127.0.0.1")
    assert not network.check(None).ok
    assert network.check("192.168.1.2").ok


# --- asked once for many ---


def test_a_result_counts_for_a_while_and_no_longer() -> None:
    now_s, asked = 0.0, 0

    def check() -> Result:
        nonlocal asked
        asked += 1
        return Result("camera", ok=asked == 1)

    cached = Cached(check, 5, lambda: now_s)
    answers = [cached().ok]
    now_s = 4.9
    answers.append(cached().ok)
    assert (answers, asked) == ([True, True], 1)
    now_s = 5.0
    assert [cached().ok, cached().ok] == [False, False]
    assert asked == 2


def test_why_something_is_not_well_is_logged_when_it_begins_and_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    given = [
        Result("tls", ok=True),
        Result("tls", ok=False, detail="refused"),
        Result("tls", ok=False, detail="refused"),
        Result("tls", ok=True),
        Result("tls", ok=False, detail="timed out"),
    ]
    cached = Cached(lambda: given.pop(0), 0, lambda: 0.0)
    while given:
        cached()
    assert [record.getMessage() for record in caplog.records] == [
        "health.tls.fault (refused)",
        "health.tls.fault (timed out)",
    ]


def test_while_one_asks_a_dead_device_the_others_get_the_last_result() -> None:
    asking, go_on = threading.Event(), threading.Event()
    asked: list[int] = []

    def check() -> Result:
        asked.append(1)
        if len(asked) > 1:
            asking.set()
            go_on.wait(60)
        return Result("camera", ok=len(asked) == 1)

    cached = Cached(check, 0, lambda: 0.0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cached)
        assert asking.wait(60)
        others = [cached().ok for _ in range(5)]
        go_on.set()
        assert not first.result(60).ok
    assert others == [True] * 5
    assert len(asked) == 2


def test_a_check_that_raises_is_asked_again() -> None:
    asked: list[int] = []

    def check() -> Result:
        asked.append(1)
        if len(asked) == 2:
            raise OSError
        return Result("disk", ok=True)

    cached = Cached(check, 0, lambda: 0.0)
    with pytest.raises(OSError):  # noqa: PT011  # the one it raised
        cached()
    assert cached().ok


def test_the_box_asks_camera_and_database_once_for_many_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for module in (camera, database):
        real = module.check
        monkeypatch.setattr(module, "check", lambda thing, real=real: asked.append(real.__module__) or real(thing))
    light = SimulatedLight()
    station = Station(SyntheticCamera(light), light, SimulatedIndicator(), SimulatedButton())
    with station, Store(tmp_path / "state") as store:
        queue = Worker(store, lambda *_: ({}, None), lambda *_: {})
        run = _checks(load(state=tmp_path / "state"), station, store, queue)
        names = {tuple(result.id for result in run()) for _ in range(10)}
    assert names == {
        ("camera", "database", "worker", "disk", "network", "calibration", "power", "tls", "setup", "backup", "repair")
    }
    assert sorted(asked) == ["appliance.health.camera", "appliance.health.database"]


def test_every_check_has_its_sentences() -> None:
    for name in ("model", "camera", "database", "worker", "disk", "network"):
        assert f"health.{name}.ok" in catalogue("zh")
        assert name == "model" or f"health.{name}.fault" in catalogue("zh")


# --- power: a stand-in for the firmware's own program, which no other machine has ---


@pytest.fixture
def firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A ``vcgencmd`` on the path that gives these answers to ``get_throttled`` and ``measure_temp``."""

    def answers(throttled: str, temperature: str) -> None:
        program = tmp_path / "vcgencmd"
        program.write_text(
            f"#!/bin/sh\ncase $1 in get_throttled) {throttled} ;; measure_temp) {temperature} ;; *) exit 1 ;; esac\n"
        )
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return answers


@pytest.mark.parametrize(
    ("flags", "celsius", "ok", "says"),
    [
        ("0x0", "48.3", True, None),
        ("0x50005", "55.0", False, "undervoltage"),
        ("0x50000", "55.0", True, "undervoltage_before"),
        ("0xe0000", "55.0", True, None),
        ("0x80008", "60.2", False, "slowed"),
        ("0x20002", "82.0", False, "slowed"),
        ("0x4", "85.0", False, "slowed"),
        ("0x0", "60.0", True, "warm"),
    ],
)
def test_the_firmware_is_asked_for_power_and_temperature(
    firmware: Callable[[str, str], None], flags: str, celsius: str, ok: bool, says: str | None
) -> None:
    firmware(f"echo throttled={flags}", f"""echo "temp={celsius}'C" """)
    result = power.check()
    assert (result.ok, result.says) == (ok, says)
    assert text("en", str(result.reading), **result.values) == f"{float(celsius):.0f} °C"
    assert result.message in catalogue("en")


@pytest.mark.parametrize(
    ("throttled", "temperature"),
    [
        ("exit 255", "exit 255"),
        ("echo VCHI initialization failed", "echo temp=40"),
        ("echo throttled=0x0", "exit 1"),
        ("exec sleep 30", "exit 0"),
    ],
)
def test_a_firmware_that_says_nothing_useful_is_said_so_and_is_no_fault_of_the_power(
    firmware: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, throttled: str, temperature: str
) -> None:
    monkeypatch.setattr(power, "TIMEOUT_S", 0.5)
    firmware(throttled, temperature)
    result = power.check()
    assert result == Result("power", ok=True, says="unmeasured")
    assert "vcgencmd" in result.detail
    assert result.message in catalogue("en")


def test_another_machine_has_no_such_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert power.check().message == "health.power.unknown"
    assert "health.power.unknown" in catalogue("zh")


def test_tls_that_is_wanted_and_not_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert tls.check(True, port) == Result("tls", ok=True)
    for result in (tls.check(True, port), tls.check(False, port)):
        assert result.ok == (result.says == "off")
        assert result.message in catalogue("zh")
