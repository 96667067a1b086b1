"""``dermkiosk``, killed at a step at files: ``backup_child.py STEP COMMAND…``.

``STEP`` is a regular expression of what is about to be done, such as ``os.rename …/photographs/``.
"""

import os
import re
import signal
import sys

from appliance.cli import main

STEPS = ("os.remove", "os.rename")


def killed_at(step: re.Pattern[str]) -> None:
    """Python tells every step to those who audit it, before it is done."""

    def audit(event: str, given: tuple[object, ...]) -> None:
        if event in STEPS and step.search(f"{event} {given[0]}"):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)


if __name__ == "__main__":
    killed_at(re.compile(sys.argv[1]))
    main(sys.argv[2:])
