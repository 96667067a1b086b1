"""The referral directory: places the clinic sends patients to, from a CSV file that staff bring.

A file is taken whole or not at all: while one row of it is wrong, the old directory stays.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from appliance.cases.database import Database
from appliance.cases.pathway import LEVELS, Level
from appliance.request_errors import DirectoryInvalid

MAX_BYTES: Final = 256 * 1024
MAX_PLACES: Final = 1000
MAX_CHARACTERS: Final = 200
"""Of one cell."""
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("名称", "医院", "机构"),
    "district": ("区县", "地区", "区"),
    "level": ("级别", "等级"),
    "specialties": ("科室", "专科"),
    "phone": ("电话", "联系电话"),
    "address": ("地址",),
    "travel_minutes": ("路程分钟", "分钟"),
    "distance_km": ("距离公里", "公里"),
}
"""The columns, and what else they may be called."""
NEEDED: Final = ("name", "district", "level")
LEVEL_WORDS: Final[Mapping[str, Level]] = {
    "clinic": "clinic",
    "村卫生室": "clinic",
    "乡镇卫生院": "clinic",
    "社区": "clinic",
    "基层": "clinic",
    "county": "county",
    "县": "county",
    "县级": "county",
    "县医院": "county",
    "city": "city",
    "市": "city",
    "市级": "city",
    "省级": "city",
}
DERMATOLOGY: Final = ("dermatolog", "skin", "皮肤")
MOST: Final = {"travel_minutes": 1440, "distance_km": 2000}
"""A day's travel, and the width of the country."""
PHONE: Final = re.compile(r"[\d +()/,;、-]{3,60}")


@dataclass(frozen=True)
class Place:
    """One place; from this clinic it takes ``travel_minutes``."""

    name: str
    district: str
    level: Level
    specialties: str = ""
    phone: str = ""
    address: str = ""
    travel_minutes: int | None = None
    distance_km: float | None = None

    @property
    def has_dermatology(self) -> bool:
        """Whether its specialties name it."""
        return any(word in self.specialties.lower() for word in DERMATOLOGY)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line of the file (1 is the first): message key ``directory.problem.<key>``."""

    line: int
    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """What a file says. It can be kept where there is no problem."""

    places: tuple[Place, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...] = ()
    """Columns that mean nothing to the box."""


class Directory:
    """The places, kept in the database. Each method raises a StoreError where that fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def places(self) -> tuple[Place, ...]:
        """All, in the order of the clinic's file."""
        columns = ", ".join(COLUMNS)
        query = f"SELECT {columns} FROM places ORDER BY number"  # noqa: S608  # our own column names
        return tuple(Place(**dict(row)) for row in self._database.rows(query))

    def replace(self, reading: Reading) -> None:
        """Keep a file's places instead of the old ones. Raises :class:`DirectoryInvalid` where it has a problem."""
        if reading.problems or not reading.places:
            raise DirectoryInvalid(f"{len(reading.problems)} problems", count=len(reading.problems))
        columns = ", ".join(COLUMNS)
        values = ", ".join(f":{name}" for name in COLUMNS)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM places")
            connection.executemany(
                f"INSERT INTO places ({columns}) VALUES ({values})",  # noqa: S608  # our own column names
                [vars(place) for place in reading.places],
            )


def nearest(places: Sequence[Place], level: Level) -> Place | None:
    """Where to send somebody: of the places of this level, else of the next higher, the one soonest reached.

    One with dermatology goes before one without. ``None`` for self-care, and where no place is high enough.
    """
    if level == "self_care":
        return None
    for enough in LEVELS[LEVELS.index(level) :]:
        if found := [place for place in places if place.level == enough]:
            return min(found, key=_reach)
    return None


