"""Puts a backup back onto a new box. It may be cut anywhere, and goes on with the same command."""

import hashlib
import os
from pathlib import Path
from typing import Final

from appliance.cases import layout
from appliance.cases.backup import Say, check_database, restore_photograph
from appliance.cases.stick import Manifest, Stick
from appliance.errors import RestoreTargetTaken
from appliance.files import private_folder, remove_durably, sync_folder, write_atomically

MARK: Final = ".restoring"
"""A file in the folder, from the first thing that is written to the last."""
DATABASE: Final = ".restoring-database"


def restore(stick: Stick, state: Path, say: Say = lambda *_: None) -> Manifest:
    """Restore the newest generation into ``state``, which must be new, empty, or half restored.

    The database comes last: until then no box starts on the folder. What is written belongs to whom the folder
    belongs to. Raises :class:`RestoreTargetTaken`, :class:`BackupMissing`, :class:`BackupDamaged`, a
    :class:`StickError`; ``OSError`` where the box's own disk fails.
    """
    generation = stick.newest()
    _refuse_taken(private_folder(state))
    with layout.alone(state):
        write_atomically(state / MARK, b"")
        manifest = stick.generation(generation, state / DATABASE)
        check_database(manifest, state / DATABASE)
        _restore_photographs(stick, manifest, private_folder(state / layout.PHOTOS), say)
        for name, text in manifest.files.items():
            write_atomically(private_folder((state / name).parent) / Path(name).name, text.encode())
        _hand_over(state)
        (state / DATABASE).replace(state / layout.DATABASE)
        sync_folder(state)
        remove_durably(state / MARK)
    return manifest


def _refuse_taken(state: Path) -> None:
    there = {path.name for path in state.iterdir()} - {layout.FILE_SYSTEMS_OWN}
    if MARK not in there and there - {layout.LOCK}:
        raise RestoreTargetTaken(f"{state} holds {len(there)} things", path=state)


def _restore_photographs(stick: Stick, manifest: Manifest, folder: Path, say: Say) -> None:
    """Those that a cut attempt restored already are left as they are."""
    for done, (photo_id, digest) in enumerate(manifest.photographs.items(), start=1):
        path = folder / f"{photo_id}.webp"
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            restore_photograph(stick, photo_id, digest, path)
        say("restored", done, len(manifest.photographs))


def _hand_over(state: Path) -> None:
    """Root restores for the user that the box runs as: the folder's owner."""
    owner = state.stat()
    if os.geteuid() == 0 and owner.st_uid:
        for path in state.rglob("*"):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
