"""The SQLite file: durable, private, migrated, checked.

One connection for all threads, one thread at a time: each use takes milliseconds, no reader can hold up
the checkpoint that a deletion needs, and there is one thing to close.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

from appliance.cases.faults import storage_faults
from appliance.errors import DatabaseDamaged, DatabaseTooNew, StateFolderForeign, StoreBusy, StoreError
from appliance.files import sync_folder

MIGRATIONS: Final = Path(__file__).parent / "migrations"
APPLICATION_ID: Final = int.from_bytes(b"derm", "big")
"""In the header of each of our files (``PRAGMA application_id``), so that another program's is not taken for one."""
BUSY_S: Final = 10.0
"""How long one waits for another thread, or another program such as a backup."""


class Database:
    """An open database at the newest version. Thread-safe."""

    def __init__(self, path: Path, migrations: Path = MIGRATIONS) -> None:
        """Open or make ``path``.

        Raises :class:`DatabaseTooNew`, :class:`DatabaseDamaged`, :class:`StateFolderForeign` or another StoreError.
        """
        self._lock = Lock()
        self.damaged = False
        """Some use found it damaged. Only a start mends that."""
        with storage_faults():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                _refuse_foreign(self._connection)
                _make_private(path)
                _prepare(self._connection, migrations)
                sync_folder(path.parent)
            except BaseException:  # no constructor that failed keeps a file open; raised again
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. May be called twice."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block, on the disk when it ends; or, where it raises, nothing of it."""
        with self._use() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:  # also an interrupt must not leave a transaction open; raised again
                if connection.in_transaction:  # a full disk makes SQLite roll back by itself
                    connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._use() as connection:
            return connection.execute(query, values).fetchall()

    def value(self, query: str, *values: object) -> Any:
        """The first column of the only row of a query."""
        return self.rows(query, *values)[0][0]

    def changes(self) -> int:
        """Grows with each row that is written through this connection."""
        with self._use() as connection:
            return connection.total_changes

    def scrub(self) -> None:
        """Rewrite the file without the traces of what was deleted, and empty the write-ahead log, which has them too.

        ``secure_delete`` alone leaves copies that SQLite made when it moved rows from page to page. Takes the time
        to write the database twice. Raises :class:`StoreBusy` where another program reads, :class:`StoreFull`.
        """
        with self._use() as connection:
            connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreBusy("another program reads the database; its log could not be emptied")

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        if not self._lock.acquire(timeout=BUSY_S):
            raise StoreBusy(f"another thread has had the database for {BUSY_S} s")
        try:
            with storage_faults():
                yield self._connection
        except DatabaseDamaged:
            self.damaged = True
            raise
        finally:
            self._lock.release()


def migrate(connection: sqlite3.Connection, migrations: Path = MIGRATIONS) -> None:
    """Apply the numbered scripts (``0001_name.sql``) that ``user_version`` says are missing, each whole or not at all.

    From then on the connection overwrites what it frees: what a script replaces must not stay readable either.
    Raises :class:`DatabaseTooNew` where the database has seen scripts that this program does not have.
    """
    connection.execute("PRAGMA secure_delete = ON")
    connection.create_function("sha256", 1, _sha256, deterministic=True)  # SQLite has none, and a script needs it
    scripts = {int(path.name.split("_")[0]): path for path in sorted(migrations.glob("[0-9]*_*.sql"))}
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > max(scripts):
        raise DatabaseTooNew(f"database version {version}, this program knows {max(scripts)}")
    for number, path in scripts.items():
        if number > version:
            _apply(connection, number, path)


def _apply(connection: sqlite3.Connection, number: int, path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n{marks}\nCOMMIT;")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _make_private(path: Path) -> None:
    """A database that somebody put back may be wide open, and SQLite gives its -wal and -shm files the same mode."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if file.exists():
            file.chmod(0o600)


def _refuse_foreign(connection: sqlite3.Connection) -> None:
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if not ours and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StateFolderForeign("the database is another program's")


def _prepare(connection: sqlite3.Connection, migrations: Path) -> None:
    connection.row_factory = sqlite3.Row
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreError("this file system does not allow a write-ahead log")
    for setting in ("synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {setting}")
    _check(connection)
    migrate(connection, migrations)


def _check(connection: sqlite3.Connection) -> None:
    verdict: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise DatabaseDamaged(verdict)
