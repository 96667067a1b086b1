"""Calls that may never return, kept at arm's length.

A camera driver whose cable came loose can block for ever, even in ``stop()``. Its calls run in a
daemon thread that is left behind after a timeout; the process stays alive and can say what is wrong.
"""

from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
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

    def within(self, timeout_s: float, function: Callable[[], T], too_late: Callable[[T], None] = lambda _: None) -> T:
        """What ``function`` returns or raises. Raises :class:`CameraTimeout` after ``timeout_s`` seconds, and
        :class:`CameraMemory` for a ``MemoryError``.

        ``too_late``: called on the driver's thread with what ``function`` returns after it was given up, which nobody
        else will ever hold: it releases that. The call counts as :attr:`stuck` until then.
        """
        if self.stuck:
            raise CameraTimeout("an earlier call to the camera has still not returned")
        answer: Future[T] = Future()
        thread = Thread(target=_fill, args=(answer, function, too_late), name="driver", daemon=True)
        thread.start()
        thread.join(timeout_s)
        if answer.cancel():  # from here on an answer is too late; there is no instant between the two
            self._left_behind = thread
            raise CameraTimeout(f"no answer within {timeout_s} s")
        return answer.result()


def in_background(action: Callable[[], None]) -> None:
    """Run ``action`` on a thread of its own, so that a slow one does not block the driver or the look that calls it."""
    Thread(target=action, name="background", daemon=True).start()


def _fill(answer: Future[T], function: Callable[[], T], too_late: Callable[[T], None]) -> None:
    try:
        found = function()
    except MemoryError:
        _fail(answer, CameraMemory("the driver ran out of memory"))
    except BaseException as error:  # noqa: BLE001  # whatever it is, the waiting caller raises it
        _fail(answer, error)
    else:
        try:
            answer.set_result(found)
        except InvalidStateError:
            too_late(found)


def _fail(answer: Future[T], error: BaseException) -> None:
    with suppress(InvalidStateError):  # given up: nobody waits for it any more
        answer.set_exception(error)
