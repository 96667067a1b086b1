"""The same work on many things, in this process or in several."""

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
    # Not forked: what outlives a killed parent must not hold its locks.
    with a_death_told(), ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield lambda function, *values: pool.map(function, *values, chunksize=CHUNK)


@contextmanager
def a_death_told() -> Iterator[None]:
    """A process that died is no fault of the program's. Raises :class:`training.errors.HelperDied`."""
    try:
        yield
    except BrokenProcessPool as died:
        raise HelperDied(str(died)) from died
