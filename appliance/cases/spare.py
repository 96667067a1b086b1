"""What the box keeps in spare for the day its disk is full or its database damaged: ballast, copy and journal."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance.cases import layout
from appliance.cases.ballast import Ballast
from appliance.cases.copies import Copies
from appliance.cases.database import Database
from appliance.cases.faults import storage_faults
from appliance.cases.links import hash_of
from appliance.errors import StoreError, StoreFull

DELETION_BYTES: Final = 16 * 2**20
"""With less room than this the ballast is given back before a deletion, which writes the database anew."""
VISIT: Final = "SELECT visits.* FROM visits JOIN cases ON cases.visit = visits.number WHERE cases.number = ?"
WORDS: Final = """SELECT consent_texts.* FROM consent_texts JOIN visits ON visits.consent_text = version
    JOIN cases ON cases.visit = visits.number WHERE cases.number = ?"""
OVERVIEW: Final = """SELECT wide.* FROM cases AS wide JOIN cases AS close USING (visit, site)
    WHERE wide.view = 'overview' AND wide.number < close.number AND close.number = ?"""
ROW: Final = "SELECT * FROM cases WHERE number = ?"
CASE: Final = (("consent_texts", WORDS), ("visits", VISIT), ("cases", OVERVIEW), ("cases", ROW))
"""A new case and what it refers to, in the order in which they can be put back."""
LINK: Final = (("links", "SELECT * FROM links WHERE hash = ?"),)
PIN: Final = (("staff_pin", "SELECT * FROM staff_pin WHERE number = ?"),)
REVOKED: Final = "revoked"
"""What the journal calls the hashes of links that were ended; no table is called so."""

log = logging.getLogger(__name__)


class Spare:
    """Of one folder and its open database. Thread-safe. Methods raise a :class:`StoreError` unless they say more."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder, self._database = folder, database
        self._copies = Copies(folder / layout.COPIES)
        self._ballast = Ballast(folder / layout.BALLAST)
        self._beats, self._unnoted = 0, False

    def beat(self, write: Callable[[], None]) -> None:
        """Try a write that shall not count as a change.

        A disk that is full gets its ballast back, and the next beat tries: this one has no time for a second wait.
        """
        try:
            write()
        except StoreFull:
            if not self._drop():
                raise
        else:
            self._beats += 1

    def changes(self) -> int:
        """Grows with each change of the database but the heartbeat's."""
        return self._database.changes() - self._beats

    @property
    def needed(self) -> bool:
        """The database was found damaged while it was in use: a start puts it back."""
        return self._database.damaged

    def make_copy(self) -> None:
        """Make the copy anew; where that fails the last one stays."""
        self._copies.make(self._folder / layout.DATABASE)
        self._unnoted = False

    def copy_is_missing(self) -> bool:
        """There is none, or the journal could not be written: a copy should be made at once."""
        return self._unnoted or not self._copies.copy.exists()

    def note_case(self, number: int) -> None:
        """Keep a new case in the journal. Never raises: the database has it, and the next copy is made at once."""
        self._note(CASE, number)

    def note_link(self, token: str) -> None:
        """Keep a link in the journal, with the phone that has it; as :meth:`note_case`."""
        self._note(LINK, hash_of(token))

    def note_revoked(self, *hashes: str) -> None:
        """Keep in the journal that links were ended; as :meth:`note_case`."""
        if hashes:
            self._write(lambda: [(REVOKED, {"hash": each}) for each in hashes])

    def note_pin(self) -> None:
        """Keep the PIN in the journal; as :meth:`note_case`."""
        self._note(PIN, 1)

    def lay_ballast(self) -> None:
        """Take the room, where there is plenty."""
        with storage_faults():
            self._ballast.lay()

    def make_room(self) -> None:
        """Before a deletion: it is what makes room, so it must not fail because there is none."""
        with storage_faults():
            if shutil.disk_usage(self._folder).free < DELETION_BYTES:
                self._ballast.drop()

    def forget(self) -> None:
        """After a deletion: copy and journal know of the case."""
        with storage_faults():
            self._copies.forget()

    def _drop(self) -> bool:
        with storage_faults():
            return self._ballast.drop()

    def _note(self, queries: tuple[tuple[str, str], ...], value: object) -> None:
        self._write(
            lambda: [(table, dict(row)) for table, query in queries for row in self._database.rows(query, value)]
        )

    def _write(self, rows: Callable[[], list[tuple[str, dict[str, Any]]]]) -> None:
        try:
            self._copies.note(rows())
        except StoreError:
            log.exception("the journal could not be written")
            self._unnoted = True
