"""Which of a machine's addresses the phones are told."""

import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from appliance import lan

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """A machine with these interfaces; those named in ``physical`` have a device, ``down0`` is down."""

    def build(physical: tuple[str, ...] = (), **addresses: str) -> None:
        entries = {name: [SimpleNamespace(family=socket.AF_INET, address=each)] for name, each in addresses.items()}
        monkeypatch.setattr(psutil, "net_if_addrs", lambda: entries)
        monkeypatch.setattr(psutil, "net_if_stats", lambda: {n: SimpleNamespace(isup=n != "down0") for n in entries})
        monkeypatch.setattr(lan, "INTERFACES", tmp_path)
        for name in physical:
            (tmp_path / name / "device").mkdir(parents=True)

    return build


def test_private_ranges_come_first_and_what_is_down_or_local_does_not_count(machine: Machine) -> None:
    machine(lo="127.0.0.1", eth0="169.254.1.1", ppp0="8.8.8.8", down0="10.0.0.9", wlan0="192.168.7.1")
    assert lan.address(None) == "192.168.7.1"


def test_an_address_given_is_not_doubted(machine: Machine) -> None:
    machine(wlan0="192.168.7.1")
    assert lan.address("10.1.1.1") == "10.1.1.1"


def test_a_containers_bridge_does_not_hide_the_wifi(machine: Machine) -> None:
    addresses = {"br-4f2a": "172.18.0.1", "docker0": "172.17.0.1", "tun0": "10.8.0.2", "wlan0": "192.168.7.1"}
    machine(("wlan0",), **addresses)
    assert lan.address(None) == "192.168.7.1"


def test_a_real_interface_counts_even_with_a_public_address(machine: Machine) -> None:
    machine(("eth0",), docker0="172.17.0.1", eth0="198.51.100.7")
    assert lan.address(None) == "198.51.100.7"


def test_a_virtual_interface_is_better_than_none(machine: Machine) -> None:
    machine(("eth0",), br0="192.168.3.1", eth0="169.254.1.1")
    assert lan.address(None) == "192.168.3.1"


def test_no_network_is_no_address(machine: Machine) -> None:
    machine(("down0",), lo="127.0.0.1", down0="10.0.0.9")
    assert lan.address(None) is None


def test_the_boxs_own_wifi_comes_before_a_cable(machine: Machine) -> None:
    machine(("eth0", "wlan0"), eth0="192.168.3.1", wlan0=lan.HOTSPOT)
    assert lan.address(None) == lan.HOTSPOT
