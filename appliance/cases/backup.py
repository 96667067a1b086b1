"""Makes a generation on a stick, and reads it back whole before it counts."""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appliance.cases import layout
from appliance.cases.clock import Moment
from appliance.cases.copies import (
    LOCK_SUFFIX,
    WORK,
    WORK_PATIENCE_S,
    check,
    copy_database,
    is_taken,
    only_one,
    remove_work,
)
from appliance.cases.faults import storage_faults
from appliance.cases.ledger import Ledger
from appliance.cases.photos import ORPHANED
from appliance.cases.stick import Manifest, Stick
from appliance.errors import BackupDamaged, BackupUnderWay, StickFailed
from appliance.files import atomic_file, private_folder

log = logging.getLogger(__name__)

FILES: Final = (f"{layout.STATION}/calibration.json", layout.STAFF_SETTINGS)
"""In the state folder, beside database and photographs."""
KEEP: Final = 7
Say = Callable[[str, int, int], None]
"""Hears the step, how many of it are done, and of how many."""


@dataclass(frozen=True)
class Made:
    """A backup that was read back whole."""

    generation: int
    cases: int
    photographs: int
    new: int
    """Photographs that the stick did not have yet."""
    missing: int
    """Photographs that the box itself does not have, or has otherwise than they were, and the stick has not whole."""


def back_up(
    state: Path, stick: Stick, ledger: Ledger, now: Moment, keep: int = KEEP, say: Say = lambda *_: None
) -> Made:
    """Back up the folder ``state``, in use or not, as it stands at one moment; ``keep`` generations stay.

    Raises a :class:`StickError`, :class:`BackupDamaged`, :class:`BackupUnderWay` or a StoreError. Whatever it raises,
    earlier generations stay as they are.
    """
    with _work(state) as work:
        stick.prepare()
        known = _known(stick)
        ledger.begin_backup()
        numbers, ids, photographs = _copied(state, stick, work / layout.DATABASE, known, say)
        manifest = Manifest(now.iso(), now.clock, _sha256(work / layout.DATABASE), photographs, _files(state))
        generation = (stick.generations() or [0])[-1] + 1
        stick.put_generation(generation, manifest, work / layout.DATABASE)
        while lost := read_back(stick, generation, work / "read-back", state, say):
            manifest = replace(manifest, photographs=_without(manifest.photographs, lost))
            stick.put_generation(generation, manifest, work / layout.DATABASE)
        photographs = manifest.photographs
        stick.prove(generation)
        stick.thin_out(keep)
        ledger.note_backed_up(numbers, len(photographs))
        new, missing = photographs.keys() - known, len(ids) - len(photographs)
        return Made(generation, len(numbers), len(photographs), len(new), missing)


def _copied(
    state: Path, stick: Stick, copy: Path, known: dict[str, str], say: Say
) -> tuple[list[int], list[str], dict[str, str]]:
    """Copies the database and seals its photographs: numbers of the cases, ids, and id → SHA-256 of what was sealed.

    Where a case was deleted meanwhile, once more, so that it is not in the backup.
    """
    sealed: dict[str, str] = {}
    while True:
        with storage_faults():
            copy_database(state / layout.DATABASE, copy)
        numbers, ids = _contents(copy)
        sealed = dict(_sealed(state, stick, ids, known | sealed, say))
        lacking = set(ids) - sealed.keys()
        if not lacking or lacking <= set(_contents(state / layout.DATABASE)[1]):
            return numbers, ids, sealed


def under_way(state: Path) -> bool:
    """Whether some program makes a backup of the folder ``state`` just now."""
    return is_taken(state / layout.COPIES / f"{WORK}{LOCK_SUFFIX}")


def read_back(stick: Stick, generation: int, folder: Path, state: Path, say: Say) -> set[str]:
    """Restore a generation into ``folder``, photograph after photograph, and compare; gives those that are lost.

    A damaged photograph is sealed once more from ``state``; it is lost where that does not have it any more, either.
    Raises :class:`BackupDamaged`.
    """
    private_folder(folder)
    manifest = stick.generation(generation, folder / layout.DATABASE, proved=False)
    check_database(manifest, folder / layout.DATABASE)
    lost = set()
    for done, (photo_id, digest) in enumerate(manifest.photographs.items(), start=1):
        if not _mended(stick, photo_id, digest, folder / "photograph", _file(state, photo_id)):
            lost.add(photo_id)
        say("read_back", done, len(manifest.photographs))
    return lost


