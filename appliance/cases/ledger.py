"""What is known of each case's safety: whether it was exported and backed up, when the last backup was read back, and
what was repaired."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from appliance.cases import audit
from appliance.cases.clock import Clock, Moment, has_passed
from appliance.cases.database import Database

DAY_H: Final = 24.0
ANSWERED: Final = "EXISTS (SELECT 1 FROM answers WHERE answers.case_number = cases.number)"
"""An overview never is: it goes where its close-up goes."""


@dataclass(frozen=True)
class Backup:
    """One that was read back whole."""

    at: str
    """ISO 8601, UTC."""
    clock: Clock
    age_s: int
    cases: int
    photographs: int

    @property
    def moment(self) -> Moment:
        """When, by the clock and by the box's age."""
        return Moment.read(self.at, self.clock, self.age_s)


@dataclass(frozen=True)
class Repair:
    """A database that was put back from the box's own copy."""

    at: str
    clock: Clock
    regained: int
    """Cases that were younger than the copy, and are there again."""
    unlinked: int
    """Photographs that no case knows of; they lie in ``photos/orphaned``."""
    missing: int
    """Cases whose photograph is gone."""


class Ledger:
    """Reads and writes it, in a database that may be open elsewhere, too. Each export and backup has one of its own."""

    def __init__(self, database: Database, now: Callable[[], Moment]) -> None:
        self._database = database
        self._now = now
        self._begun_at = -1
        """Number of the last change before the run began; none began yet."""

    def begin(self) -> None:
        """An export or a backup begins: a case that changes from now on is not in it."""
        with self._database.transaction() as connection:
            last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
            self._begun_at = last[0] if last else 0
            connection.execute("INSERT OR IGNORE INTO kept (case_number) SELECT number FROM cases WHERE state = 'done'")

    def begin_backup(self) -> None:
        """As :meth:`begin`; and staff see that it began, where nothing says how it ended: killed, or the power went."""
        self.begin()
        with self._database.transaction() as connection:
            audit.append(connection, self._now(), "box", "backup_begun")

    def note_exported(self, numbers: Iterable[int]) -> None:
        """These cases were exported by the installer's command, which is logged in the same transaction.

        Those that were deleted or changed since :meth:`begin` do not count as exported.
        """
        known = list(numbers)
        with self._database.transaction() as connection:
            self._mark(connection, "exported", known)
            for number in known:
                audit.append(connection, self._now(), "installer", "export", number)

    def note_kept(self, numbers: Iterable[int], by: audit.Actor) -> tuple[int, ...]:
        """As :meth:`note_exported`, for a download of which ``by`` says that it is kept. Gives those that count."""
        known = list(numbers)
        exported = "SELECT 1 FROM kept WHERE case_number = ? AND exported"
        with self._database.transaction() as connection:
            self._mark(connection, "exported", known)
            counted = tuple(each for each in known if connection.execute(exported, (each,)).fetchone())
            for number in counted:
                audit.append(connection, self._now(), by, "export", number, "kept")
        return counted

    def note_backed_up(self, numbers: Iterable[int], photographs: int) -> None:
        """A backup with these cases and so many photographs was read back whole; as :meth:`note_exported`."""
        known = list(numbers)
        now = self._now()
        line = (now.iso(), now.clock, now.age_s, len(known), photographs)
        with self._database.transaction() as connection:
            self._mark(connection, "backed_up", known)
            connection.execute(
                "INSERT INTO backups (at, clock, age_s, cases, photographs) VALUES (?, ?, ?, ?, ?)", line
            )
            audit.append(connection, now, "box", "backup")

    def changed(self, number: int) -> None:
        """Something was added to a case: what was exported or backed up before does not have it."""
        with self._database.transaction() as connection:
            for table in ("kept", "changes"):
                connection.execute(f"DELETE FROM {table} WHERE case_number = ?", (number,))  # noqa: S608  # our own
            connection.execute("INSERT INTO changes (case_number) VALUES (?)", (number,))

    def unexported(self) -> list[int]:
        """Numbers of the answered cases that were not exported as they stand, oldest first."""
        return self._numbers(f"{ANSWERED} AND number NOT IN (SELECT case_number FROM kept WHERE exported)")  # noqa: S608  # our own

    def not_backed_up(self) -> int:
        """How many cases no backup has as they stand."""
        condition = "view = 'close_up' AND number NOT IN (SELECT case_number FROM kept WHERE backed_up)"
        return len(self._numbers(condition))

    def expendable(self, days: float) -> list[str]:
        """Codes of the cases that are older than ``days`` and were exported as they stand, oldest first.

        Old by the box's own hours of work, or by a clock that was verified then and is now: one that jumps ends none.
        """
        query = "SELECT code, taken_at, clock, age_s FROM cases JOIN kept ON case_number = number"
        condition = f"exported AND state = 'done' AND {ANSWERED}"
        rows = self._database.rows(f"{query} WHERE {condition} ORDER BY number")
        now = self._now()
        accepted = ((row["code"], Moment.read(row["taken_at"], row["clock"], row["age_s"])) for row in rows)
        return [code for code, moment in accepted if has_passed(days * DAY_H, moment, now)]

    def first_case(self) -> Moment | None:
        """When the oldest case was accepted."""
        rows = self._database.rows("SELECT taken_at, clock, age_s FROM cases ORDER BY number LIMIT 1")
        return Moment.read(*rows[0]) if rows else None

    def last_backup(self) -> Backup | None:
        """The newest that was read back whole."""
        columns = "at, clock, age_s, cases, photographs"
        rows = self._database.rows(f"SELECT {columns} FROM backups ORDER BY number DESC LIMIT 1")  # noqa: S608  # our own
        return Backup(*rows[0]) if rows else None

    def repair(self) -> Repair | None:
        """The newest that nobody has seen yet."""
        columns = "at, clock, regained, unlinked, missing"
        query = f"SELECT {columns} FROM repairs WHERE NOT seen ORDER BY number DESC LIMIT 1"  # noqa: S608  # our own
        rows = self._database.rows(query)
        return Repair(*rows[0]) if rows else None

    def repair_seen(self) -> None:
        """Somebody has read what was repaired."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE repairs SET seen = 1")

    def _mark(self, connection: sqlite3.Connection, mark: str, numbers: Iterable[int]) -> None:
        changed = "SELECT 1 FROM changes WHERE changes.case_number = kept.case_number AND changes.number > ?"
        query = f"UPDATE kept SET {mark} = 1 WHERE case_number = ? AND NOT EXISTS ({changed})"  # noqa: S608  # our own
        connection.executemany(query, [(number, self._begun_at) for number in numbers])

    def _numbers(self, condition: str) -> list[int]:
        query = f"SELECT number FROM cases WHERE {condition} ORDER BY number"  # noqa: S608  # our own conditions
        return [row[0] for row in self._database.rows(query)]
