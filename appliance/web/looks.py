"""Every look of the staff is in the log, once: the pages by themselves, a picture where no page that shows it is."""

import time
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Final

from flask import current_app

from appliance.cases.audit import Action
from appliance.cases.store import Case
from appliance.web import access
from appliance.web.services import services

COVERED_S: Final = 600.0
"""For so long after a line a session's pictures of the same case are part of that look."""


class Looks:
    """The cases that each session was logged for lately. In memory, like the sessions. Thread-safe."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        """``ticks``: seconds, only differences count."""
        self._ticks = ticks
        self._lock = Lock()
        self._logged_s: dict[tuple[str, int], float] = {}

    def note(self, session: str, cases: Iterable[int]) -> None:
        """There is a line now for each of these cases, by their numbers."""
        with self._lock:
            now_s = self._ticks()
            self._logged_s = {key: at for key, at in self._logged_s.items() if now_s - at < COVERED_S}
            self._logged_s |= {(session, case): now_s for case in cases}

    def covers(self, session: str, case: int) -> bool:
        """Whether a line that was written lately stands for this look, too."""
        with self._lock:
            return self._ticks() - self._logged_s.get((session, case), -COVERED_S) < COVERED_S


def at_pages_of(cases: Sequence[int], action: Action = "look", detail: str = "", parts: Sequence[int] = ()) -> None:
    """Log a page before it is shown: a line for each case, by its number, whose picture is on it.

    ``parts``: overviews, which belong to one of the cases. Its line stands for them, too: one look, one line.
    """
    services().store.audit.record_each("staff", action, cases, detail)
    _looks().note(access.staff().token, (*cases, *parts))


def at_picture_of(case: Case) -> None:
    """Log a picture that is asked for by its address before it is shown, unless a line stands for it already."""
    if not _looks().covers(access.staff().token, case.number):
        at_pages_of([case.number], detail="picture")


def _looks() -> Looks:
    found: Looks = current_app.extensions["looks"]
    return found
