"""The box's own Wi-Fi: when it is made, and what a phone gets there. NetworkManager is a stand-in, dnsmasq is real."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance import hotspot, lan

HOTSPOT = Path(__file__).parents[2] / "systemd/hotspot.py"
PHONE = Path(__file__).with_name("phone_on_hotspot.py")
NMCLI = """#!/bin/sh
echo "$*" >>"$NOTES/log"
case "$*" in
  *"DEVICE,TYPE,STATE device") cat "$NOTES/devices" ;;
  "radio wifi") cat "$NOTES/radio" ;;
  *"TYPE,NAME connection") cat "$NOTES/connections" ;;
  *"connection up"*) [ ! -e "$NOTES/up-fails" ] || { echo "Error: no channel" >&2; exit 4; } ;;
esac
"""
NAMESPACES = """set -eu
ip link add wlan0 type veth peer name phone0
ip address add 10.42.0.1/24 dev wlan0
ip link set wlan0 up
unshare -n sleep 60 & phone=$!
dnsmasq --keep-in-foreground --user=root --group=root --log-facility=- --conf-file="$1" 2>/dev/null & server=$!
trap 'kill $phone $server' EXIT
until [ -e "$2" ] && [ "$(readlink /proc/$phone/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.2; done
ip link set phone0 netns $phone
nsenter -t $phone -n "$3" "$4" phone0 \\
  dermkiosk-x7k2 dermkiosk-x7k2.local captive.apple.com connectivitycheck.gstatic.com
"""


@dataclass
class Box:
    """A folder for settings and secrets, and the stand-in's notes."""

    folder: Path

    @property
    def profile(self) -> Path:
        return self.folder / "profiles/dermkiosk-hotspot.nmconnection"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "NOTES": str(self.folder),
            "RUNTIME_DIRECTORY": str(self.folder),
            "DERMKIOSK_SETTINGS": str(self.folder / "settings.toml"),
            "DERMKIOSK_SECRETS": str(self.folder),
            "DERMKIOSK_PROFILES": str(self.folder / "profiles"),
            "DERMKIOSK_PATIENCE_S": "0",
        }
        return subprocess.run(
            [sys.executable, str(HOTSPOT), command], env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """One with a Wi-Fi that nobody has set up; ``wlan1`` is another program's."""
    for name, text in (
        ("nmcli", NMCLI),
        ("devices", "eth0:ethernet:connected\nwlan0:wifi:disconnected\np2p-dev-wlan0:wifi-p2p:disconnected\n"),
        ("radio", "enabled\n"),
        ("connections", "802-3-ethernet:Wired connection 1\n802-11-wireless:dermkiosk-hotspot\n"),
        ("hotspot.toml", 'ssid = "dermkiosk-x7k2"\npassphrase = "abcdefgh234567"\n'),
    ):
        (tmp_path / name).write_text(text)
    for name in ("nmcli", "dnsmasq") if shutil.which("dnsmasq") is None else ("nmcli",):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o755)
    return Box(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("settings.toml", "", None),
        ("settings.toml", 'network = "system"', "network ="),
        ("settings.toml", "network = ", "cannot be read"),
        ("connections", "802-11-wireless:clinic\n", "the Wi-Fi clinic"),
        ("devices", "eth0:ethernet:connected\nwlan0:wifi:unmanaged\n", "no Wi-Fi"),
        ("radio", "disabled\n", "country"),
        ("hotspot.toml", 'ssid = "a\\n[ipv4]"\npassphrase = "abcdefgh234567"', "not what the first start makes"),
        ("hotspot.toml", "", "not what the first start makes"),
    ],
)
def test_it_is_made_where_nobody_set_up_another_wifi(box: Box, file: str, text: str, reason: str | None) -> None:
    (box.folder / file).write_text(text)
    said = box.run("wanted")
    assert said.returncode == (0 if reason is None else 1)
    assert (reason or "") in said.stdout


def test_asked_for_it_comes_before_another_wifi(box: Box) -> None:
    (box.folder / "connections").write_text("802-11-wireless:clinic\n")
    (box.folder / "settings.toml").write_text('network = "hotspot"')
    assert box.run("wanted").returncode == 0


def test_up_brings_up_what_the_kiosks_page_shows_and_only_root_reads_it(box: Box) -> None:
    assert box.run("up").returncode == 0
    assert box.profile.stat().st_mode & 0o777 == 0o600
    lines = box.profile.read_text().splitlines()
    known = hotspot.load(box.folder / "hotspot.toml")
    assert known is not None
    assert {f"ssid={known.ssid}", f"psk={known.passphrase}", f"address1={lan.HOTSPOT}/24", "mode=ap"} <= set(lines)
    assert f"connection load {box.profile}" in box.log
    assert "connection up dermkiosk-hotspot" in box.log
    assert known.passphrase not in box.log
    assert known.passphrase not in (box.folder / "dnsmasq.conf").read_text()
    assert box.run("down").returncode == 0
    assert not box.profile.exists()


def test_what_networkmanager_cannot_do_is_said(box: Box) -> None:
    (box.folder / "up-fails").touch()
    said = box.run("up")
    assert said.returncode == 1
    assert "no channel" in said.stdout


@pytest.mark.skipif(shutil.which("nmcli") is None, reason="there is no NetworkManager here")
def test_networkmanager_understands_the_profile(box: Box) -> None:
    box.run("up")
    command = ["nmcli", "--offline", "connection", "modify", "connection.zone", ""]
    understood = subprocess.run(
        command, input=box.profile.read_text(), capture_output=True, text=True, check=False, env={"PATH": "/usr/bin"}
    )
    assert understood.stderr == ""
    for line in ("mode=ap", "ap-isolation=1", "never-default=true", "psk=abcdefgh234567", "proto=rsn;"):
        assert line in understood.stdout


def _may_make_namespaces() -> bool:
    tools = all(shutil.which(each) for each in ("dnsmasq", "ip", "nsenter", "unshare"))
    command = ["unshare", "-n", "ip", "link", "add", "wlan0", "type", "veth", "peer", "name", "phone0"]
    return tools and subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not _may_make_namespaces(), reason="no dnsmasq here, or no network namespaces")
def test_a_phone_gets_an_address_and_the_boxs_name_and_no_way_out(box: Box) -> None:
    box.run("up")
    settings, leases = box.folder / "dnsmasq.conf", box.folder / "leases"
    settings.write_text(settings.read_text().replace("/run/dermkiosk-dhcp/leases", str(leases)))
    arguments = [str(each) for each in (settings, leases, sys.executable, PHONE)]
    ended = subprocess.run(
        ["unshare", "-n", "sh", "-c", NAMESPACES, "sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert ended.returncode == 0, ended.stderr
    phone = json.loads(ended.stdout)
    assert phone["address"].startswith("10.42.0.")
    assert not phone["router"]
    assert phone["server"] == lan.HOTSPOT
    refused = "code 5"
    assert phone["names"] == {
        "dermkiosk-x7k2": lan.HOTSPOT,
        "dermkiosk-x7k2.local": lan.HOTSPOT,
        "captive.apple.com": refused,
        "connectivitycheck.gstatic.com": refused,
    }
