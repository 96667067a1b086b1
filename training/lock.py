"""One process at a time in a run's folder: two would overwrite each other's checkpoints without a word."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import RunInUse


@contextmanager
def alone_in(folder: Path, what: str) -> Iterator[None]:
    """Hold ``<what>.lock`` in ``folder``, which is made. The system lets go of it when the process ends, killed or not.

    Raises :class:`training.errors.RunInUse` where another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{what}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise RunInUse(str(held), folder=folder, command=what) from held
        yield
