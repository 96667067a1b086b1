"""Who did what: a log that is only ever added to. A line names a case by its number alone, and outlives it."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from appliance.cases.clock import Clock, Moment
from appliance.cases.database import Database

Actor = Literal["staff", "kiosk", "link", "installer", "box"]
"""Whoever gave the PIN; stands at the kiosk; has a result's link; uses the terminal; or the program by itself."""
Action = Literal[
    "look",
    "export",
    "print",
    "delete",
    "settings",
    "login",
    "login_failed",
    "logout",
    "pin_set",
    "review",
    "diagnosis",
    "note",
    "revoke",
    "retention",
    "backup",
    "backup_asked",
    "backup_begun",
    "backup_failed",
    "restore",
    "repair",
    "support_bundle",
    "directory",
    "update",
    "clock",
]
PAGE: Final = 50


@dataclass(frozen=True)
class Entry:
    """One line. ``number`` orders them; the clock does not."""

    number: int
    at: str
    """ISO 8601, UTC."""
    clock: Clock
    actor: Actor
    action: Action
    case_number: int | None
    detail: str
    """Names of settings and the like; the database refuses anything but small letters, digits and ``_ . ,``."""


def append(
    connection: sqlite3.Connection, now: Moment, actor: Actor, action: Action, case: int | None = None, detail: str = ""
) -> None:
    """Add a line in a transaction that is open already; ``case`` is the case's number."""
    line = (now.iso(), now.clock, actor, action, case, detail)
    query = "INSERT INTO audit (at, clock, actor, action, case_number, detail) VALUES (?, ?, ?, ?, ?, ?)"
    connection.execute(query, line)


class Audit:
    """The log of one database. Each method raises a :class:`appliance.errors.StoreError` where the database fails."""

    def __init__(self, database: Database, now: Callable[[], Moment]) -> None:
        self._database = database
        self._now = now

    def record(self, actor: Actor, action: Action, case: int | None = None, detail: str = "") -> None:
        """Add a line, on the disk when this returns; ``case`` is the case's number."""
        with self._database.transaction() as connection:
            append(connection, self._now(), actor, action, case, detail)

    def record_each(self, actor: Actor, action: Action, cases: Iterable[int], detail: str = "") -> None:
        """Add a line for each case, by its number: all of them, or none."""
        with self._database.transaction() as connection:
            for case in cases:
                append(connection, self._now(), actor, action, case, detail)

    def newest(self, *actions: Action) -> Entry | None:
        """The last line of any of these actions."""
        marks = ", ".join("?" * len(actions))
        query = f"SELECT * FROM audit WHERE action IN ({marks}) ORDER BY number DESC LIMIT 1"  # noqa: S608  # only marks
        rows = self._database.rows(query, *actions)
        return Entry(**dict(rows[0])) if rows else None

    def entries(self, before: int | None = None, case: int | None = None, limit: int = PAGE) -> list[Entry]:
        """The newest ``limit`` lines first, of one case alone where it is given, and older than number ``before``."""
        rows = self._database.rows(
            "SELECT * FROM audit WHERE (?1 IS NULL OR number < ?1) AND (?2 IS NULL OR case_number = ?2)"
            " ORDER BY number DESC LIMIT ?3",
            before,
            case,
            limit,
        )
        return [Entry(**dict(row)) for row in rows]
