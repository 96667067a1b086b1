"""The command line's way through the same functions as kiosk and phone: decode, assess, document."""

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.cases.document import Document, Origin, PhotoRecord, build, model_record, refusal
from appliance.errors import PhotoRefused, PhotoUnreadable
from appliance.settings import Settings
from appliance.vision.assessor import Assessor
from appliance.vision.sandbox import Decoder


class Classifier:
    """Turns files into result documents; a context manager."""

    def __init__(self, settings: Settings, use_gate: bool) -> None:
        """Load the model. Raises a :class:`appliance.errors.ModelError`."""
        self._assessor = Assessor.open(settings.bundle_folder, settings.threads, use_gate)
        self._model = model_record(self._assessor)
        self._use_gate = use_gate
        self._decoder = Decoder()

    def document(self, path: Path) -> Document:
        """The result document of one file; ``cannot_assess`` with the reason where it cannot be read."""
        digest: str | None = None
        try:
            data = _read(path)
            digest = hashlib.sha256(data).hexdigest()
            pixels = self._decoder(data, path.name)
        except PhotoRefused as refused:
            return refusal(_origin(path, digest), refused.key, f"error.{refused.key}.remedy", self._model)
        return build(_origin(path, digest), self._assessor.assess(pixels, self._use_gate), self._model)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._decoder.close()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as unreadable:
        raise PhotoUnreadable(str(unreadable)) from unreadable


def _origin(path: Path, digest: str | None) -> Origin:
    # When the file was taken is not known: its metadata is dropped unread.
    photo = PhotoRecord((digest or "")[:12], "file", None, "unverified", digest, str(path))
    return Origin(photo)
