"""The copy of the database that the box keeps for itself, and the journal of what came after it.

The copy is made anew now and then, and counts only once it has been read from end to end. What may not be lost until
then, an accepted case, its links and their end, and the staff's PIN, goes into the journal line by line. Both hold
nothing that was deleted: a deletion removes them before it counts as done, and the next copy is made soon.
"""

import fcntl
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

from appliance.cases.database import APPLICATION_ID
from appliance.cases.faults import storage_faults
from appliance.errors import DatabaseDamaged, StoreBusy, StoreFull
from appliance.files import locked_at_once, private_folder, remove_durably, sync_folder

COPY: Final = "cases.sqlite3"
UNFINISHED: Final = "cases.unfinished"
JOURNAL: Final = "journal"
DAMAGED: Final = "damaged.sqlite3"
"""The database that the copy took the place of, with its log beside it."""
WORK: Final = "backup"
"""Folder for what a backup needs while it is made."""
LOCK_SUFFIX: Final = ".lock"
PATIENCE_S: Final = 60.0
"""How long a deletion waits for a copy that is being made."""
WORK_PATIENCE_S: Final = 2.0
"""How long a deletion and a new backup wait for who only looks whether a backup is made, or tidies after one."""
POLL_S: Final = 0.05
PAGES: Final = -1  # the whole database in one step, as it stood at one moment


class Copies:
    """A folder with one copy and one journal. Thread-safe, and safe with other programs."""

    def __init__(self, folder: Path) -> None:
        """Raises ``OSError``."""
        self._folder = private_folder(folder)
        self._writing = Lock()

    @property
    def copy(self) -> Path:
        """The last copy; there may be none."""
        return self._folder / COPY

    def make(self, database: Path) -> None:
        """Copy ``database``, check the copy, and only then let it take the place of the last one.

        Raises :class:`StoreFull` where half the free room would not hold it, :class:`DatabaseDamaged` where the copy
        does not stand the check; then the last one stays.
        """
        with storage_faults(), self._alone():
            _refuse_little_room(database, self._folder)
            unfinished = self._folder / UNFINISHED
            unfinished.unlink(missing_ok=True)
            mark = self._journal_length()
            copy_database(database, unfinished)
            unfinished.replace(self.copy)
            sync_folder(self._folder)
            self._shorten_journal(mark)

    def note(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Add rows, each with its table, to the journal: bytes in hex. On the disk at return. Raises a StoreError."""
        # They begin a line of their own: what a power cut left unfinished before it must not spoil them.
        lines = "\n".join(["", *(json.dumps(row, ensure_ascii=False, default=bytes.hex) for row in rows), ""]).encode()
        with storage_faults(), self._writing:
            new = not self._journal.exists()
            descriptor = os.open(self._journal, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(lines)
                file.flush()  # all of it, or an error: a raw write may keep only what a full disk had room for
                os.fsync(file.fileno())
            if new:
                sync_folder(self._folder)

    def noted(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The journal, oldest first: table and row, without the lines that a cut left unfinished."""
        if not self._journal.exists():
            return
        for line in self._journal.read_bytes().splitlines():
            try:
                table, row = json.loads(line)
            except ValueError:
                continue  # empty, or nobody was told that this one was kept
            yield table, row

    def forget(self) -> None:
        """Remove copy, journal and damaged database: they know of a case that was deleted.

        Raises ``OSError`` or :class:`StoreBusy`.
        """
        with self._alone(), self._writing:
            remove_durably(*(path for path in self._folder.iterdir() if path.is_file() and path.suffix != LOCK_SUFFIX))
            with only_one(self._folder / f"{WORK}{LOCK_SUFFIX}", WORK_PATIENCE_S) as mine:
                if mine:  # else a backup is under way, and removes it itself
                    remove_work(self._folder)

    @property
    def _journal(self) -> Path:
        return self._folder / JOURNAL

    def _journal_length(self) -> int:
        return self._journal.stat().st_size if self._journal.exists() else 0

    def _shorten_journal(self, length: int) -> None:
        """Drop the first ``length`` bytes: the new copy knows them."""
        with self._writing:
            if not self._journal.exists():
                return
            rest = self._journal.read_bytes()[length:]
            if rest:  # noted while the copy was made: it may know them or not; knowing twice does no harm
                return
            remove_durably(self._journal)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other thread or program makes or removes a copy meanwhile. Raises :class:`StoreBusy`."""
        with only_one(self._folder / f"copy{LOCK_SUFFIX}", PATIENCE_S) as mine:
            if not mine:
                raise StoreBusy(f"a copy of the database has been under way for {PATIENCE_S} s")
            yield


@contextmanager
def only_one(lock: Path, patience_s: float = 0) -> Iterator[bool]:
    """Whether nobody else, of this program or another, has ``lock`` during the block. Raises :class:`LocksMissing`."""
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        end = time.monotonic() + patience_s
        while not (mine := locked_at_once(descriptor, lock)) and time.monotonic() < end:
            time.sleep(POLL_S)
        yield mine
    finally:
        os.close(descriptor)


def is_taken(lock: Path) -> bool:
    """Whether somebody has ``lock`` by :func:`only_one`.

    Those who ask do not see each other, and have it an instant themselves. Raises :class:`LocksMissing`.
    """
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not locked_at_once(descriptor, lock, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def remove_work(folder: Path) -> None:
    """Remove what a backup left behind. Raises ``OSError``."""
    if (folder / WORK).exists():
        shutil.rmtree(folder / WORK)
        sync_folder(folder)


def copy_database(database: Path, to: Path) -> None:
    """Copy as it stands at one moment, into one file that is checked and on the disk. For others it stays usable.

    Raises :class:`DatabaseDamaged`, and what SQLite and the disk raise.
    """
    os.close(os.open(to, os.O_CREAT | os.O_RDWR, 0o600))
    source = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S)
    with closing(source), closing(sqlite3.connect(to)) as target:
        source.backup(target, pages=PAGES)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    check(to)
    descriptor = os.open(to, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check(path: Path) -> None:
    """Read a database of ours from end to end. Raises :class:`DatabaseDamaged`; also for an empty file."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    except sqlite3.DatabaseError as error:
        raise DatabaseDamaged(f"{path.name}: {error}") from error
    if verdict != "ok" or not ours:
        raise DatabaseDamaged(f"{path.name}: {verdict if ours else 'empty'}")


def _refuse_little_room(database: Path, folder: Path) -> None:
    status = os.statvfs(folder)
    size = database.stat().st_size
    if status.f_bavail * status.f_frsize < 2 * size:
        raise StoreFull(f"no room for a copy of {size} bytes")
