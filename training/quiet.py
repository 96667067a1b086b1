"""Keeping back what libraries print while they start or convert, unless it explains an error."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STDERR: Final = 2
WATCH: Final = 'read -r ended || cat "$1" >&2; rm -f "$1"'
"""A shell that shows the file ``$1`` unless it is told in time that all went well."""


@contextmanager
def holding_back() -> Iterator[None]:
    """What any library writes to the process's stderr meanwhile is shown only where it does not end well.

    That is where an error is raised, and also where the process dies: a C++ library that aborts says why and leaves
    nobody here to show it. So a shell beside the process does, as soon as the process is gone or lets go of it.
    """
    sys.stderr.flush()
    held, name = tempfile.mkstemp(prefix="dermkiosk-stderr-")
    watch = ("sh", "-c", WATCH, "sh", name)
    # A session of its own: an interrupt from the keyboard is for the process, and may be what has to be explained.
    with subprocess.Popen(watch, stdin=subprocess.PIPE, text=True, start_new_session=True) as watcher:  # noqa: S603
        own = os.dup(STDERR)
        os.dup2(held, STDERR)
        os.close(held)
        try:
            yield
            print("ended", file=watcher.stdin)
        finally:
            sys.stderr.flush()
            os.dup2(own, STDERR)
            os.close(own)
