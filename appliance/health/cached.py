"""A check that costs something, asked once for many who want to know."""

import logging
import time
from collections.abc import Callable
from threading import Lock

from appliance.health.result import Result

log = logging.getLogger(__name__)


class Cached:
    """A check whose result counts for ``keep_s`` seconds. Thread-safe.

    One caller at a time asks; meanwhile the others get the last result, so that a device that hangs holds up one of
    them and not all. Asked for the first time when it is made: there is always a last result. A change of
    what it says is logged with the detail, which no page shows.
    """

    def __init__(self, check: Callable[[], Result], keep_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._keep_s = keep_s
        self._clock = clock
        self._asking = Lock()
        self._result = self._logged(check())
        self._asked_s = clock()

    def __call__(self) -> Result:
        """The result, ``keep_s`` old at most; older only while another caller asks."""
        if self._clock() - self._asked_s >= self._keep_s and self._asking.acquire(blocking=False):
            try:
                result = self._check()
                self._result = result if result == self._result else self._logged(result)
                self._asked_s = self._clock()
            finally:
                self._asking.release()
        return self._result

    @staticmethod
    def _logged(result: Result) -> Result:
        if result.detail:
            log.warning("%s (%s)", result.message, result.detail)
        return result
