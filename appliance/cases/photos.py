"""The photographs: one lossless WebP file each, so that the pixels are exactly those that were accepted."""

import io
import shutil
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from appliance.errors import PhotoLost, StoreFull
from appliance.files import private_folder, remove_durably, write_atomically

Pixels = NDArray[np.uint8]

RESERVE_BYTES: Final = 64 * 2**20
"""Disk space that no new photograph may take: answers and deletions of earlier cases need it (a deletion writes
the database anew)."""


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
        """The pixels as they were saved. Raises :class:`PhotoLost`."""
        try:
            with Image.open(self._path(photo_id), formats=["WEBP"]) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError) as error:  # Pillow raises all three on damaged files
            raise PhotoLost(str(error)) from error

    def delete(self, photo_id: str) -> None:
        """Remove it for good; one that is gone already is no error."""
        remove_durably(self._path(photo_id))

    def ids(self) -> set[str]:
        """Whole photographs in the folder."""
        return {path.stem for path in self._folder.glob("*.webp")}

    def keep_only(self, ids: set[str]) -> None:
        """Remove every other file, temporary ones too."""
        kept = {self._path(photo_id) for photo_id in ids}
        remove_durably(*(path for path in self._folder.iterdir() if path not in kept))

    def _path(self, photo_id: str) -> Path:
        return self._folder / f"{photo_id}.webp"


def _encode(pixels: Pixels) -> bytes:
    """Lossless in any case: method and quality only say how long to look for a smaller file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, exact=True, method=0, quality=0)
    return buffer.getvalue()
