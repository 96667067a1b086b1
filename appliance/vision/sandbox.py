"""Decoding in a process of its own: a file that hangs or crashes the decoder costs that process, not the box."""

import logging
import multiprocessing
import resource
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as TookTooLong
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from appliance.errors import DecoderBusy, DermkioskError, PhotoDamaged, PhotoTooSlow
from appliance.vision.photo import Pixels, decode

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 20.0
TURN_S: Final = 5.0
"""Who waits holds a thread of the server: with slow files in all of them no page would be answered for minutes."""
MEMORY: Final = 1536 * 2**20
"""Bytes, beyond what the process begins with. A WebP of 64 megapixels, the dearest that is taken, needs 1.1 GB."""


class Decoder:
    """:func:`appliance.vision.photo.decode` with a time limit. Thread-safe; a context manager."""

    def __init__(self, timeout_s: float = TIMEOUT_S, turn_s: float = TURN_S) -> None:
        """``timeout_s``: for one photograph. ``turn_s``: for the wait until it is one's turn."""
        self.timeout_s = timeout_s
        self.turn_s = turn_s
        self._pool = _pool()
        self._one = threading.Lock()

    def __call__(self, data: bytes, declared: str | None = None) -> Pixels:
        """Decode; raises a :class:`appliance.errors.PhotoRefused`, :class:`PhotoTooSlow` among them.

        Raises :class:`DecoderBusy` while others are being decoded.
        """
        with self._turn():  # the limit counts from the start of the work, not of the wait
            future = self._schedule(data, declared)
            try:
                pixels: Pixels = future.result()
            except TookTooLong as slow:
                raise PhotoTooSlow(f"over {self.timeout_s} s", seconds=self.timeout_s) from slow
            except (ProcessExpired, BrokenProcessPool) as crashed:
                self._replace_pool()
                raise PhotoDamaged(f"the decoder died: {crashed}") from crashed
            except DermkioskError:
                raise
            except Exception as fault:  # a decoder's bug is a photograph the box cannot read, nothing more
                raise PhotoDamaged(f"the decoder failed: {fault!r}") from fault
        return pixels

    def _schedule(self, data: bytes, declared: str | None) -> ProcessFuture[Pixels]:
        try:
            return self._pool.schedule(decode, args=[data, declared], timeout=self.timeout_s)
        except RuntimeError as broken:  # the process died between two photographs, and took the pool with it
            log.warning("the decoder ended between two photographs and is started anew: %s", broken)
            self._replace_pool()
            return self._pool.schedule(decode, args=[data, declared], timeout=self.timeout_s)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._one.acquire(timeout=self.turn_s):
            raise DecoderBusy(f"no turn within {self.turn_s} s")
        try:
            yield
        finally:
            self._one.release()

    def close(self) -> None:
        """End the process."""
        self._end(self._pool)

    def _replace_pool(self) -> None:
        self._end(self._pool)
        self._pool = _pool()

    @staticmethod
    def _end(pool: ProcessPool) -> None:
        pool.stop()  # type: ignore[no-untyped-call]  # Pebble types its results, not this
        pool.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pool() -> ProcessPool:
    # Spawned, not forked: the box has threads, and a forked child would inherit their locks.
    return ProcessPool(max_workers=1, initializer=_limit_memory, context=multiprocessing.get_context("spawn"))


def _limit_memory() -> None:
    """A file whose header lies about its size ends here, and not with the box's memory."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
