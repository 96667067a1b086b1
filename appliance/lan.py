"""The box's address on the clinic's network."""

import ipaddress
import socket

import psutil


def address(given: str | None) -> str | None:
    """``given``, or the first IPv4 address of an interface that is up, private ranges first; ``None``: no network."""
    if given:
        return given
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = [
        ipaddress.IPv4Address(entry.address)
        for name, entries in sorted(psutil.net_if_addrs().items())
        for entry in entries
        if name in up and entry.family == socket.AF_INET
    ]
    usable = [each for each in found if not each.is_loopback and not each.is_link_local]
    return str(min(usable, key=lambda each: not each.is_private)) if usable else None
