"""Gives the clinic its cases: a folder or a zip file of result documents and photographs that any computer can read."""

import csv
import hashlib
import io
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, Final

from appliance.cases import layout, visits
from appliance.cases.audit import Actor
from appliance.cases.clock import Moment
from appliance.cases.database import Database
from appliance.cases.ledger import Ledger
from appliance.cases.stick import stick_faults
from appliance.errors import CaseNotExportable, ExportTargetTaken, StickFailed
from appliance.files import private_folder, sync_folder, write_atomically
from appliance.request_errors import DownloadUnknown

ADDED: Final = ("reviews", "diagnoses", "notes")
"""Tables of what clinicians added."""
HIDDEN: Final = ("idempotency_key", "photo_id", "attempts", "exported", "backed_up")
INDEX: Final = ("case", "taken_at", "clock", "site", "source", "outcome", "grade")


def export(state: Path, database: Database, ledger: Ledger, numbers: list[int], to: Path) -> int:
    """Write cases into the new folder ``to``, or the new zip file where its name ends so; gives how many.

    They are marked as exported after all of it was read back. Raises :class:`ExportTargetTaken`, a
    :class:`StickError`, :class:`CaseNotExportable` where a number is none of an answered case's; then nothing of it
    is left.
    """
    if to.exists():
        raise ExportTargetTaken(str(to), path=to)
    ledger.begin()
    unfinished = to.with_name(f".{to.name}.unfinished")
    with stick_faults():
        _remove(unfinished)
        try:
            (_as_zip if to.suffix.lower() == ".zip" else _as_folder)(contents(state, database, numbers), unfinished)
            unfinished.rename(to)
            sync_folder(to.parent)
        finally:
            _remove(unfinished)
    ledger.note_exported(numbers)
    return len(numbers)


@dataclass(frozen=True)
class Download:
    """A zip file that was given to a browser to its end. Only people know whether it was kept."""

    id: str
    file: str
    """Its name, no other download's: staff can tell theirs from a colleague's."""
    numbers: tuple[int, ...]
    at: Moment
    ledger: Ledger
    """Knows which cases changed since it began."""


class Exports:
    """The cases of one database for a browser. They count as exported once somebody says that the file is kept."""

    def __init__(self, state: Path, database: Database, now: Callable[[], Moment]) -> None:
        self._state, self._database, self._now = state, database, now
        self._lock = Lock()
        self._unconfirmed: dict[str, Download] = {}
        """By id, all since the start: a few hundred bytes each, and who says late that a file is kept is understood."""
        self._confirmed: dict[str, tuple[int, ...]] = {}
        """What was answered to whoever said so of a download: a second click is answered alike."""

    def zipped(self, numbers: list[int], file: str) -> Iterator[bytes]:
        """A zip file of answered cases, piece by piece, as :func:`streamed`. ``file``: the name it goes by."""
        ledger = Ledger(self._database, self._now)
        ledger.begin()
        yield from streamed(contents(self._state, self._database, numbers))
        whole = Download(secrets.token_urlsafe(8), file, tuple(numbers), self._now(), ledger)
        self._unconfirmed[whole.id] = whole

    @property
    def unconfirmed(self) -> list[Download]:
        """What was downloaded to its end since the start and nobody said to keep, newest first.

        Without those of which every case was deleted meanwhile: there is nothing left to say of them.
        """
        there = {row[0] for row in self._database.rows("SELECT number FROM cases")}
        return [each for each in reversed(list(self._unconfirmed.values())) if there.intersection(each.numbers)]

    def confirm(self, download: str, by: Actor) -> tuple[int, ...]:
        """``by`` keeps this file: its cases count as exported and the log has them, both or neither.

        Gives their numbers, which are all that nobody changed or deleted meanwhile. Said twice, it is done once and
        answered alike. Raises :class:`DownloadUnknown`; a StoreError, and then it may be said again.
        """
        with self._lock:  # the second of two clicks waits here while the first waits for the database
            if download in self._confirmed:
                return self._confirmed[download]
            if download not in self._unconfirmed:
                raise DownloadUnknown(download)
            kept = self._unconfirmed[download]
            self._confirmed[download] = kept.ledger.note_kept(kept.numbers, by)
            del self._unconfirmed[download]
            return self._confirmed[download]


