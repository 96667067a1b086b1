"""One process at a time in a run's folder: two would overwrite each other's checkpoints without a word."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.files import locked_at_once
from training.errors import RunInUse


@contextmanager
def alone_in(folder: Path, what: str) -> Iterator[None]:
    """Hold ``<what>.lock`` in ``folder``, which is made. The system lets go of it when the process ends, killed or not.

    Raises :class:`training.errors.RunInUse` where another process holds it, :class:`appliance.errors.LocksMissing`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / f"{what}.lock"
    with lock.open("w") as file:
        if not locked_at_once(file.fileno(), lock):
            raise RunInUse(str(lock), folder=folder, command=what)
        yield
