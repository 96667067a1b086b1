#!/usr/bin/python3 -I
"""The box's own Wi-Fi, where the settings ask for it. Started by dermkiosk-hotspot.service, before dnsmasq.

hotspot.py wanted  exit status 0 where the box should make one, else 1, and says why
hotspot.py up      writes NetworkManager's profile and dnsmasq's settings, and brings the hotspot up
hotspot.py down    takes it down and the profile away

No way leads from it to anywhere else: no route is offered, nothing is forwarded, no name is known but the box's own.
So a phone on it keeps its mobile network for everything else.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

SETTINGS = Path(os.environ.get("DERMKIOSK_SETTINGS", "/etc/dermkiosk/settings.toml"))
SECRETS = Path(os.environ.get("DERMKIOSK_SECRETS", "/etc/dermkiosk/secrets")) / "hotspot.toml"
PROFILES = Path(os.environ.get("DERMKIOSK_PROFILES", "/run/NetworkManager/system-connections"))
"""Those that are gone after the machine stops: the passphrase is kept in one place alone."""
RUNTIME = Path(os.environ.get("RUNTIME_DIRECTORY", "/run/dermkiosk-hotspot"))
FORMS = {"ssid": r"[A-Za-z0-9-]{1,32}", "passphrase": r"[A-Za-z0-9]{8,63}"}
NAME = "dermkiosk-hotspot"
ADDRESS = "10.42.0.1"
"""The same as in appliance/lan.py."""
LIMIT_S = 60
PATIENCE_S = float(os.environ.get("DERMKIOSK_PATIENCE_S", "20"))
"""For a Wi-Fi that comes late after a start."""
UUID = "0a4e7a5c-6f0e-4d53-9d7e-6465726d6b69"
PROFILE = """# Written by dermkiosk at each start; changes are lost.
[connection]
id={name}
uuid={uuid}
type=wifi
interface-name={device}
autoconnect=true
autoconnect-retries=0

[wifi]
mode=ap
ssid={ssid}
band=bg
ap-isolation=1

[wifi-security]
key-mgmt=wpa-psk
proto=rsn;
pairwise=ccmp;
group=ccmp;
pmf=1
psk={passphrase}

[ipv4]
method=manual
address1={address}/24
never-default=true

[ipv6]
method=disabled
"""
DNSMASQ = """# Addresses for phones, and the box's name. No router and no other name: there is no internet here.
interface={device}
bind-dynamic
except-interface=lo
port=53
no-resolv
no-hosts
no-poll
domain-needed
host-record={host},{address}
host-record={host}.local,{address}
local=//
dhcp-authoritative
dhcp-range=10.42.0.20,10.42.0.250,255.255.255.0,12h
dhcp-option=option:router
dhcp-lease-max=200
dhcp-leasefile=/run/dermkiosk-dhcp/leases
quiet-dhcp
"""


class Unwanted(Exception):
    """Why the box makes no hotspot; a sentence."""


def secrets() -> dict[str, str]:
    """Name and passphrase, as systemd/first-boot made them."""
    try:
        given = tomllib.loads(SECRETS.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unwanted(f"{SECRETS} cannot be read: {error}") from error
    found = {name: str(given.get(name, "")) for name in ("ssid", "passphrase")}
    if not all(re.fullmatch(FORMS[name], value) for name, value in found.items()):
        raise Unwanted(f"{SECRETS} is not what the first start makes")
    return found


def choice() -> str:
    """The setting ``network``: auto, hotspot or system."""
    if not SETTINGS.exists():
        return "auto"
    try:
        return str(tomllib.loads(SETTINGS.read_text(encoding="utf-8")).get("network", "auto"))
    except (OSError, ValueError) as error:
        raise Unwanted(f"{SETTINGS} cannot be read: {error}") from error


def nmcli(*arguments: str) -> str:
    """What NetworkManager says. Raises :class:`Unwanted`."""
    try:
        command = ["nmcli", *arguments]
        said = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unwanted(f"NetworkManager does not answer: {error}") from error
    if said.returncode:
        raise Unwanted(f"NetworkManager: {said.stderr.strip()}")
    return said.stdout


def device() -> str:
    """The first Wi-Fi that NetworkManager has; waits a little for one."""
    end = time.monotonic() + PATIENCE_S
    while not (found := devices()):
        if time.monotonic() > end:
            raise Unwanted("this machine has no Wi-Fi")
        time.sleep(1)
    if nmcli("radio", "wifi").strip() != "enabled":
        raise Unwanted("the Wi-Fi is off: set its country (sudo raspi-config), or: sudo nmcli radio wifi on")
    return found[0]


def devices() -> list[str]:
    """Names of what NetworkManager takes for Wi-Fi and may use."""
    lines = [line.split(":") for line in nmcli("-t", "-f", "DEVICE,TYPE,STATE", "device").splitlines()]
    return sorted(line[0] for line in lines if line[1] == "wifi" and line[2] != "unmanaged")


def other_wifi() -> list[str]:
    """Wi-Fi networks somebody has set up."""
    lines = nmcli("-t", "-f", "TYPE,NAME", "connection").splitlines()
    names = [line.split(":", 1)[1] for line in lines if line.split(":", 1)[0] == "802-11-wireless"]
    return [name for name in names if name != NAME]


def wanted() -> None:
    """Raises :class:`Unwanted` with the reason where the box should make no hotspot."""
    setting = choice()
    if setting == "system":
        raise Unwanted('the settings say network = "system"')
    secrets()
    if shutil.which("nmcli") is None or shutil.which("dnsmasq") is None:
        raise Unwanted("NetworkManager (nmcli) and dnsmasq are needed, and one of them is not installed")
    device()
    if setting == "auto" and (known := other_wifi()):
        raise Unwanted(f"the box is to use the Wi-Fi {known[0]}")


def write(path: Path, text: str, mode: int) -> None:
    """Whole or not there. NetworkManager takes a profile only where it is root's alone (0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def up() -> None:
    """Make the profile anew from the secrets, and bring it up."""
    known, wifi = secrets(), device()
    profile = PROFILES / f"{NAME}.nmconnection"
    write(profile, PROFILE.format(name=NAME, uuid=UUID, device=wifi, address=ADDRESS, **known), 0o600)
    write(RUNTIME / "dnsmasq.conf", DNSMASQ.format(device=wifi, host=known["ssid"].lower(), address=ADDRESS), 0o644)
    nmcli("connection", "load", str(profile))
    nmcli("--wait", "45", "connection", "up", NAME)


def down() -> None:
    """Take it down; what is not there is no error."""
    (PROFILES / f"{NAME}.nmconnection").unlink(missing_ok=True)
    try:
        nmcli("connection", "reload")
    except Unwanted as error:
        print(error)


def main() -> int:
    """Do what is asked; the exit status."""
    commands = {"wanted": wanted, "up": up, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        print(f"Usage: hotspot.py {'|'.join(commands)}", file=sys.stderr)
        return 2
    try:
        commands[sys.argv[1]]()
    except Unwanted as reason:
        print(f"no hotspot: {reason}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
