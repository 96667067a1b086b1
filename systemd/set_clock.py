#!/usr/bin/python3 -I
"""Sets the clock for the kiosk, which may not: dermkiosk-clock.socket hands it each connection as input and output.

Reads one line, a time in whole seconds since 1970 (UTC), and answers "ok" or "refused". That is all it does.
"""

import os
import sys
import time
from pathlib import Path

EARLIEST, LATEST = 1_735_689_600, 2_366_841_600
"""From 2025 to 2045: the clock of a box is never right outside of it."""
LONGEST = 12
MARK = "set"
"""There until the machine stops: somebody has said what time it is (appliance/cases/clock.py)."""


def main() -> str:
    """Set the clock if the line is a time that can be right; the answer."""
    line = sys.stdin.readline(LONGEST).strip()
    if not (line.isascii() and line.isdigit() and EARLIEST <= int(line) < LATEST):
        return "refused"
    time.clock_settime(time.CLOCK_REALTIME, int(line))
    (Path(os.environ["RUNTIME_DIRECTORY"]) / MARK).touch()
    return "ok"


if __name__ == "__main__":
    print(main())
