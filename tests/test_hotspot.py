"""The box's own Wi-Fi, as the kiosk's page shows it."""

import socket
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from appliance import hotspot, lan


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "hotspot.toml"
    made.write_text('ssid = "dermkiosk-x7k2"\npassphrase = "abcdefgh234567"\n')
    return made


def test_a_phone_can_join_with_what_is_shown_and_no_log_gets_the_passphrase(file: Path) -> None:
    known = hotspot.load(file)
    assert known is not None
    assert known.wifi == "WIFI:T:WPA;S:dermkiosk-x7k2;P:abcdefgh234567;;"
    assert known.passphrase not in repr(known)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssid = ",
        'ssid = "dermkiosk-x7k2"',
        'ssid = "dermkiosk-x7k2"\npassphrase = "short"',
        'ssid = "a;b"\npassphrase = "abcdefgh234567"',
    ],
)
def test_a_file_that_is_not_what_the_first_start_makes_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "hotspot.toml").write_text(text)
    assert hotspot.load(tmp_path / "hotspot.toml") is None
    assert hotspot.load(tmp_path / "missing.toml") is None


def test_the_name_is_shown_only_while_the_network_is_told_it(file: Path, tmp_path: Path) -> None:
    assert hotspot.name(file, tmp_path) == "dermkiosk-x7k2.local"
    assert hotspot.name(file, tmp_path / "missing") is None


@pytest.mark.parametrize("address", [lan.HOTSPOT, "192.168.1.9"])
def test_the_wifi_is_offered_only_where_it_is_up(file: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    entry = SimpleNamespace(family=socket.AF_INET, address=address)
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"wlan0": [entry]})
    monkeypatch.setattr(psutil, "net_if_stats", lambda: {"wlan0": SimpleNamespace(isup=True)})
    assert (hotspot.joinable(file) is not None) == (address == lan.HOTSPOT)
