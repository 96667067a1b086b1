"""The button of a box that is tried out without one: the Enter key of the terminal in which it runs."""

import logging
import os
import select
import sys
from threading import Event, Thread
from typing import Final

from firmware.simulated import SimulatedButton

HOLD: Final = b"hold"
"""Typed before Enter, it stands for a press that lasts."""
LOOK_EVERY_S: Final = 0.1
CLOSE_TIMEOUT_S: Final = 5.0
LONGEST_LINE_BYTES: Final = 1024

log = logging.getLogger(__name__)


class TerminalButton(SimulatedButton):
    """Each line that is typed presses it; the line "hold" keeps it down. Runs only when the settings name it."""

    name = "terminal"

    def __init__(self, source: int | None = None) -> None:
        """``source``: file descriptor that the lines come from, a pipe as well; the program's standard input."""
        super().__init__()
        self._source = _standard_input() if source is None else source
        self._closed = Event()
        self._thread = Thread(target=self._listen, name="terminal-button", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Lines that are typed do nothing any more."""
        self._closed.set()
        self._thread.join(CLOSE_TIMEOUT_S)
        super().close()

    def _listen(self) -> None:
        """Until it is closed, or nobody can type any more: then it says so, and the box goes on without a button."""
        why = "its input is at an end"
        try:
            if self._source is None:
                why = "the program has no standard input"
            else:
                self._press_for_lines(self._source)
        except OSError as gone:
            why = str(gone)
        if not self._closed.is_set():
            log.warning("the terminal's button is gone: %s", why)

    def _press_for_lines(self, source: int) -> None:
        """Until it is closed or ``source`` is at an end. Raises ``OSError``."""
        while not self._closed.wait(LOOK_EVERY_S):
            if not _may_read(source) or not select.select([source], [], [], 0)[0]:
                continue
            typed = os.read(source, LONGEST_LINE_BYTES)
            if not typed and not os.isatty(source):  # at a terminal it is Ctrl-D, and one may type on
                return
            for line in typed.splitlines():
                (self.hold if line.strip().lower() == HOLD else self.press)()


def _standard_input() -> int | None:
    """None where the program was started without one."""
    return None if sys.stdin is None else sys.stdin.fileno()


def _may_read(source: int) -> bool:
    """A program in the background that reads the terminal is stopped by the system. Raises ``OSError``."""
    return not os.isatty(source) or os.tcgetpgrp(source) == os.getpgrp()
