"""The button of a box that is tried out without one: the Enter key of the terminal in which it runs."""

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


class TerminalButton(SimulatedButton):
    """Each line that is typed presses it; the line "hold" keeps it down. Runs only when the settings name it."""

    name = "terminal"

    def __init__(self, source: int | None = None) -> None:
        """``source``: file descriptor that the lines come from, a pipe as well; the program's standard input."""
        super().__init__()
        self._source = sys.stdin.fileno() if source is None else source
        self._closed = Event()
        self._thread = Thread(target=self._listen, name="terminal-button", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Lines that are typed do nothing any more."""
        self._closed.set()
        self._thread.join(CLOSE_TIMEOUT_S)
        super().close()

    def _listen(self) -> None:
        while not self._closed.wait(LOOK_EVERY_S):
            if not self._may_read() or not select.select([self._source], [], [], 0)[0]:
                continue
            typed = os.read(self._source, LONGEST_LINE_BYTES)
            if not typed:
                return  # nobody types there any more
            for line in typed.splitlines():
                (self.hold if line.strip().lower() == HOLD else self.press)()

    def _may_read(self) -> bool:
        """A program in the background that reads the terminal is stopped by the system."""
        return not os.isatty(self._source) or os.tcgetpgrp(self._source) == os.getpgrp()
