"""Room that can be given back: a file of nothing, dropped when the disk is full to the brim.

No photograph may take the last room (:data:`appliance.cases.photos.RESERVE_BYTES`), but another program may. Even then
somebody must be able to log in, read, and delete a case, and each of these writes a little.
"""

import os
from pathlib import Path
from typing import Final

from appliance.files import remove_durably, sync_folder

BYTES: Final = 32 * 2**20
"""Less than the reserve: what is given back, no photograph takes."""
ROOM_BYTES: Final = 512 * 2**20
"""Laid only where so much is free: on a disk that is nearly full it would be in the way."""


class Ballast:
    """One file of :data:`BYTES`. Raises ``OSError``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lay(self) -> None:
        """Take the room, where there is plenty."""
        status = os.statvfs(self._path.parent)
        if self._path.exists() or status.f_bavail * status.f_frsize < ROOM_BYTES:
            return
        descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, BYTES)
        finally:
            os.close(descriptor)
        sync_folder(self._path.parent)

    def drop(self) -> bool:
        """Give it back; False where it was given back before."""
        if not self._path.exists():
            return False
        remove_durably(self._path)
        return True
