"""Writing bundle.json, sealing the bundle with a hash of every file, and replacing it as a whole or not at all."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.files import sync_folder, write_atomically
from appliance.vision.bundle import FILE, Card, read_card


def write_card(bundle: Path, card: Card) -> None:
    """bundle.json, for people to read, too."""
    path = bundle / FILE
    write_atomically(path, (card.model_dump_json(indent=2, by_alias=True) + "\n").encode())
    path.chmod(0o644)  # nothing of a patient is in it, and whoever installs the bundle must be able to read it


def seal(bundle: Path) -> None:
    """State the hash of every file of the bundle but bundle.json, so that the box notices any change."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.name != FILE)
    hashes = {path.relative_to(bundle).as_posix(): sha256_of(path) for path in files}
    write_card(bundle, read_card(bundle).model_copy(update={"sha256": hashes}))


def record_gate(bundle: Path, how: dict[str, object]) -> None:
    """Say in bundle.json where the limits of the photograph checks come from, and seal the bundle."""
    card = read_card(bundle)
    write_card(bundle, card.model_copy(update={"provenance": {**card.provenance, "gate": how}}))
    seal(bundle)


def sha256_of(path: Path) -> str:
    """Hex digest of a file; ``none`` where there is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "none"


@contextmanager
def replaced(bundle: Path) -> Iterator[Path]:
    """A copy of the folder ``bundle`` to change, which takes its place when all is done; an error leaves it alone.

    A kill leaves the old bundle or the new one, whole: at most, in the instant between two renames, the old one under
    the name ``.NAME.old``, which the next call puts back.
    """
    bundle = bundle.resolve()
    beside, old = (bundle.with_name(f".{bundle.name}.{what}") for what in ("new", "old"))
    if old.exists() and not bundle.exists():
        old.rename(bundle)
    for left in (beside, old):
        shutil.rmtree(left, ignore_errors=True)
    if bundle.exists():
        shutil.copytree(bundle, beside)
    beside.mkdir(parents=True, exist_ok=True)
    try:
        yield beside
    except BaseException:  # also an interrupt leaves nothing half-made; raised again
        shutil.rmtree(beside)
        raise
    _on_disk(beside)
    if bundle.exists():
        bundle.rename(old)
    beside.rename(bundle)
    sync_folder(bundle.parent)
    shutil.rmtree(old, ignore_errors=True)


def _on_disk(folder: Path) -> None:
    """A rename may reach the disk before what was written; a power cut would then leave empty files."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)
