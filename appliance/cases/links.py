"""Links to one result: a token of 128 random bits, for some hours."""

import secrets
import sqlite3
from dataclasses import dataclass
from typing import Final

from appliance.cases.clock import Moment
from appliance.errors import CaseUnknown

TOKEN_BYTES: Final = 16


@dataclass(frozen=True)
class Link:
    """Who has the token sees this one result, until then (ISO 8601, UTC)."""

    token: str
    expires_at: str


def live(connection: sqlite3.Connection, case_number: int, now: Moment) -> Link | None:
    """The link of a case that works now."""
    row = connection.execute(
        "SELECT token, expires_at FROM links WHERE case_number = ? AND expires_at > ? ORDER BY expires_at DESC",
        (case_number, now.iso()),
    ).fetchone()
    return row and Link(*row)


def issue(connection: sqlite3.Connection, case_number: int, now: Moment, hours: float) -> Link:
    """A new link. Raises :class:`CaseUnknown` where the case was deleted."""
    link = Link(secrets.token_urlsafe(TOKEN_BYTES), now.iso(hours_later=hours))
    made = connection.execute(
        "INSERT INTO links (token, case_number, expires_at) SELECT ?, number, ? FROM cases WHERE number = ?",
        (link.token, link.expires_at, case_number),
    )
    if not made.rowcount:
        raise CaseUnknown(f"case number {case_number} is gone")
    return link


def revoke(connection: sqlite3.Connection, token: str) -> None:
    """Forget a token; an unknown one is no error, so that nobody learns which ones exist."""
    connection.execute("DELETE FROM links WHERE token = ?", (token,))