def streamed(files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """A zip file of ``files`` (name and content), piece by piece: one file is in memory at a time, none on the disk.

    Where ``files`` raises, the zip file ends without its table of contents, and no program takes it for whole.
    """
    pieces = _Pieces()
    archive = zipfile.ZipFile(pieces, "w")  # closed below, and not where files raises
    for name, data in files:
        archive.writestr(name, data)
        yield pieces.take()
    archive.close()
    yield pieces.take()


class _Pieces(io.RawIOBase):
    """What is written, to be taken away."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        return len(self._written[-1])

    def take(self) -> bytes:
        taken, self._written = b"".join(self._written), []
        return taken


def contents(state: Path, database: Database, numbers: list[int]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file, case by case; a table at the end. Raises :class:`CaseNotExportable`."""
    table = io.StringIO()
    writer = csv.DictWriter(table, INDEX)
    writer.writeheader()
    for number in numbers:
        row, document = _row(database, number)
        writer.writerow(_line(row, document))
        yield f"{row['code']}/result.json", _json(document)
        yield f"{row['code']}/case.json", _json(_about(database, number, row))
        yield from _photograph(state, row, f"{row['code']}/photograph.webp")
        for wider in database.rows(visits.OVERVIEW, row["visit"], row["site"], number):
            yield from _photograph(state, dict(wider), f"{row['code']}/overview.webp")
    yield "cases.csv", table.getvalue().encode("utf-8-sig")  # spreadsheets know UTF-8 by its mark


def _row(database: Database, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    rows = database.rows("SELECT * FROM cases WHERE number = ?", number)
    answers = database.rows("SELECT document FROM answers WHERE case_number = ?", number)
    if not rows or not answers:
        raise CaseNotExportable(f"case number {number}", case=rows[0]["code"] if rows else f"#{number}")
    return dict(rows[0]), json.loads(answers[0][0])


def _about(database: Database, number: int, row: dict[str, Any]) -> dict[str, Any]:
    added = {
        table: [dict(each) for each in database.rows(f"SELECT * FROM {table} WHERE case_number = ?", number)]  # noqa: S608  # our own
        for table in ADDED
    }
    return {name: value for name, value in row.items() if name not in HIDDEN} | added


def _line(row: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return {
        "case": row["code"],
        **{name: row[name] for name in ("taken_at", "clock", "site", "source")},
        "outcome": document.get("outcome"),
        "grade": (document.get("risk") or {}).get("grade"),
    }


def _photograph(state: Path, row: dict[str, Any], name: str) -> Iterator[tuple[str, bytes]]:
    """Nothing where the box itself has lost it: the result is exported all the same."""
    path = state / layout.PHOTOS / f"{row['photo_id']}.webp"
    if path.exists():
        yield name, path.read_bytes()


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _as_folder(contents: Iterator[tuple[str, bytes]], to: Path) -> None:
    private_folder(to)
    for name, data in contents:
        path = to / PurePosixPath(name)
        write_atomically(private_folder(path.parent) / path.name, data)
        _compare(name, data, path.read_bytes())


def _as_zip(contents: Iterator[tuple[str, bytes]], to: Path) -> None:
    digests = {}
    descriptor = os.open(to, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        with zipfile.ZipFile(file, "w") as archive:  # photographs do not get smaller: stored
            for name, data in contents:
                archive.writestr(name, data)
                digests[name] = hashlib.sha256(data).digest()
        file.flush()
        os.fsync(file.fileno())
        with zipfile.ZipFile(file) as archive:
            for name, digest in digests.items():
                _compare(name, digest, hashlib.sha256(archive.read(name)).digest())


def _compare(name: str, written: bytes, read: bytes) -> None:
    if written != read:
        raise StickFailed(f"{name} reads differently from what was written")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
