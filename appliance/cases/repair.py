"""A damaged database is put back from the box's own copy, and what is younger from the journal; nothing silently.

All of it happens in a file beside the database, which takes its place in one step: wherever that is cut, the next start
begins anew. The damaged database is kept beside the copy, until something is deleted.
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from appliance.cases import audit, clock, layout
from appliance.cases.clock import Moment
from appliance.cases.copies import DAMAGED, Copies, check
from appliance.cases.database import migrate
from appliance.cases.faults import storage_faults
from appliance.cases.links import hashed
from appliance.cases.photos import ORPHANED, is_photo
from appliance.cases.spare import REVOKED
from appliance.cases.store import Store
from appliance.errors import DatabaseDamaged
from appliance.files import sync_folder

RESTORED: Final = "restored"
TABLES: Final = ("consent_texts", "visits", "cases", "links", "staff_pin")
"""Those whose rows the journal may name."""

log = logging.getLogger(__name__)


def open_store(folder: Path, now: Callable[[], Moment] = clock.now) -> Store:
    """Open the store; where its database is damaged, put it back first.

    Raises what :class:`Store` raises; :class:`DatabaseDamaged` where there is no whole copy either.
    """
    try:
        return Store(folder, now)
    except DatabaseDamaged as damaged:
        log.error("the database is damaged (%s); the last copy is put back", damaged)  # noqa: TRY400  # it is known why
        put_back(folder, damaged, now())
    return Store(folder, now)


def put_back(folder: Path, damaged: DatabaseDamaged, now: Moment) -> None:
    """Replace the database by the copy and the journal. Raises ``damaged`` where there is no whole copy."""
    with storage_faults(), layout.alone(folder):
        copies = Copies(folder / layout.COPIES)
        restored = folder / layout.COPIES / RESTORED
        _start_from(copies, restored, damaged)
        _replay(restored, copies, folder / layout.PHOTOS, now)
        check(restored)
        _set_aside(folder)
        restored.replace(folder / layout.DATABASE)
        sync_folder(folder)
        sync_folder(folder / layout.COPIES)


def _start_from(copies: Copies, restored: Path, damaged: DatabaseDamaged) -> None:
    for leftover in restored.parent.glob(f"{RESTORED}*"):
        leftover.unlink()
    try:
        check(copies.copy)
    except DatabaseDamaged as worse:
        raise damaged from worse
    shutil.copyfile(copies.copy, restored)
    restored.chmod(0o600)


def _replay(restored: Path, copies: Copies, photos: Path, now: Moment) -> None:
    """Bring ``restored`` up to now, and write into it what came of it."""
    with closing(sqlite3.connect(restored, isolation_level=None)) as connection:
        migrate(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN")
        regained = sum(_put_back(connection, table, row) and table == "cases" for table, row in copies.noted())
        revoked = [(hashed(row)["hash"],) for table, row in copies.noted() if table == REVOKED]
        connection.executemany("DELETE FROM links WHERE hash = ?", revoked)  # last: no token is given twice
        known = {row[0] for row in connection.execute("SELECT photo_id FROM cases")}
        here = set(_photographs(photos))
        line = (now.iso(), now.clock, regained, len(here - known), len(known - here))
        columns = "at, clock, regained, unlinked, missing"
        connection.execute(f"INSERT INTO repairs ({columns}) VALUES (?, ?, ?, ?, ?)", line)  # noqa: S608  # our own
        audit.append(connection, now, "box", "repair")
        connection.execute("COMMIT")
    log.warning("put back: %d younger cases regained, %d photographs unlinked, %d missing", *line[2:])
    descriptor = os.open(restored, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_back(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> bool:
    """Whether a row of the journal was missing and is there now."""
    if table not in TABLES:
        return False
    if table == "staff_pin":
        row = row | {name: bytes.fromhex(row[name]) for name in ("salt", "hash")}
        connection.execute("DELETE FROM staff_pin WHERE generation < ?", (row["generation"],))
    if table == "links":
        row = hashed(row)
    new = _inserted(connection, table, row)
    if table == "links":
        query = "UPDATE links SET holder = ? WHERE hash = ? AND holder IS NULL"
        connection.execute(query, (row.get("holder"), row["hash"]))
    return new


def _inserted(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> bool:
    columns = [column[1] for column in connection.execute(f"PRAGMA table_info({table})") if column[1] in row]
    query = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608  # our own names
    try:
        done = connection.execute(query, [row[column] for column in columns])
    except sqlite3.IntegrityError as refused:  # a link whose case is gone
        log.warning("a row of %s could not be put back: %s", table, refused)
        return False
    return bool(done.rowcount)


def _photographs(folder: Path) -> Iterator[str]:
    for place in (folder, folder / ORPHANED):
        if place.is_dir():
            yield from (path.stem for path in place.iterdir() if is_photo(path.name))


def _set_aside(folder: Path) -> None:
    """Move the damaged database away, its log first: beside another database it would be taken for that one's."""
    to = folder / layout.COPIES / DAMAGED
    for kind in ("-wal", "-shm", "-journal", ""):
        path = folder / f"{layout.DATABASE}{kind}"
        if path.exists():
            path.replace(f"{to}{kind}")
    sync_folder(folder / layout.COPIES)
    sync_folder(folder)
