import socket
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from appliance import lan
from appliance.cases.store import Store
from appliance.cases.worker import Worker
from appliance.health import camera, database, disk, network, worker
from appliance.messages import catalogue
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


def test_the_database_is_well_until_it_is_closed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert database.check(store).ok
    store.close()
    assert not database.check(store).ok


def test_a_worker_that_does_not_come_round_is_said_so(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        queue = Worker(store, lambda *_: ({}, None), lambda *_: {})
        assert not worker.check(queue).ok
        queue.start()
        assert worker.check(queue).ok
        assert queue.stop(5)


@pytest.mark.parametrize(("free", "ok"), [(disk.RESERVE_BYTES, True), (disk.RESERVE_BYTES - 1, False)])
def test_the_disk_needs_its_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, ok: bool) -> None:
    monkeypatch.setattr(psutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert disk.check(tmp_path).ok is ok


def _interfaces(monkeypatch: pytest.MonkeyPatch, **addresses: str) -> None:
    entries = {name: [SimpleNamespace(family=socket.AF_INET, address=each)] for name, each in addresses.items()}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: entries)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: {n: SimpleNamespace(isup=n != "down0") for n in entries})


def test_finds_the_address_phones_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    _interfaces(monkeypatch, lo="127.0.0.1", eth0="169.254.1.1", tun0="8.8.8.8", down0="10.0.0.9", wlan0="192.168.7.1")
    assert lan.address(None) == "192.168.7.1"
    assert lan.address("10.1.1.1") == "10.1.1.1"


def test_says_when_there_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    _interfaces(monkeypatch, lo="127.0.0.1")
    assert not network.check(None).ok
    assert network.check("192.168.1.2").ok


def test_every_check_has_its_sentences() -> None:
    for name in ("model", "camera", "database", "worker", "disk", "network"):
        assert f"health.{name}.ok" in catalogue("zh")
        assert name == "model" or f"health.{name}.fault" in catalogue("zh")
