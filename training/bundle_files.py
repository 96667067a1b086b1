"""Writing bundle.json, and sealing the bundle with a hash of every file."""

import hashlib
from pathlib import Path

from appliance.files import write_atomically
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
