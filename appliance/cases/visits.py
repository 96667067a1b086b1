"""Who came when, what they agreed to, and which photographs belong together."""

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Final

from appliance.cases.clock import Clock, Moment
from appliance.cases.record import Case, case_of
from appliance.errors import PatientUnknown

CONSENT: Final = "SELECT * FROM visits JOIN consent_texts ON version = consent_text WHERE number = ?"
EARLIER: Final = """SELECT * FROM cases WHERE patient = ? AND site = ? AND number < ? AND view = 'close_up'
    AND EXISTS (SELECT 1 FROM answers WHERE case_number = number) ORDER BY number DESC"""
OVERVIEW: Final = """SELECT * FROM cases WHERE visit = ? AND site = ? AND number < ? AND view = 'overview'
    ORDER BY number DESC LIMIT 1"""
PATIENT: Final = "SELECT patient FROM cases WHERE patient IS NOT NULL AND (patient = ?1 OR code = ?1) LIMIT 1"


@dataclass(frozen=True)
class Consent:
    """What a patient agreed to, and to which words."""

    words: str
    """All that was on the page, in the language they read."""
    language: str
    photo_in_letter: bool
    """The photograph may be in a referral letter."""


@dataclass(frozen=True)
class Agreed:
    """A consent in the log."""

    consent: Consent
    version: str
    """Of the words: the same words have the same version, others another."""
    at: str
    """ISO 8601, UTC."""
    clock: Clock


def version(words: str) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the words."""
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def begin(connection: sqlite3.Connection, consent: Consent, now: Moment) -> int:
    """Log a consent; gives the number of the visit that it begins."""
    text = version(consent.words)
    connection.execute("INSERT OR IGNORE INTO consent_texts VALUES (?, ?)", (text, consent.words))
    values = (text, consent.language, consent.photo_in_letter, now.iso(), now.clock)
    columns = "consent_text, language, photo_in_letter, agreed_at, clock"
    query = f"INSERT INTO visits ({columns}) VALUES (?, ?, ?, ?, ?) RETURNING number"  # noqa: S608  # our own names
    number: int = connection.execute(query, values).fetchone()[0]
    return number


def agreed(rows: list[sqlite3.Row]) -> Agreed | None:
    """The consent of a row of :data:`CONSENT`."""
    if not rows:
        return None
    row = rows[0]
    consent = Consent(row["words"], row["language"], bool(row["photo_in_letter"]))
    return Agreed(consent, row["version"], row["agreed_at"], row["clock"])


def patient(rows: list[sqlite3.Row]) -> str:
    """The code of a row of :data:`PATIENT`. Raises :class:`PatientUnknown`."""
    if not rows:
        raise PatientUnknown("no case of this patient")
    code: str = rows[0][0]
    return code


def overviews_left_by(connection: sqlite3.Connection, case: Case) -> list[Case]:
    """The overviews that show where a case lies, where no other close-up of the visit needs them."""
    if case.visit is None or case.view == "overview":
        return []
    same = "SELECT * FROM cases WHERE visit = ? AND site = ? AND number != ?"
    others = [case_of(row) for row in connection.execute(same, (case.visit, case.site, case.number))]
    return [] if any(each.view == "close_up" for each in others) else others


def close_if_empty(connection: sqlite3.Connection, number: int | None) -> None:
    """Forget a visit that no photograph is left of, its consent with it."""
    connection.execute(
        "DELETE FROM visits WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM cases WHERE visit = ?1)", (number,)
    )
