"""The thread that keeps the box's own copy of the database young, and the ballast laid."""

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from appliance.cases.spare import Spare
from appliance.errors import StoreError

EVERY_S: Final = 15 * 60.0
"""What has changed is copied after so long; accepted cases and their links are in the journal at once."""
POLL_S: Final = 5.0
STOP_S: Final = 30.0

log = logging.getLogger(__name__)


class Keeper:
    """Looks now and then whether a copy is due; a context manager."""

    def __init__(self, spare: Spare, clock: Callable[[], float] = time.monotonic) -> None:
        self._spare = spare
        self._clock = clock
        self._copied_s = clock() - EVERY_S  # the first look makes one
        self._changes = -1
        self._ended = Event()
        self._thread = Thread(target=self._run, name="keeper", daemon=True)

    def look(self) -> None:
        """Make a copy where one is due. A disk that refuses is asked again after :data:`EVERY_S`."""
        try:
            self._spare.lay_ballast()
            changes = self._spare.changes()
            due = changes != self._changes and self._clock() - self._copied_s >= EVERY_S
            if due or self._spare.copy_is_missing():
                self._copied_s = self._clock()
                self._spare.make_copy()
                self._changes = changes
        except StoreError:
            log.exception("no copy of the database could be made")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._ended.wait(POLL_S):
            self.look()
