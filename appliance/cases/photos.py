"""The photographs: one lossless WebP file each, so that the pixels are exactly those that were accepted."""

import io
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from appliance.errors import PhotoLost, StoreFull
from appliance.files import TEMPORARY, private_folder, remove_durably, sync_folder, write_atomically

Pixels = NDArray[np.uint8]

RESERVE_BYTES: Final = 64 * 2**20
"""Disk space that no new photograph may take: answers and deletions of earlier cases need it (a deletion writes
the database anew)."""
ORPHANED: Final = "orphaned"
"""Folder within the folder, for whole photographs that no case knows of."""


class Photos:
    """A private folder of photographs by id. Raises ``OSError`` where the disk does."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)

    def save(self, photo_id: str, pixels: Pixels) -> None:
        """Keep uint8 RGB, H×W×3, each side at most 16383 px. Raises :class:`StoreFull`; then nothing is left."""
        data = _encode(pixels)
        if shutil.disk_usage(self._folder).free < len(data) + RESERVE_BYTES:
            raise StoreFull(f"less than {RESERVE_BYTES} bytes would be left on the disk")
        write_atomically(self._path(photo_id), data)

    def load(self, photo_id: str) -> Pixels:
        """The pixels as they were saved.

        Raises :class:`PhotoLost` where the file is gone or damaged; ``OSError`` where the disk did not give it, this
        time.
        """
        try:
            return _decode(self._path(photo_id).read_bytes())
        except FileNotFoundError as gone:
            raise PhotoLost(str(gone)) from gone

    def delete(self, *photo_ids: str) -> None:
        """Remove them for good, orphaned or not; those gone already are no error."""
        orphaned = (self._orphan(photo_id) for photo_id in photo_ids)
        remove_durably(*map(self._path, photo_ids), *(path for path in orphaned if path.exists()))

    def tidy(self, ids: set[str]) -> int:
        """Remove unfinished files, and sort whole photographs by whether a case knows them (``ids``).

        Others go to ``orphaned/``, and known ones come back from there. Returns how many went. Files that we did not
        make stay as they are.
        """
        remove_durably(*(path for path in self._folder.iterdir() if is_temporary(path.name)))
        here = {path.stem for path in self._folder.iterdir() if is_photo(path.name)}
        strays = here - ids
        _move((self._orphan(photo_id) for photo_id in ids - here), self._folder)
        _move(map(self._path, strays), self._folder / ORPHANED)
        return len(strays)

    def _path(self, photo_id: str) -> Path:
        return self._folder / f"{photo_id}.webp"

    def _orphan(self, photo_id: str) -> Path:
        return self._folder / ORPHANED / f"{photo_id}.webp"


def is_photo(name: str) -> bool:
    """Whether a file of this name is a whole photograph that :class:`Photos` saved."""
    return re.fullmatch(r"[0-9a-f]{32}\.webp", name) is not None


def is_temporary(name: str) -> bool:
    """Whether a file of this name is a photograph whose saving was cut."""
    match = re.fullmatch(TEMPORARY, name)
    return match is not None and is_photo(match["name"])


def is_ours(name: str) -> bool:
    """Whether :class:`Photos` gives such names in its folder."""
    return name == ORPHANED or is_photo(name) or is_temporary(name)


def _move(paths: Iterable[Path], folder: Path) -> None:
    """Move those that are there, durably."""
    moved = [path for path in paths if path.exists()]
    if not moved:
        return
    private_folder(folder)
    for path in moved:
        path.rename(folder / path.name)
    for changed in {folder, *(path.parent for path in moved)}:
        sync_folder(changed)


def _decode(data: bytes) -> Pixels:
    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises all three on damaged files
        raise PhotoLost(str(error)) from error


def _encode(pixels: Pixels) -> bytes:
    """Lossless in any case: method and quality only say how long to look for a smaller file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, exact=True, method=0, quality=0)
    return buffer.getvalue()
