"""The one thread that answers: photo after photo, in the order they came, each exactly once."""

import logging
import math
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from appliance.cases.photos import Pixels
from appliance.cases.store import Case, ClassMaps, Document, Store
from appliance.errors import CaseUnknown, PhotoLost, ProcessingStopped, StoreError

MAX_ATTEMPTS: Final = 3
"""After this many crashes or errors the photograph gets an answer that says so."""
PAUSE_S: Final = 1.0
"""Longest wait between two looks at the queue, and the pause after a first fault; it doubles with each that follows."""
PAUSE_AT_MOST_S: Final = 30.0
PATIENCE: Final = 10
"""So many rounds in a row, some minutes, may fail for the storage's sake at no cost to the photograph. After that its
attempts count, or one bad spot on the card would keep all others waiting for ever."""

log = logging.getLogger(__name__)


class Worker:
    """Answers queued photographs until stopped.

    ``answer`` makes the result document and the class maps (float32, 8×8×classes) of a photograph (uint8 RGB,
    H×W×3); ``give_up`` makes the document that says why there is none. Both run on the worker's thread.
    """

    def __init__(
        self,
        store: Store,
        answer: Callable[[Case, Pixels], tuple[Document, ClassMaps | None]],
        give_up: Callable[[Case, Exception], Document],
    ) -> None:
        self._store = store
        self._answer = answer
        self._give_up = give_up
        self._woken = Event()
        self._stopping = Event()
        self._beat_s = -math.inf
        self._faults = 0  # rounds that failed since the last that did not
        self._thread = Thread(target=self._run, name="worker")

    def start(self) -> None:
        """Begin with what an earlier run left in the queue."""
        self._beat()
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue now: a photograph was accepted."""
        self._woken.set()

    def stop(self, timeout_s: float) -> bool:
        """Finish the photograph in hand and end; False if that takes longer than ``timeout_s``."""
        self._stopping.set()
        self._woken.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def heartbeat_age_s(self) -> float:
        """Seconds since the start or the last round that succeeded: a photograph was answered, or none waits.

        Infinite before the start.
        """
        return time.monotonic() - self._beat_s

    def _beat(self) -> None:
        self._beat_s = time.monotonic()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                answered = self._turn()
            except Exception:  # the one thread outlives any fault; the case stays in the queue
                log.exception("the queue could not be worked on")
                self._back_off()
            else:
                self._faults = 0
                self._beat()
                if not answered:
                    self._woken.wait(PAUSE_S)
                    self._woken.clear()

    def _back_off(self) -> bool:
        """Pause after a fault, longer each time; a new photograph does not shorten it. True if stopped meanwhile."""
        pause_s = min(PAUSE_S * 2 ** min(self._faults, PATIENCE), PAUSE_AT_MOST_S)
        self._faults += 1
        return self._stopping.wait(pause_s)

    def _turn(self) -> bool:
        """Answer the next photograph; False if there is none. Raises what kept it from being answered."""
        case = self._store.next_queued()
        if case is None:
            return False
        try:
            self._handle(case)
        except CaseUnknown:
            log.info("a case was deleted at the moment of its turn")
        return True

    def _handle(self, case: Case) -> None:
        if case.attempts >= MAX_ATTEMPTS:  # the last attempt took the process with it
            self._settle(case, self._give_up(case, ProcessingStopped(f"{case.attempts} attempts")), None)
            return
        case = self._store.begin(case)
        document, class_maps = self._outcome(case)
        self._settle(case, document, class_maps)

    def _outcome(self, case: Case) -> tuple[Document, ClassMaps | None]:
        """The answer, or after the last attempt the document that says why there is none."""
        try:
            return self._answer(case, self._store.photo(case))
        except Exception as error:  # whatever one photograph does, the others get their answer
            log.warning("case number %d, attempt %d failed", case.number, case.attempts)
            if self._excused(error):
                self._store.retract(case)
                raise
            if case.attempts < MAX_ATTEMPTS:
                raise
            log.exception("case number %d is given up", case.number)
            return self._give_up(case, error), None

    def _excused(self, error: Exception) -> bool:
        """Whether the storage failed, and not the photograph: that may pass."""
        return isinstance(error, StoreError) and not isinstance(error, PhotoLost) and self._faults < PATIENCE

    def _settle(self, case: Case, document: Document, class_maps: ClassMaps | None) -> None:
        """Store the answer; a disk that is full or busy for a while is no reason to make it again."""
        while True:
            try:
                self._store.answer(case, document, class_maps)
            except StoreError:
                log.exception("the answer to case number %d could not be stored yet", case.number)
                if self._back_off():
                    return
            else:
                return
