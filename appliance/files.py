"""Files that survive a power cut: whole or not there, private, and on the disk when the function returns."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from appliance.errors import LocksMissing

TEMPORARY: Final = r"\.(?P<name>.+)\.[a-z0-9_]{8}\.tmp"
"""Regular expression of the names :func:`write_atomically` gives its temporary files."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, as :func:`atomic_file` does."""
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, mode 0600, that takes its name when the block ends; a block that raises leaves the old file.

    A cut leaves the old file or the new one, never half of one; and maybe a temporary file ``.NAME.*.tmp`` beside it.
    Raises ``OSError``, and then leaves the old file; or the new one, where only the folder could not be put on the
    disk.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # also an interrupt leaves no half-written file; raised again
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def locked_at_once(descriptor: int, path: Path, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether nobody else holds a lock on the open file ``path``; it is then held until the file is closed.

    Raises :class:`LocksMissing` where the file system has none (some shares of a network and of a virtual machine).
    """
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise LocksMissing(f"{path}: {error}") from error
    return True


def remove_durably(*paths: Path) -> None:
    """Remove files of one folder for good; those already gone are no error. Raises ``OSError``."""
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths}:
        sync_folder(folder)


def private_folder(path: Path) -> Path:
    """Make ``path``, a folder that only its owner may enter (0700). Raises ``OSError``.

    A folder that is there keeps its mode: whoever made it decides who enters. What we put in is private by itself.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_folder(path.parent)
    return path


def sync_folder(path: Path) -> None:
    """Put a folder's list of names on the disk: a rename is durable only after this. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
