"""Calls that may never return, kept at arm's length.

A camera driver whose cable came loose can block for ever, even in ``stop()``. Its calls run in a
daemon thread that is left behind after a timeout; the process stays alive and can say what is wrong.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from firmware.errors import CameraMemory, CameraTimeout

T = TypeVar("T")


class DriverCalls:
    """Runs the blocking calls of one driver, one at a time.

    While a call that was left behind still blocks, further calls are refused at once: a live view that
    polls a dead camera must not pile up threads.
    """

    def __init__(self) -> None:
        self._left_behind: Thread | None = None

    @property
    def stuck(self) -> bool:
        """True while a call that was left behind still blocks."""
        return self._left_behind is not None and self._left_behind.is_alive()

    def within(self, timeout_s: float, function: Callable[[], T]) -> T:
        """What ``function`` returns or raises. Raises :class:`CameraTimeout` after ``timeout_s`` seconds, and
        :class:`CameraMemory` for a ``MemoryError``.
        """
        if self.stuck:
            raise CameraTimeout("an earlier call to the camera has still not returned")
        answer: Future[T] = Future()
        thread = Thread(target=_fill, args=(answer, function), name="driver", daemon=True)
        thread.start()
        thread.join(timeout_s)
        if not answer.done():
            self._left_behind = thread
            raise CameraTimeout(f"no answer within {timeout_s} s")
        return answer.result()


def in_background(action: Callable[[], None]) -> None:
    """Run ``action`` on a thread of its own, so that a slow one does not block the driver or the look that calls it."""
    Thread(target=action, name="background", daemon=True).start()


def _fill(answer: Future[T], function: Callable[[], T]) -> None:
    try:
        answer.set_result(function())
    except MemoryError:
        answer.set_exception(CameraMemory("the driver ran out of memory"))
    except BaseException as error:  # noqa: BLE001  # whatever it is, the waiting caller raises it
        answer.set_exception(error)
