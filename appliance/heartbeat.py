"""What systemd hears from the box: that it is ready, that it lives, and why it ended.

The protocol is sd_notify's: lines of text in a datagram to the socket that ``NOTIFY_SOCKET`` names. Source:
``man 3 sd_notify``. Outside systemd there is no such socket, and nothing is sent.
"""

import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from appliance.cases.store import Store
from appliance.cases.worker import Worker
from appliance.errors import DermkioskError, StoreError
from appliance.files import write_atomically
from appliance.health import worker
from appliance.messages import LANGUAGES, remedy, sentence, text
from firmware.calls import in_background
from firmware.station import Station

SHARE: Final = 3
"""So many beats fall into the time after which systemd takes the program for dead."""
DEFAULT_INTERVAL_S: Final = 20.0
LAST_WORDS: Final = "last-error.json"
SOCKET_VARIABLE: Final = "NOTIFY_SOCKET"
LIMIT_VARIABLE: Final = "WATCHDOG_USEC"
FOLDER_VARIABLE: Final = "RUNTIME_DIRECTORY"

log = logging.getLogger(__name__)


def notify(*lines: str) -> None:
    """Tell systemd, if it listens. What cannot be said is logged: a box must not stop because nobody hears it."""
    address = os.environ.get(SOCKET_VARIABLE)
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(address)
            sender.sendall("\n".join(lines).encode())
    except OSError as unheard:
        log.warning("systemd did not hear %s: %s", lines, unheard)


def interval_s() -> float:
    """Seconds between two beats: a third of systemd's patience."""
    microseconds = os.environ.get(LIMIT_VARIABLE, "")
    return int(microseconds) / 1e6 / SHARE if microseconds.isdigit() and int(microseconds) else DEFAULT_INTERVAL_S


def proof_of_life(station: Station, store: Store, queue: Worker) -> str | None:
    """Ask for a frame, write to the database, look at the worker's heartbeat: the key of what only a new start mends.

    ``None`` where the box lives. A look that never returns is the other proof of death: no beat follows it. An
    unplugged camera or a full card is said on the pages, and is no reason to end: a new start mends neither, and the
    results that are there must stay readable. Each look ends by itself, at the latest when systemd still has patience.
    """
    if station.lost:  # to open it again takes longer than a beat may
        in_background(lambda: _ask_for_frame(station))
    else:
        _ask_for_frame(station)
    try:
        store.prove_writable()
    except StoreError:
        return None
    rounds = worker.check(queue)
    return None if rounds.ok else rounds.message


def _ask_for_frame(station: Station) -> None:
    with suppress(DermkioskError):  # the health page says it
        station.preview()


class Heartbeat:
    """Beats while ``look`` finds nothing wrong, on a thread of its own; a context manager.

    ``look`` returns the message key of what is wrong, or ``None``. Entered: systemd hears that the box is ready.
    """

    def __init__(self, look: Callable[[], str | None], pause_s: float | None = None) -> None:
        self._look = look
        self._pause_s = interval_s() if pause_s is None else pause_s
        self._stopping = Event()
        self._ended = Event()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)  # a look may never return

    def stopping(self) -> None:
        """The box ends in good order: its last work may take longer than systemd's patience, so it beats on."""
        notify("STOPPING=1")
        self._stopping.set()

    def __enter__(self) -> Self:
        notify("READY=1", "WATCHDOG=1")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._pause_s):
            self._beat()

    def _beat(self) -> None:
        fault = None if self._stopping.is_set() else self._look()
        if fault is None:
            notify("WATCHDOG=1")
        else:
            log.error("no sign of life is given: %s", fault)
            notify(f"STATUS={text('en', fault)}")


@contextmanager
def last_words() -> Iterator[None]:
    """Keep what ended the program in a file in systemd's runtime folder: the standby page shows it. No details."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        yield
        return
    file = Path(folder) / LAST_WORDS
    file.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:  # it is raised again: here it is only written down
        _write_down(file, error if isinstance(error, DermkioskError) else DermkioskError())
        raise


def _write_down(file: Path, error: DermkioskError) -> None:
    said = {each: {"sentence": sentence(each, error), "remedy": remedy(each, error)} for each in LANGUAGES}
    try:
        write_atomically(file, json.dumps({"key": error.key, **said}, ensure_ascii=False).encode())
    except OSError:
        log.exception("the last error could not be written down")
