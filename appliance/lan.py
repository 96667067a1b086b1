"""The box's address on the clinic's network."""

import ipaddress
import socket
from pathlib import Path
from typing import Final

import psutil

INTERFACES: Final = Path("/sys/class/net")
HOTSPOT: Final = "10.42.0.1"
"""The box's address in its own Wi-Fi, and nowhere else (systemd/hotspot.py gives it)."""


def address(given: str | None) -> str | None:
    """``given``, or the IPv4 address phones most likely reach the box at; ``None``: no network.

    Its own hotspot comes first, where it is up. Of the other interfaces that are up, real ones come before virtual
    ones (a container's bridge has a private address that no phone can reach), then private ranges before others, then
    names in order.
    """
    if given:
        return given
    usable = [each for each in addresses() if not each[1].is_loopback and not each[1].is_link_local]
    if not usable:
        return None
    return str(min(usable, key=_unlikely)[1])


def _unlikely(known: tuple[str, ipaddress.IPv4Address]) -> tuple[bool, bool, bool, str]:
    name, found = known
    return str(found) != HOTSPOT, not _is_physical(name), not found.is_private, name


def addresses() -> list[tuple[str, ipaddress.IPv4Address]]:
    """Name and address of each interface that is up."""
    states = psutil.net_if_stats()
    return [
        (name, ipaddress.IPv4Address(entry.address))
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if name in states and states[name].isup and entry.family == socket.AF_INET
    ]


def _is_physical(name: str) -> bool:
    """Linux links a network card, Wi-Fi in hotspot mode too, to its device; bridges and tunnels have none."""
    return (INTERFACES / name / "device").exists()
