"""PDFs, made in a process of their own: what goes wrong there costs that process, not the box.

Making one takes a second or two and some 150 MB, which are free again when it is done. So there is one at a time, in
both apps together; and who waits for a turn holds a thread of the server, so nobody waits long.
"""

import subprocess
import sys
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from appliance.request_errors import PaperBusy, PaperFailed

TIMEOUT_S: Final = 60.0
TURN_S: Final = 3.0
WRITER: Final = (sys.executable, "-m", "appliance.web.pdf_writer")


@dataclass(frozen=True)
class Printer:
    """Makes PDFs, one at a time. Thread-safe."""

    timeout_s: float = TIMEOUT_S
    """For one PDF."""
    turn_s: float = TURN_S
    """For the wait until it is one's turn."""
    _one: Lock = field(default_factory=Lock)

    def pdf(self, page: str) -> bytes:
        """The PDF of an HTML page. Raises :class:`PaperFailed`, and :class:`PaperBusy` while others are being made."""
        if not self._one.acquire(timeout=self.turn_s):
            raise PaperBusy("another PDF is being made")
        try:
            return self._made(page)
        finally:
            self._one.release()

    def _made(self, page: str) -> bytes:
        try:
            done = subprocess.run(WRITER, input=page.encode(), capture_output=True, timeout=self.timeout_s, check=True)  # noqa: S603  # our own program
        except subprocess.TimeoutExpired as slow:
            raise PaperFailed(f"over {self.timeout_s} s") from slow
        except (subprocess.CalledProcessError, OSError) as failed:
            last = getattr(failed, "stderr", b"") or str(failed).encode()
            raise PaperFailed(last.decode(errors="replace").strip()[-400:]) from failed
        return done.stdout
