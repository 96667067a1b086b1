"""A backup on a stick: photographs, each sealed once, and generations, each a sealed database and what belongs to it.

    dermkiosk-<mark>/photographs/<two characters>/<id>.sealed
    dermkiosk-<mark>/generations/<number>.sealed

The mark tells the boxes apart, so several may share a stick. A generation counts once it has its name, and it gets its
name only after it was read back whole. What is here is written like the box's own files: whole or not there.
"""

import errno
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from appliance.cases.sealed import RecoveryKey, seal, unsealed
from appliance.errors import BackupDamaged, BackupMissing, StickFailed, StickFull, StickMissing
from appliance.files import atomic_file, private_folder, sync_folder

log = logging.getLogger(__name__)

FORMAT: Final = "dermkiosk.backup/1"
PREFIX: Final = "dermkiosk-"
SEALED: Final = ".sealed"
UNPROVED: Final = ".unproved"
HEAD_MAX_BYTES: Final = 64 * 2**20
"""Of a generation's first line; a hundred thousand photographs need a tenth of it."""


@dataclass(frozen=True)
class Manifest:
    """The first line of a generation."""

    made_at: str
    """ISO 8601, UTC."""
    clock: str
    database: str
    """SHA-256 of the database, which follows."""
    photographs: dict[str, str]
    """Id → SHA-256 of the file."""
    files: dict[str, str] = field(default_factory=dict)
    """Path in the state folder → content of small text files: the calibration."""
    format: str = FORMAT


class Stick:
    """The folder of one box on a stick. Faults of the stick are raised as a :class:`StickError`."""

    def __init__(self, path: Path, key: RecoveryKey) -> None:
        self._key = key
        self.folder = path / f"{PREFIX}{key.mark()}"
        self._path = path

    def prepare(self) -> None:
        """Make the folders. Raises :class:`StickMissing` where there is no stick at all."""
        if not self._path.is_dir():
            raise StickMissing(str(self._path), path=self._path)
        with stick_faults():
            for folder in (self.folder, self.folder / "generations", self.folder / "photographs"):
                private_folder(folder)

    def generations(self) -> list[int]:
        """Numbers of those that were read back whole, oldest first."""
        return sorted(int(path.stem) for path in (self.folder / "generations").glob(f"[0-9]*{SEALED}"))

    def newest(self) -> int:
        """Raises :class:`BackupMissing` where there is none for this key; ``others``: but for another."""
        numbers = self.generations()
        if not numbers:
            others = sum(1 for _ in self._path.glob(f"{PREFIX}*")) - self.folder.is_dir()
            raise BackupMissing(f"{self.folder} has no generation", path=self._path, others=others)
        return numbers[-1]

    def put_photograph(self, photo_id: str, file: Path) -> str:
        """Seal a file; gives its SHA-256. Raises ``FileNotFoundError`` where it is gone."""
        with file.open("rb") as source, stick_faults():
            to = self._photograph(photo_id)
            private_folder(to.parent)
            with _fresh(to) as target:
                return seal(self._key, photo_id, source, target)

    def has_photograph(self, photo_id: str) -> bool:
        """Whether it was sealed once."""
        return self._photograph(photo_id).exists()

    def photograph(self, photo_id: str) -> Iterator[bytes]:
        """Its content. Raises :class:`BackupDamaged`."""
        yield from self._read(self._photograph(photo_id), photo_id)

    def put_generation(self, number: int, manifest: Manifest, database: Path) -> None:
        """Seal a generation that is not yet proved."""
        head = json.dumps(vars(manifest), ensure_ascii=False).encode() + b"\n"
        with database.open("rb") as source, stick_faults(), _fresh(self._generation(number, UNPROVED)) as target:
            seal(self._key, _name(number), _After(head, source), target)

    def generation(self, number: int, database: Path | None = None, proved: bool = True) -> Manifest:
        """Read its manifest; and its database into a file, where one is named. Raises :class:`BackupDamaged`."""
        chunks = self._read(self._generation(number, SEALED if proved else UNPROVED), _name(number))
        head = b""
        while b"\n" not in head and len(head) < HEAD_MAX_BYTES:
            head += next(chunks, b"\n")
        line, _, rest = head.partition(b"\n")
        manifest = _manifest(line, _name(number))
        if database is not None:
            with atomic_file(database) as target:
                target.write(rest)
                target.writelines(chunks)
        return manifest

    def prove(self, number: int) -> None:
        """It was read back whole: now it counts."""
        with stick_faults():
            self._generation(number, UNPROVED).replace(self._generation(number, SEALED))
            sync_folder(self.folder / "generations")

    def thin_out(self, keep: int) -> None:
        """Remove all generations but the newest ``keep``, and the photographs that none of those has.

        Where one of those cannot be read, nobody knows which photographs it has: all stay for now.
        """
        kept = self.generations()[-keep:]
        with stick_faults():
            for path in (self.folder / "generations").iterdir():
                if path.suffix != SEALED or int(path.stem) not in kept:
                    path.unlink()
            needed = self._needed(kept)
            if needed is None:
                return
            for path in (self.folder / "photographs").glob("*/*"):
                if path.suffix != SEALED or path.stem not in needed:
                    path.unlink()

    def _needed(self, generations: list[int]) -> set[str] | None:
        """Ids of their photographs; ``None`` where one cannot be read."""
        try:
            return {photo_id for number in generations for photo_id in self.generation(number).photographs}
        except (BackupDamaged, StickFailed) as fault:
            log.warning("photographs on the stick stay, for a backup cannot be read: %s", fault)
            return None

    def _read(self, path: Path, name: str) -> Iterator[bytes]:
        try:
            with path.open("rb") as source:
                os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # from the stick, not from memory
                yield from unsealed(self._key, name, source)
        except FileNotFoundError as gone:
            raise BackupDamaged(str(gone), name=name) from gone
        except OSError as error:
            raise StickFailed(str(error)) from error

    def _photograph(self, photo_id: str) -> Path:
        return self.folder / "photographs" / photo_id[:2] / f"{photo_id}{SEALED}"

    def _generation(self, number: int, suffix: str) -> Path:
        return self.folder / "generations" / f"{_name(number)}{suffix}"


@contextmanager
def stick_faults() -> Iterator[None]:
    """Turn ``OSError`` into :class:`StickFull` or :class:`StickFailed`."""
    try:
        yield
    except OSError as error:
        kind = StickFull if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else StickFailed
        raise kind(str(error)) from error


class _After:
    """Reads some bytes, and then a file."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head, self._file = head, file

    def read(self, size: int) -> bytes:
        part, self._head = self._head[:size], self._head[size:]
        return part + self._file.read(size - len(part)) if len(part) < size else part


@contextmanager
def _fresh(path: Path) -> Iterator[BinaryIO]:
    """A file that is written, and then forgotten by the system's memory: what is read back comes from the stick."""
    with atomic_file(path) as target:
        yield target
        target.flush()
        os.fsync(target.fileno())
        os.posix_fadvise(target.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _name(number: int) -> str:
    return f"{number:06}"


def _manifest(line: bytes, name: str) -> Manifest:
    try:
        members: dict[str, Any] = json.loads(line)
        manifest = Manifest(**members)
    except (ValueError, TypeError) as error:
        raise BackupDamaged(f"{name}: {error}", name=name) from error
    if manifest.format != FORMAT:
        raise BackupDamaged(f"{name} has the format {manifest.format}", name=name)
    return manifest
