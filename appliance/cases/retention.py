"""Old cases: which of them may go by a rule, exactly, and which stay because they are nowhere else."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from appliance.cases.clock import Moment, has_passed
from appliance.cases.database import Database
from appliance.cases.ledger import DAY_H, Ledger
from appliance.request_errors import PreviewOutdated


@dataclass(frozen=True)
class Old:
    """A case that is older than the rule says."""

    number: int
    code: str
    site: str
    taken_at: str
    clock: str


@dataclass(frozen=True)
class Preview:
    """What a rule of so many days would do now."""

    days: int
    goes: tuple[Old, ...]
    """Exported as they stand: to be deleted."""
    stays: tuple[Old, ...]
    """Old as well, but not exported as they stand, or not answered yet."""

    @property
    def fingerprint(self) -> str:
        """Of exactly these cases: who confirms it confirms them and no others."""
        return hashlib.sha256(repr([old.number for old in self.goes]).encode()).hexdigest()[:16]


class Retention:
    """Applies the rule to one database."""

    def __init__(self, database: Database, ledger: Ledger, now: Callable[[], Moment]) -> None:
        self._database = database
        self._ledger = ledger
        self._now = now

    def preview(self, days: int) -> Preview:
        """What would go and what would stay; of photographs that belong together the close-up stands for both."""
        expendable, now = set(self._ledger.expendable(days)), self._now()
        rows = self._database.rows(
            "SELECT number, code, site, taken_at, clock, age_s FROM cases WHERE view = 'close_up' ORDER BY number"
        )
        old = [
            Old(*tuple(row)[:-1])
            for row in rows
            if has_passed(days * DAY_H, Moment.read(row["taken_at"], row["clock"], row["age_s"]), now)
        ]
        goes = tuple(each for each in old if each.code in expendable)
        return Preview(days, goes, tuple(each for each in old if each.code not in expendable))

    def confirmed(self, days: int, fingerprint: str) -> Preview:
        """The preview that somebody confirmed. Raises :class:`PreviewOutdated` where it is another one by now."""
        preview = self.preview(days)
        if preview.fingerprint != fingerprint:
            raise PreviewOutdated(f"{len(preview.goes)} cases by now")
        return preview