def _mended(stick: Stick, photo_id: str, digest: str, to: Path, own: Path | None) -> bool:
    """Whether it is whole on the stick, where it must be sealed again from the box's ``own``."""
    try:
        restore_photograph(stick, photo_id, digest, to)
    except (BackupDamaged, StickFailed) as fault:
        log.warning("photograph %s is damaged on the stick: %s", photo_id, fault)
        return _sealed_again(stick, photo_id, digest, to, own)
    return True


def _sealed_again(stick: Stick, photo_id: str, digest: str, to: Path, own: Path | None) -> bool:
    """From the box's own file, where that is there and as it was."""
    try:
        if own is None or _sha256(own) != digest:
            return False
        stick.put_photograph(photo_id, own)
    except FileNotFoundError:  # deleted at this moment
        return False
    restore_photograph(stick, photo_id, digest, to)
    return True


def _put(stick: Stick, photo_id: str, file: Path | None) -> str | None:
    """SHA-256 of what was sealed; ``None`` where there is no file, or it is deleted at this moment."""
    try:
        return stick.put_photograph(photo_id, file) if file else None
    except FileNotFoundError:
        return None


def check_database(manifest: Manifest, path: Path) -> None:
    """Raises :class:`BackupDamaged` or :class:`appliance.errors.DatabaseDamaged`."""
    if _sha256(path) != manifest.database:
        raise BackupDamaged("the database is another", name=layout.DATABASE)
    check(path)


def restore_photograph(stick: Stick, photo_id: str, digest: str, to: Path) -> None:
    """Write one photograph as it was. Raises :class:`BackupDamaged`; then nothing is written."""
    seen = hashlib.sha256()
    with atomic_file(to) as target:
        for chunk in stick.photograph(photo_id):
            seen.update(chunk)
            target.write(chunk)
        if seen.hexdigest() != digest:
            raise BackupDamaged(f"photograph {photo_id} is another", name=photo_id)


def _known(stick: Stick) -> dict[str, str]:
    """What the newest readable generation says of the photographs on the stick."""
    for generation in reversed(stick.generations()):
        try:
            return stick.generation(generation).photographs
        except (BackupDamaged, StickFailed) as fault:
            log.warning("backup %d cannot be read: %s", generation, fault)
    return {}


def _without(photographs: dict[str, str], lost: set[str]) -> dict[str, str]:
    return {photo_id: digest for photo_id, digest in photographs.items() if photo_id not in lost}


def _sealed(state: Path, stick: Stick, ids: list[str], known: dict[str, str], say: Say) -> Iterator[tuple[str, str]]:
    """Id and SHA-256 of each photograph; those that the stick lacks are put there."""
    for done, photo_id in enumerate(ids, start=1):
        if photo_id in known and stick.has_photograph(photo_id):
            yield photo_id, known[photo_id]
        elif digest := _put(stick, photo_id, _file(state, photo_id)):
            yield photo_id, digest
        say("photographs", done, len(ids))


def _file(state: Path, photo_id: str) -> Path | None:
    places = (state / layout.PHOTOS, state / layout.PHOTOS / ORPHANED)
    return next((path for folder in places if (path := folder / f"{photo_id}.webp").exists()), None)


def _contents(database: Path) -> tuple[list[int], list[str]]:
    """Numbers of the cases, and the photographs of those and of their overviews."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT number, photo_id, view FROM cases ORDER BY number").fetchall()
    return [row[0] for row in rows if row[2] == "close_up"], [row[1] for row in rows]


def _files(state: Path) -> dict[str, str]:
    return {name: (state / name).read_text("utf-8") for name in FILES if (state / name).is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _work(state: Path) -> Iterator[Path]:
    """A folder for what the backup needs meanwhile. What a cut leaves of it, the next deletion or backup removes."""
    copies = private_folder(state / layout.COPIES)
    with only_one(copies / f"{WORK}{LOCK_SUFFIX}", WORK_PATIENCE_S) as mine:
        if not mine:
            raise BackupUnderWay(str(state))
        remove_work(copies)
        try:
            yield private_folder(copies / WORK)
        finally:
            remove_work(copies)
