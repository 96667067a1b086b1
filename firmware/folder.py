"""A folder of photographs in a camera's place."""

import logging
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from firmware.calls import DriverCalls
from firmware.devices import CaptureSettings, ClosedOnExit, Frame
from firmware.errors import CameraUnplugged, FolderEmpty

FORMATS: Final = ("JPEG", "PNG", "WEBP")
PREVIEW_SIDE_PX: Final = 800
NOT_SHOWN: Final = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for files that are not photographs, or damaged ones."""
log = logging.getLogger(__name__)


class FolderCamera(ClosedOnExit):
    """Shows the photographs of a folder in turn, by name.

    A burst is several captures of one scene, so the turn ends with the first preview after a capture:
    the live view then shows the next photograph. The last one is followed by the first.
    """

    name = "folder"
    simulated = True
    hardware_id = None

    def __init__(self, folder: Path) -> None:
        """Raises :class:`FolderEmpty` where there is no folder or no photograph in it."""
        self._folder = folder
        self._photographs = _photographs(folder)
        self._captured = False
        self._calls = DriverCalls()  # the folder may be on a stick or in the network
        self._sequence = 0
        self._closed = False

    @property
    def stuck(self) -> bool:
        """True while a read that was given up has not returned."""
        return self._calls.stuck

    def preview(self, timeout_s: float) -> Frame:
        """The photograph whose turn it is, long side 800 px at most. Raises :class:`FolderEmpty`."""
        if self._captured:
            self._photographs.append(self._photographs.pop(0))
            self._captured = False
        return self._calls.within(timeout_s, lambda: self._frame(PREVIEW_SIDE_PX))

    def capture(self, timeout_s: float) -> Frame:
        """The photograph whose turn it is, in its own size. Raises :class:`FolderEmpty`."""
        self._captured = True
        return self._calls.within(timeout_s, lambda: self._frame(None))

    def lock(self, settings: CaptureSettings | None, timeout_s: float) -> None:
        """Nothing: a photograph was taken as it was taken."""

    def focus(self, timeout_s: float) -> float | None:
        """Nothing can be focused."""
        del timeout_s
        return None

    def close(self) -> None:
        """Nothing is kept open, but like every camera it gives no frame afterwards."""
        self._closed = True

    def _frame(self, side_px: int | None) -> Frame:
        if self._closed:
            raise CameraUnplugged("the camera was closed")
        self._sequence += 1
        picture = self._current()
        if side_px is not None:
            picture.thumbnail((side_px, side_px))
        return Frame(np.array(picture), self._sequence, exposure_us=None, analogue_gain=None, colour_gains=None)

    def _current(self) -> Image.Image:
        """The photograph whose turn it is; what cannot be decoded (or went away) loses its turn for good."""
        while self._photographs:
            try:
                with Image.open(self._photographs[0], formats=FORMATS) as file:
                    return ImageOps.exif_transpose(file).convert("RGB")
            except NOT_SHOWN as damaged:
                log.warning("%s is left out: %s", self._photographs.pop(0), damaged)
        raise FolderEmpty(f"no photograph is left in {self._folder}", folder=self._folder)


def _photographs(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if _is_photograph(path)) if folder.is_dir() else []
    if not files:
        raise FolderEmpty(f"{folder} is not a folder with JPEG, PNG or WebP files", folder=folder)
    return files


def _is_photograph(path: Path) -> bool:
    """By content, not by name; only the header is read."""
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except NOT_SHOWN:
        return False
