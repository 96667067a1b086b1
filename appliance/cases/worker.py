"""The one thread that answers: photo after photo, in the order they came, each exactly once."""

import logging
import math
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from appliance.cases.photos import Pixels
from appliance.cases.store import Case, ClassMaps, Document, Store
from appliance.errors import CaseUnknown, ProcessingStopped, StoreError

MAX_ATTEMPTS: Final = 3
"""After this many crashes or errors the photograph gets an answer that says so."""
PAUSE_S: Final = 1.0
"""Longest wait between two looks at the queue, and the pause after a fault that may pass."""

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
        """Seconds since the thread last came round; infinite before the start. One photograph is one round."""
        return time.monotonic() - self._beat_s

    def _beat(self) -> None:
        self._beat_s = time.monotonic()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._beat()
            if not self._turn():
                self._woken.wait(PAUSE_S)
                self._woken.clear()

    def _turn(self) -> bool:
        """Answer the next photograph; False if there was none or it has to be tried again."""
        try:
            case = self._store.next_queued()
            return case is not None and self._handle(case)
        except CaseUnknown:
            log.info("a case was deleted at the moment of its turn")
            return False
        except Exception:  # the one thread outlives any fault; the case stays in the queue
            log.exception("the queue could not be worked on")
            return False

    def _handle(self, case: Case) -> bool:
        if case.attempts >= MAX_ATTEMPTS:  # the last attempt took the process with it
            self._settle(case, self._give_up(case, ProcessingStopped(f"{case.attempts} attempts")), None)
            return True
        case = self._store.begin(case)
        try:
            document, class_maps = self._answer(case, self._store.photo(case))
        except Exception as error:  # whatever one photograph does, the others get their answer
            log.exception("case number %d, attempt %d", case.number, case.attempts)
            if case.attempts < MAX_ATTEMPTS:
                return False
            document, class_maps = self._give_up(case, error), None
        self._settle(case, document, class_maps)
        return True

    def _settle(self, case: Case, document: Document, class_maps: ClassMaps | None) -> None:
        """Store the answer; a disk that is full or busy for a while is no reason to make it again."""
        while True:
            self._beat()
            try:
                self._store.answer(case, document, class_maps)
            except StoreError:
                log.exception("the answer to case number %d could not be stored yet", case.number)
                if self._stopping.wait(PAUSE_S):
                    return
            else:
                return
