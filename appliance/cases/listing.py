"""The list of cases: searched, filtered, page by page. What it reads per case is small and indexed."""

from dataclasses import dataclass, fields
from typing import Final, Literal

from appliance.cases.clock import begins
from appliance.cases.codes import ALPHABET
from appliance.cases.database import Database

PAGE: Final = 25
Reviewed = Literal["yes", "no"]
FROM: Final = (
    " FROM cases LEFT JOIN summaries ON summaries.case_number = cases.number"
    " LEFT JOIN reviews ON reviews.case_number = cases.number"
    " LEFT JOIN diagnoses ON diagnoses.case_number = cases.number"
)
COLUMNS: Final = (
    "cases.number, code, patient, source, site, taken_at, cases.clock, state, simulated, outcome, grade, likeliest,"
    " reviews.case_number IS NOT NULL AS reviewed, diagnosis"
)


@dataclass(frozen=True)
class Wanted:
    """What to list. Empty parts ask for nothing; all that are given must hold."""

    code: str = ""
    """The beginning of a code, as typed: a case's or a patient's."""
    sites: tuple[str, ...] = ()
    """Ids of body sites that would do as well as the code: somebody typed a part of their names."""
    site: str = ""
    outcome: str = ""
    """findings, none_of_these, cannot_assess; or "waiting"."""
    grade: str = ""
    since: str = ""
    """YYYY-MM-DD, the first day, as the box's own time zone has it."""
    until: str = ""
    """YYYY-MM-DD, the last day, likewise."""
    reviewed: Reviewed | None = None


@dataclass(frozen=True)
class Row:
    """One case of the list. ``outcome``, ``grade`` and ``likeliest`` are ``None`` where there is none."""

    number: int
    code: str
    patient: str | None
    source: str
    site: str
    taken_at: str
    clock: str
    state: str
    simulated: bool
    outcome: str | None
    grade: str | None
    likeliest: str | None
    reviewed: bool
    diagnosis: str | None


class Listing:
    """Lists the cases of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: Wanted, page: int = 1, size: int = PAGE) -> list[Row]:
        """The page's rows, newest case first."""
        where, values = conditions(wanted)
        query = query_of(where)
        rows = self._database.rows(query, *values, size, (max(page, 1) - 1) * size)
        return [_row(dict(row)) for row in rows]

    def count(self, wanted: Wanted) -> int:
        """How many there are on all pages."""
        return self._count(wanted)

    def answered(self, wanted: Wanted) -> int:
        """How many of them have an answer: these can be exported."""
        return self._count(wanted, " AND state = 'done'")

    def _count(self, wanted: Wanted, more: str = "") -> int:
        where, values = conditions(wanted)
        total: int = self._database.value(f"SELECT count(*){FROM}{where}{more}", *values)
        return total


def query_of(where: str) -> str:
    """The page's query; its last two values are how many rows, and how many before them are skipped."""
    return f"SELECT {COLUMNS}{FROM}{where} ORDER BY cases.number DESC LIMIT ? OFFSET ?"  # our own words


def conditions(wanted: Wanted) -> tuple[str, list[object]]:
    """WHERE and its values."""
    parts: list[tuple[str, list[object]]] = [("view = 'close_up'", [])]
    if wanted.code or wanted.sites:
        parts.append(_searched(wanted))
    if wanted.site:
        parts.append(("site = ?", [wanted.site]))
    if wanted.outcome:
        parts.append(("state = 'queued'", []) if wanted.outcome == "waiting" else ("outcome = ?", [wanted.outcome]))
    if wanted.grade:
        parts.append(("grade = ?", [wanted.grade]))
    if wanted.since:
        parts.append(("taken_at >= ?", [begins(wanted.since)]))
    if wanted.until:
        parts.append(("taken_at < ?", [begins(wanted.until, days_later=1)]))
    if wanted.reviewed:
        parts.append((f"reviews.case_number IS {'NOT ' * (wanted.reviewed == 'yes')}NULL", []))
    return " WHERE " + " AND ".join(text for text, _ in parts), [value for _, values in parts for value in values]


def _searched(wanted: Wanted) -> tuple[str, list[object]]:
    """A code that begins so, of the case or its patient, or one of the sites."""
    texts: list[str] = []
    values: list[object] = []
    if (begins := _beginning(wanted.code)) is not None:
        texts.append("code >= ? AND code < ? OR patient >= ? AND patient < ?")
        values += [begins, f"{begins}~"] * 2  # no code has a tilde: it sorts behind them all
    if wanted.sites:
        texts.append(f"site IN ({', '.join('?' * len(wanted.sites))})")
        values += wanted.sites
    return f"({' OR '.join(texts) or 'FALSE'})", values


def _beginning(typed: str) -> str | None:
    """As codes are stored; ``None`` for what no code begins with."""
    characters = "".join(typed.split()).replace("-", "").upper()
    if not characters or not set(characters) <= set(ALPHABET):
        return None
    return characters if len(characters) <= 4 else f"{characters[:4]}-{characters[4:]}"


def _row(values: dict[str, object]) -> Row:
    flags = {name: bool(values[name]) for name in ("simulated", "reviewed")}
    return Row(**{each.name: values[each.name] for each in fields(Row)} | flags)  # type: ignore[arg-type]
