"""How often photographs may come from the network: no stranger on the Wi-Fi fills the queue or the card."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Lock
from typing import Final

from appliance.request_errors import UploadsTooMany, UploadUnderWay

HOUR_S: Final = 3600.0
TURN_S: Final = 5.0
PHONES: Final = 5
"""All phones together may send so many times what one may."""


class Pace:
    """Counts uploads of the last hour. In memory alone: a restart forgets them. Thread-safe."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._lock = Lock()
        self._seen: deque[tuple[float, str]] = deque()  # never more than all phones may send

    @contextmanager
    def one(self, address: str, per_hour: int) -> Iterator[None]:
        """Count an upload, and where the block raises, not: only what was kept counts. Raises as :meth:`count`."""
        seen = self.count(address, per_hour)
        try:
            yield
        except BaseException:  # raised again
            with self._lock:
                if seen in self._seen:  # else it is older than an hour
                    self._seen.remove(seen)
            raise

    def count(self, address: str, per_hour: int) -> tuple[float, str]:
        """Count an upload from ``address``, which may send ``per_hour``. Raises :class:`UploadsTooMany`, uncounted."""
        with self._lock:
            now = self._ticks()
            while self._seen and self._seen[0][0] <= now - HOUR_S:
                self._seen.popleft()
            own = [at for at, each in self._seen if each == address]
            if len(own) >= per_hour:
                raise _too_many(own[-per_hour] + HOUR_S - now)
            if len(self._seen) >= PHONES * per_hour:
                raise _too_many(self._seen[-PHONES * per_hour][0] + HOUR_S - now)
            self._seen.append((now, address))
            return now, address


class Turns:
    """Requests with the same key go one after another, all others side by side. Thread-safe.

    So a phone that repeats an upload before the first was kept finds what the first kept, and takes no second place.
    """

    def __init__(self, turn_s: float = TURN_S) -> None:
        self._turn_s = turn_s
        self._left = Condition()
        self._inside: set[str] = set()

    @contextmanager
    def one(self, key: str | None) -> Iterator[None]:
        """Wait until nobody with this key is inside, and be the one who is. Without a key: at once.

        Who waits holds a thread of the server, so nobody waits long. Raises :class:`UploadUnderWay`.
        """
        if key is None:
            yield
            return
        with self._left:
            if not self._left.wait_for(lambda: key not in self._inside, self._turn_s):
                raise UploadUnderWay(f"no turn within {self._turn_s} s")
            self._inside.add(key)
        try:
            yield
        finally:
            with self._left:
                self._inside.remove(key)
                self._left.notify_all()


def _too_many(wait_s: float) -> UploadsTooMany:
    minutes = int(wait_s // 60) + 1
    return UploadsTooMany(f"next in {wait_s:.0f} s", minutes=minutes, seconds=60 * minutes)
