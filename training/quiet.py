"""Keeping back what libraries print while they start or convert, unless it explains an error."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STDERR: Final = 2


@contextmanager
def holding_back() -> Iterator[None]:
    """What any library writes to the process's stderr meanwhile is shown only where an error is raised."""
    sys.stderr.flush()
    own = os.dup(STDERR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STDERR)
        try:
            yield
        except BaseException:  # whatever it is, it is raised again
            held.seek(0)
            os.write(own, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(own, STDERR)
            os.close(own)
