"""What the disk and SQLite complain about, in the words of the one exception tree."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from appliance.errors import DatabaseDamaged, StoreBusy, StoreError, StoreFull

_SQLITE: Final[dict[int, type[StoreError]]] = {
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_IOERR_SHMSIZE: StoreFull,  # the WAL's index found no room to grow
    sqlite3.SQLITE_CORRUPT: DatabaseDamaged,
    sqlite3.SQLITE_NOTADB: DatabaseDamaged,
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
}
_SYSTEM: Final[dict[int | None, type[StoreError]]] = {errno.ENOSPC: StoreFull, errno.EDQUOT: StoreFull}


@contextmanager
def storage_faults() -> Iterator[None]:
    """Turn ``sqlite3.Error`` and ``OSError`` into a :class:`appliance.errors.StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _sqlite_fault(error)(str(error)) from error
    except OSError as error:
        raise _SYSTEM.get(error.errno, StoreError)(str(error)) from error


def _sqlite_fault(error: sqlite3.Error) -> type[StoreError]:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # the module's own errors have none
    return _SQLITE.get(code) or _SQLITE.get(code & 0xFF, StoreError)  # the low byte is the primary code
