"""Links to one result: a token of 128 random bits, for some hours, for the phone that opens it first.

A case has one link at a time. Its token is given out once, when it is made; only a hash of it is kept.
"""

import hashlib
import hmac
import math
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from appliance.cases.clock import AT_LEAST, Moment
from appliance.cases.database import Database
from appliance.errors import CaseUnknown

TOKEN_BYTES: Final = 16
WORKS: Final = f"""expires_age_s > ?1 AND NOT (
    clock = 'synced' AND ?2 = 'synced' AND expires_at <= ?3
    AND (?1 - issued_age_s) * {AT_LEAST} >= expires_age_s - issued_age_s)"""
"""That a link works now: :func:`appliance.cases.clock.has_passed` in SQL. The values are :func:`values`."""
CASE_OF: Final = (
    "SELECT cases.* FROM cases"  # noqa: S608  # our own words
    f" JOIN (SELECT case_number FROM links WHERE hash = ?4 AND {WORKS}) ON number = case_number"
)
"""The case that the token with this hash (?4) shows."""


@dataclass(frozen=True)
class Link:
    """Who has the token sees this one result, until then (ISO 8601, UTC) if the clock goes right."""

    token: str
    expires_at: str


def hash_of(token: str) -> str:
    """What is kept of a token: its SHA-256. 128 random bits need neither salt nor a slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def hashed(row: dict[str, Any]) -> dict[str, Any]:
    """A line of the journal about a link. One that was written before hashes were kept has the token itself."""
    return {**row, "hash": hash_of(row["token"])} if "token" in row else row


def values(now: Moment) -> tuple[int, str, str]:
    """What :data:`WORKS` asks for: ?1, ?2, ?3."""
    return now.age_s, now.clock, now.iso()


def issue(connection: sqlite3.Connection, case_number: int, now: Moment, hours: float) -> Link:
    """A new link. Raises :class:`CaseUnknown` where the case was deleted."""
    link = Link(secrets.token_urlsafe(TOKEN_BYTES), now.iso(hours_later=hours))
    ends = now.age_s + math.ceil(hours * 3600)
    made = connection.execute(
        "INSERT INTO links (hash, case_number, expires_at, clock, issued_age_s, expires_age_s)"
        " SELECT ?, number, ?, ?, ?, ? FROM cases WHERE number = ?",
        (hash_of(link.token), link.expires_at, now.clock, now.age_s, ends, case_number),
    )
    if not made.rowcount:
        raise CaseUnknown(f"case number {case_number} is gone")
    return link


def revoke(connection: sqlite3.Connection, token: str) -> None:
    """Forget a token; an unknown one is no error, so that nobody learns which ones exist."""
    connection.execute("DELETE FROM links WHERE hash = ?", (hash_of(token),))


def revoke_all(connection: sqlite3.Connection, case_number: int) -> list[str]:
    """Forget every token of a case; gives their hashes."""
    gone = connection.execute("DELETE FROM links WHERE case_number = ? RETURNING hash", (case_number,))
    return [row[0] for row in gone.fetchall()]


def left_s(database: Database, token: str, now: Moment) -> int:
    """Seconds until :data:`WORKS` ends a link, if the box stays on and its clock is worth what it is worth now.

    Raises :class:`CaseUnknown` where there is none of this token.
    """
    query = "SELECT expires_at, clock, issued_age_s, expires_age_s FROM links WHERE hash = ?"
    rows = database.rows(query, hash_of(token))
    if not rows:
        raise CaseUnknown("no link of this token")
    expires_at, clock, issued_age_s, expires_age_s = rows[0]
    ends_s: list[int] = [expires_age_s - now.age_s]
    if clock == now.clock == "synced":
        by_clock = Moment.read(expires_at, clock, expires_age_s).time - now.time
        at_least_s = math.ceil((expires_age_s - issued_age_s) / AT_LEAST) - (now.age_s - issued_age_s)
        ends_s.append(max(math.ceil(by_clock.total_seconds()), at_least_s))
    return max(0, min(ends_s))


def bind(database: Database, token: str, holder: str | None) -> bool:
    """Whether a link that was nobody's is now that of the phone with the secret ``holder``.

    What is stored is a hash over token and secret, so that the database does not tell which links one phone had.
    """
    if not holder or _holder(database, token) is not None:
        return False
    with database.transaction() as connection:
        query = "UPDATE links SET holder = ? WHERE hash = ? AND holder IS NULL"
        return bool(connection.execute(query, (_mark(token, holder), hash_of(token))).rowcount)


def opens(database: Database, token: str, holder: str | None) -> bool:
    """Whether a link opens for the phone with the secret ``holder``; with none (``None``) as long as it is nobody's."""
    held = _holder(database, token)
    return held is None or hmac.compare_digest(held, _mark(token, holder) if holder else "")


def _mark(token: str, holder: str) -> str:
    return hashlib.sha256(f"{token} {holder}".encode()).hexdigest()


def _holder(database: Database, token: str) -> str | None:
    rows = database.rows("SELECT holder FROM links WHERE hash = ?", hash_of(token))
    return rows[0][0] if rows else None