def read(data: bytes, most: int = MAX_BYTES) -> Reading:
    """Read a CSV file (UTF-8, or GB 18030 as spreadsheets in China save it) and say what is wrong, line by line.

    More than ``most`` bytes are too large.
    """
    if len(data) > most:
        return _failed("too_large", kilobytes=most // 1024)
    text = _decoded(data)
    if text is None:
        return _failed("encoding")
    try:
        rows = list(_rows(text))
    except csv.Error:
        return _failed("not_csv")
    if not rows:
        return _failed("empty")
    return _read_rows(rows)


def _read_rows(rows: list[tuple[int, list[str]]]) -> Reading:
    names = [_column(cell) for cell in rows[0][1]]
    ignored = tuple(cell for cell, name in zip(rows[0][1], names, strict=True) if name is None and cell)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        return _failed("columns", missing=", ".join(missing))
    if twice := [name for name in COLUMNS if names.count(name) > 1]:
        return _failed("column_twice", name=", ".join(twice))
    places: dict[int, Place] = {}
    problems: list[Problem] = []
    for line, cells in rows[1:]:
        found = list(_row_problems(line, names, cells))
        problems += found
        if not found:
            places[line] = _place(_named(names, cells))
    problems += _whole_problems(places, len(rows) - 1)
    return Reading(tuple(places.values()), tuple(sorted(problems, key=lambda each: each.line)), ignored)


def _rows(text: str) -> Iterable[tuple[int, list[str]]]:
    """Line number and cells of every row that is not empty."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    for cells in reader:
        trimmed = [cell.strip() for cell in cells]
        if any(trimmed):
            yield start, trimmed
        start = reader.line_num + 1


def _row_problems(line: int, names: list[str | None], cells: list[str]) -> Iterable[Problem]:
    if len(cells) > len(names):
        yield Problem(line, "cells", {"count": len(cells), "columns": len(names)})
        return
    row = _named(names, cells)
    yield from (Problem(line, "missing", {"column": name}) for name in NEEDED if not row[name])
    if row["level"] and row["level"].lower() not in LEVEL_WORDS:
        yield Problem(line, "level", {"value": row["level"][:40]})
    if row["phone"] and not PHONE.fullmatch(row["phone"]):
        yield Problem(line, "phone", {"value": row["phone"][:40]})
    for name, most in MOST.items():
        if row[name] and not _within(row[name], most, whole=name == "travel_minutes"):
            yield Problem(line, "number", {"column": name, "value": row[name][:40], "most": most})
    yield from (Problem(line, "text", {"column": name, "most": MAX_CHARACTERS}) for name in COLUMNS if _odd(row[name]))


def _whole_problems(places: Mapping[int, Place], rows: int) -> Iterable[Problem]:
    """What only the whole file shows."""
    if not rows:
        yield Problem(1, "empty")
    if rows > MAX_PLACES:
        yield Problem(1, "too_many", {"most": MAX_PLACES})
    seen: dict[tuple[str, str], int] = {}
    for line, place in places.items():
        first = seen.setdefault((place.name, place.district), line)
        if first != line:
            yield Problem(line, "twice", {"name": place.name, "first": first})


def _named(names: list[str | None], cells: list[str]) -> dict[str, str]:
    """Column → cell; what is not there is empty."""
    given = {name: cell for name, cell in zip(names, cells, strict=False) if name is not None}
    return dict.fromkeys(COLUMNS, "") | given


def _place(row: Mapping[str, str]) -> Place:
    return Place(
        name=row["name"],
        district=row["district"],
        level=LEVEL_WORDS[row["level"].lower()],
        specialties=row["specialties"],
        phone=row["phone"],
        address=row["address"],
        travel_minutes=int(row["travel_minutes"]) if row["travel_minutes"] else None,
        distance_km=float(row["distance_km"]) if row["distance_km"] else None,
    )


def _reach(place: Place) -> tuple[bool, float, float]:
    """The smaller, the better; Python's ``min`` keeps the file's order among equals."""
    minutes = float("inf") if place.travel_minutes is None else place.travel_minutes
    return not place.has_dermatology, minutes, float("inf") if place.distance_km is None else place.distance_km


def _column(cell: str) -> str | None:
    wanted = cell.lower().replace(" ", "_")
    return next((name for name, others in COLUMNS.items() if wanted == name or cell in others), None)


def _odd(cell: str) -> bool:
    return len(cell) > MAX_CHARACTERS or not cell.isprintable()


def _within(cell: str, most: int, *, whole: bool) -> bool:
    digits = r"\d{1,4}" if whole else r"\d{1,4}(\.\d{1,3})?"
    return re.fullmatch(digits, cell, re.ASCII) is not None and float(cell) <= most


def _decoded(data: bytes) -> str | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _failed(key: str, **values: object) -> Reading:
    return Reading((), (Problem(1, key, values),))
