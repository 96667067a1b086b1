"""What a clinician adds to a case: that it was looked at, what it turned out to be and how one knows, and notes."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from appliance.cases import audit
from appliance.cases.audit import Action
from appliance.cases.clock import Moment
from appliance.cases.database import Database
from appliance.errors import CaseUnknown
from appliance.request_errors import DiagnosisInvalid, NoteInvalid
from appliance.vision.classes import CLASSES

Evidence = Literal["pathology", "specialist", "follow_up"]
EVIDENCE: Final[tuple[Evidence, ...]] = get_args(Evidence)
OTHER: Final = "other."
OTHERS: Final = (
    "melanoma",
    "naevus",
    "actinic_keratosis",
    "eczema",
    "tinea",
    "viral_wart",
    "infection",
    "drug_reaction",
    "haemangioma",
    "scar",
    "unlisted",
)
"""What is not among the eight and yet comes to a clinic: ``other.<id>``."""
DIAGNOSES: Final = (*CLASSES, *(f"{OTHER}{each}" for each in OTHERS))
NOTE_LENGTH: Final = 2000


@dataclass(frozen=True)
class Note:
    """What somebody wrote down, and when (ISO 8601, UTC)."""

    at: str
    clock: str
    text: str


@dataclass(frozen=True)
class Diagnosis:
    """What it turned out to be."""

    diagnosis: str
    evidence: Evidence
    at: str
    clock: str


@dataclass(frozen=True)
class Review:
    """All of it. ``reviewed_at``: when somebody said that they are done with the case."""

    reviewed_at: str | None
    diagnosis: Diagnosis | None
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Judged:
    """An answer of the box beside the later diagnosis."""

    diagnosis: str
    evidence: Evidence
    document: dict[str, Any]


class Reviews:
    """The reviews of one database. Methods raise :class:`CaseUnknown` where the case was deleted meanwhile."""

    def __init__(self, database: Database, now: Callable[[], Moment]) -> None:
        self._database = database
        self._now = now

    def of(self, case: int) -> Review:
        """Of the case with this number."""
        rows = self._database.rows
        reviewed = rows("SELECT at FROM reviews WHERE case_number = ?", case)
        found = rows("SELECT diagnosis, evidence, at, clock FROM diagnoses WHERE case_number = ?", case)
        notes = rows("SELECT at, clock, text FROM notes WHERE case_number = ? ORDER BY number", case)
        return Review(
            reviewed_at=reviewed[0]["at"] if reviewed else None,
            diagnosis=Diagnosis(**dict(found[0])) if found else None,
            notes=tuple(Note(**dict(row)) for row in notes),
        )

    def mark(self, case: int) -> None:
        """Say that somebody has looked at it and is done."""
        with self._change(case, "review") as (connection, now):
            _mark(connection, case, now)

    def diagnose(self, case: int, diagnosis: str, evidence: str) -> None:
        """Keep what it turned out to be; a later word replaces an earlier one. Raises :class:`DiagnosisInvalid`."""
        if diagnosis not in DIAGNOSES or evidence not in EVIDENCE:
            raise DiagnosisInvalid(f"{diagnosis!r} by {evidence!r}")
        with self._change(case, "diagnosis") as (connection, now):
            values = (case, diagnosis, evidence, now.iso(), now.clock)
            connection.execute("INSERT OR REPLACE INTO diagnoses VALUES (?, ?, ?, ?, ?)", values)
            _mark(connection, case, now)

    def note(self, case: int, text: str) -> None:
        """Add a note. Raises :class:`NoteInvalid` where it is empty or too long."""
        written = text.strip()
        if not written or len(written) > NOTE_LENGTH:
            raise NoteInvalid(f"{len(written)} characters", most=NOTE_LENGTH)
        with self._change(case, "note") as (connection, now):
            values = (case, now.iso(), now.clock, written)
            connection.execute("INSERT INTO notes (case_number, at, clock, text) VALUES (?, ?, ?, ?)", values)

    def judged(self, *, simulated: bool) -> list[Judged]:
        """Each answered case with a later diagnosis, in order; real ones, or those of a box on trial: never both."""
        rows = self._database.rows(
            "SELECT diagnosis, evidence, document FROM diagnoses JOIN answers USING (case_number)"
            " JOIN cases ON cases.number = case_number WHERE simulated = ? ORDER BY case_number",
            simulated,
        )
        return [Judged(row["diagnosis"], row["evidence"], json.loads(row["document"])) for row in rows]

    @contextmanager
    def _change(self, case: int, action: Action) -> Iterator[tuple[sqlite3.Connection, Moment]]:
        """A transaction on a case that is there, with its line in the log."""
        now = self._now()
        with self._database.transaction() as connection:
            if connection.execute("SELECT 1 FROM cases WHERE number = ?", (case,)).fetchone() is None:
                raise CaseUnknown(f"case number {case} is gone")
            audit.append(connection, now, "staff", action, case)
            yield connection, now


def _mark(connection: sqlite3.Connection, case: int, now: Moment) -> None:
    connection.execute("INSERT OR IGNORE INTO reviews VALUES (?, ?, ?)", (case, now.iso(), now.clock))
