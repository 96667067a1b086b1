"""Puts a backup back onto a new box. It may be cut anywhere, and goes on with the same command."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.cases import layout
from appliance.cases.backup import FILES, Say, check_database, restore_photograph
from appliance.cases.photos import is_photo
from appliance.cases.stick import Manifest, Stick
from appliance.errors import BackupDamaged, DatabaseDamaged, RestoreTargetTaken, StickFailed
from appliance.files import private_folder, remove_durably, sync_folder, write_atomically

MARK: Final = ".restoring"
"""A file in the folder, from the first thing that is written to the last."""
DATABASE: Final = ".restoring-database"


@dataclass(frozen=True)
class Restored:
    """What came back."""

    manifest: Manifest
    skipped: int
    """Generations that are newer, but damaged."""
    damaged: tuple[str, ...]
    """Ids of the photographs that are damaged on the stick; the box says so where a case has one of them."""

    @property
    def photographs(self) -> int:
        """How many came back."""
        return len(self.manifest.photographs) - len(self.damaged)


def restore(stick: Stick, state: Path, say: Say = lambda *_: None) -> Restored:
    """Restore the newest whole generation into ``state``, which must be new, empty, or half restored.

    A damaged photograph stops nothing. The database comes last: until then no box starts on the folder. What is
    written belongs to whom the folder belongs to. Raises :class:`RestoreTargetTaken`, :class:`BackupMissing`;
    :class:`BackupDamaged`, :class:`DatabaseDamaged` or a :class:`StickError` where no generation is whole or the stick
    is gone; ``OSError`` where the box's own disk fails.
    """
    stick.newest()
    _refuse_taken(private_folder(state))
    with layout.alone(state):
        write_atomically(state / MARK, b"")
        generation, skipped, manifest = _newest_whole(stick, state / DATABASE)
        photos = private_folder(state / layout.PHOTOS)
        damaged = tuple(_restore_photographs(stick, generation, manifest, photos, say))
        for name, text in manifest.files.items():
            write_atomically(private_folder((state / name).parent) / Path(name).name, text.encode())
        _hand_over(state)
        (state / DATABASE).replace(state / layout.DATABASE)
        sync_folder(state)
        remove_durably(state / MARK)
    return Restored(manifest, skipped, damaged)


def _newest_whole(stick: Stick, database: Path) -> tuple[int, int, Manifest]:
    """Its number, how many newer are damaged, and its manifest; the database is written. Raises what the newest has."""
    faults: list[BackupDamaged | DatabaseDamaged | StickFailed] = []
    for generation in reversed(stick.generations()):
        try:
            manifest = stick.generation(generation, database)
            check_database(manifest, database)
            _refuse_strange(manifest)
        except (BackupDamaged, DatabaseDamaged, StickFailed) as fault:
            faults.append(fault)
        else:
            return generation, len(faults), manifest
    raise faults[0]


def _refuse_strange(manifest: Manifest) -> None:
    """Its names become paths that root writes: nothing but what a backup holds. Raises :class:`BackupDamaged`."""
    strange = [name for name in manifest.files if name not in FILES]
    strange += [photo_id for photo_id in manifest.photographs if not is_photo(f"{photo_id}.webp")]
    if strange:
        raise BackupDamaged(f"it names {strange[0]!r}", name=strange[0])


def _refuse_taken(state: Path) -> None:
    there = {path.name for path in state.iterdir()} - {layout.FILE_SYSTEMS_OWN}
    if MARK not in there and there - {layout.LOCK}:
        raise RestoreTargetTaken(f"{state} holds {len(there)} things", path=state)


def _restore_photographs(stick: Stick, generation: int, manifest: Manifest, folder: Path, say: Say) -> Iterator[str]:
    """Gives the damaged ones' ids. Those that a cut attempt restored already are left as they are."""
    for done, (photo_id, digest) in enumerate(manifest.photographs.items(), start=1):
        path = folder / f"{photo_id}.webp"
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            try:
                restore_photograph(stick, photo_id, digest, path)
            except (BackupDamaged, StickFailed):
                stick.generation(generation)  # raises where the whole stick is gone: then no photograph is to blame
                path.unlink(missing_ok=True)
                yield photo_id
        say("restored", done, len(manifest.photographs))


def _hand_over(state: Path) -> None:
    """Root restores for the user that the box runs as: the folder's owner."""
    owner = state.stat()
    if os.geteuid() == 0 and owner.st_uid:
        for path in state.rglob("*"):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
