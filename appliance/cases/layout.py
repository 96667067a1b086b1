"""The folder that everything is kept in: whose it is, and that one program at a time has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appliance.cases.copies import COPY
from appliance.cases.photos import is_ours, is_photo
from appliance.errors import DatabaseDamaged, StateFolderForeign, StoreInUse
from appliance.files import locked_at_once

DATABASE: Final = "cases.sqlite3"
LOCK: Final = "lock"
PHOTOS: Final = "photos"
STATION: Final = "station"
"""The calibration lies in it; a box may be calibrated before its first case."""
COPIES: Final = "copies"
BALLAST: Final = "ballast"
STAFF_SETTINGS: Final = "staff-settings.toml"
OURS: Final = (
    LOCK,
    PHOTOS,
    STATION,
    COPIES,
    BALLAST,
    STAFF_SETTINGS,
    DATABASE,
    *(f"{DATABASE}-{kind}" for kind in ("wal", "shm", "journal")),
)
FILE_SYSTEMS_OWN: Final = "lost+found"


def refuse_wrong(folder: Path) -> None:
    """Look, without touching anything, whether ``folder`` is new, empty or ours.

    Raises :class:`DatabaseDamaged` where there are photographs of ours, or a copy of it, but no database: it was lost,
    and a new one would know nothing. Raises :class:`StateFolderForeign` where there is no database and things we did
    not make.
    """
    database = folder / DATABASE
    if database.exists() and database.stat().st_size:
        return
    photos = _entries(folder / PHOTOS)
    if any(is_photo(path.name) for path in photos) or (folder / COPIES / COPY).exists():
        raise DatabaseDamaged(f"{database} is missing or empty, but there are photographs or a copy of it")
    foreign = [path for path in _entries(folder) if path.name not in (*OURS, FILE_SYSTEMS_OWN)]
    foreign += [path for path in photos if not is_ours(path.name)]
    if foreign:
        raise StateFolderForeign(f"{folder} has no {DATABASE}, but {len(foreign)} other things")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have ``folder`` to oneself. Raises :class:`StoreInUse`, :class:`appliance.errors.LocksMissing`.

    Two stores over one folder would answer twice, and remove each other's unfinished photographs. The lock belongs
    to the open file: it keeps out another store of this process, too, and ends with the process, however it ends.
    (Only a child that was forked and runs no other program would inherit it; we have none.)
    """
    descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if not locked_at_once(descriptor, folder / LOCK):
            raise StoreInUse(str(folder))
        yield
    finally:
        os.close(descriptor)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
