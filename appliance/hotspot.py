"""The box's own Wi-Fi: what a phone needs to join it, and whether it is up.

The first start makes name and passphrase, different on each box (systemd/first-boot), in a file that root writes and
the kiosk reads: TOML with two lines, ``ssid`` and ``passphrase``. The box has the same name on any network.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance import lan
from appliance.lan import HOTSPOT as ADDRESS

SSID: Final = re.compile(r"[A-Za-z0-9-]{1,32}")
PASSPHRASE: Final = re.compile(r"[A-Za-z0-9]{8,63}")
ANNOUNCED: Final = Path("/run/dermkiosk-name")
"""There while avahi says the box's name on the network (dermkiosk-name.service)."""


@dataclass(frozen=True)
class Hotspot:
    """What the first start made. The passphrase is for the kiosk's screen alone, never for a log."""

    ssid: str
    passphrase: str

    def __repr__(self) -> str:
        return f"Hotspot({self.ssid})"

    @property
    def wifi(self) -> str:
        """The text of a QR code that joins a phone: WPA2. The characters allowed above need no escaping."""
        return f"WIFI:T:WPA;S:{self.ssid};P:{self.passphrase};;"

    @property
    def host(self) -> str:
        """The box's name on any network where avahi says it, e.g. ``dermkiosk-x7k2.local``."""
        return f"{self.ssid}.local".lower()


def load(file: Path) -> Hotspot | None:
    """What ``file`` says; ``None`` where there is none, or it is not what the first start makes."""
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ssid, passphrase = (str(given.get(name, "")) for name in ("ssid", "passphrase"))
    return Hotspot(ssid, passphrase) if SSID.fullmatch(ssid) and PASSPHRASE.fullmatch(passphrase) else None


def is_up() -> bool:
    """Whether the box has its hotspot's address now: phones can join."""
    return ADDRESS in (str(each) for _, each in lan.addresses())


def joinable(file: Path) -> Hotspot | None:
    """What to show a phone so that it can join; ``None`` where the hotspot is not up."""
    return load(file) if is_up() else None


def name(file: Path, announced: Path = ANNOUNCED) -> str | None:
    """The box's name, where the network is told it; else ``None``: a name nobody answers to helps nobody."""
    known = load(file)
    return known.host if known is not None and announced.exists() else None
