"""The same work on many things, in this process or in several."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final

from training.errors import HelperDied

Map = Callable[..., Iterable[Any]]
"""The built-in ``map``, or one that does its work in other processes."""
Watch = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes results on, of which there will be so many, and may show how far they are."""
WATCH_S: Final = 1.0
"""Between two looks whether the process that is helped is still there."""
CHUNK: Final = 16
"""Things handed to a process at once."""


def unwatched(results: Iterable[Any], total: int) -> Iterable[Any]:  # noqa: ARG001  # as Watch has it
    """Shows nothing."""
    return results


@contextmanager
def mapping(workers: int) -> Iterator[Map]:
    """A map over ``workers`` processes; the built-in one for a single one.

    Raises :class:`training.errors.HelperDied` where one of them is killed.
    """
    if workers < 2:
        yield map
        return
    with processes(workers) as pool:
        yield lambda function, *values: pool.map(function, *values, chunksize=CHUNK)


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes, none of which outlives this one, however it ends.

    Not forked: a network's threads may hold locks at that moment, and a lock on a folder would be inherited. Raises
    :class:`training.errors.HelperDied` where one of them is killed.
    """
    helped = (os.getpid(),)
    try:
        with ProcessPoolExecutor(count, get_context("spawn"), _end_with, helped) as pool:
            yield pool
    except BrokenProcessPool as died:
        raise HelperDied(str(died)) from died


def _end_with(helped: int) -> None:
    """In a helper: end when the process that is helped is gone; one that was killed tells nobody."""

    def watch() -> None:
        while os.getppid() == helped:
            time.sleep(WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
