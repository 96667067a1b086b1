"""Who gave the PIN: sessions, in memory alone. A restart of the box ends them all."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

LONGEST_S: Final = 12 * 3600.0
"""A session ends after a working day, however busy it is."""
MOST: Final = 50
"""The oldest end where there are more."""


@dataclass(frozen=True)
class Session:
    """One browser of staff. ``csrf`` goes into each of its forms."""

    token: str
    csrf: str
    generation: int
    """Of the PIN it was opened with."""
    began_s: float
    seen_s: float


class Sessions:
    """The open ones. Thread-safe."""

    def __init__(self, idle_s: float, ticks: Callable[[], float] = time.monotonic) -> None:
        self._idle_s = idle_s
        self._ticks = ticks
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def begin(self, generation: int) -> Session:
        """Open one for whoever just gave the PIN of this ``generation``."""
        now_s = self._ticks()
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), generation, now_s, now_s)
        with self._lock:
            self._drop_ended(now_s)
            while len(self._open) >= MOST:
                del self._open[min(self._open, key=lambda token: self._open[token].seen_s)]
            self._open[session.token] = session
        return session

    def find(self, token: str, generation: int) -> Session | None:
        """The one of this token, if it is still open and the PIN has not been set anew; that keeps it open."""
        now_s = self._ticks()
        with self._lock:
            self._drop_ended(now_s)
            found = self._open.get(token)
            if found is None or found.generation != generation:
                return None
            self._open[token] = replace(found, seen_s=now_s)
            return found

    def end(self, token: str) -> None:
        """Close one; an unknown one is no error."""
        with self._lock:
            self._open.pop(token, None)

    def end_all(self) -> None:
        """Close them all."""
        with self._lock:
            self._open.clear()

    def _drop_ended(self, now_s: float) -> None:
        for token, each in list(self._open.items()):
            if now_s - each.seen_s >= self._idle_s or now_s - each.began_s >= LONGEST_S:
                del self._open[token]
