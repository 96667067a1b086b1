"""The same work on many things, in this process or in several."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

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
    """A map over ``workers`` processes; the built-in one for a single one."""
    if workers < 2:
        yield map
        return
    with ProcessPoolExecutor(workers) as pool:
        yield lambda function, *values: pool.map(function, *values, chunksize=CHUNK)
