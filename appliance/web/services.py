"""What the pages need from the rest of the box. The composition root fills it in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Final

from flask import current_app

from appliance.cases.pin import Place
from appliance.cases.store import Store
from appliance.health.result import Result
from appliance.log_tail import LogTail
from appliance.settings import Settings
from appliance.vision.photo import Pixels
from appliance.web.pace import Pace, Turns
from appliance.web.pdf import Printer
from firmware.station import Station

EXTENSION: Final = "dermkiosk"
EXPORTS: Final = 2
"""Downloads of cases at a time: each holds a thread of the listener, 16 MiB and one file of the archive."""


@dataclass
class Services:
    """Everything behind the pages."""

    settings: Settings
    """Staff may change some of them: they are replaced as a whole, and read anew for each request."""
    store: Store
    wake: Callable[[], None]
    """Tell the worker that a case waits."""
    station: Station
    decode: Callable[[bytes, str | None], Pixels]
    """A file's bytes and its name or media type → pixels; raises :class:`appliance.errors.PhotoRefused`."""
    checks: Callable[[], Sequence[Result]]
    lan_url: Callable[[], str | None]
    """Where phones find the box, without a slash at the end: ``http://192.168.1.5:8000``; ``None``: no network."""
    log: LogTail = field(default_factory=LogTail)
    """The program's last lines, for the support file."""
    printer: Printer = field(default_factory=Printer)
    """One for both apps: a PDF needs much memory."""
    exporting: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(EXPORTS))
    """Taken by each download of cases until its last byte."""
    pace: Pace = field(default_factory=Pace)
    """Counts what phones send."""
    turns: Turns = field(default_factory=Turns)
    """Taken by each upload under its Idempotency-Key."""


def services() -> Services:
    """Those of the app that answers this request."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def place() -> Place:
    """Where this app is used."""
    return "kiosk" if "kiosk" in current_app.extensions else "network"
