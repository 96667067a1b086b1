"""Asks the box's small helper to set the clock: this program may not (systemd/set_clock.py, dermkiosk-clock.socket)."""

import socket
from datetime import datetime
from pathlib import Path
from typing import Final

from appliance.errors import ClockImplausible, ClockUnsettable

TIMEOUT_S: Final = 30.0
ANSWER_BYTES: Final = 16


def set_clock(to: datetime, helper: Path) -> None:
    """Set the clock to ``to`` (with a time zone); ``helper`` is the socket. It is verified from then on.

    Raises :class:`ClockUnsettable` where there is no helper or it does not answer, :class:`ClockImplausible` where it
    does not believe the time.
    """
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(TIMEOUT_S)
            line.connect(str(helper))
            line.sendall(b"%d\n" % max(0, int(to.timestamp())))
            line.shutdown(socket.SHUT_WR)
            answer = line.recv(ANSWER_BYTES).strip()
    except OSError as error:
        raise ClockUnsettable(str(error)) from error
    if answer == b"refused":
        raise ClockImplausible(to.isoformat())
    if answer != b"ok":
        raise ClockUnsettable(f"the helper said {answer!r}")
