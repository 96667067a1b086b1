"""The support file: what a technician far away needs to know of a box, and nothing of a patient."""

import importlib.metadata
import io
import json
import os
import platform
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from appliance.settings import Settings

PACKAGES: Final = (
    "dermkiosk",
    "ai-edge-litert",
    "tflite-runtime",
    "flask",
    "waitress",
    "numpy",
    "pillow",
    "pillow-heif",
)
EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The time of each file in the archive: the box's own clock may be wrong, and says nothing here."""


def packed(parts: Mapping[str, object]) -> bytes:
    """A ZIP archive of ``parts``: a text as it is, anything else as JSON."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False)
            file.writestr(zipfile.ZipInfo(name, EARLIEST), text)
    return archive.getvalue()


def versions() -> dict[str, Any]:
    """Of the program, what it stands on and the machine."""
    return {
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def settings_shown(settings: Settings) -> dict[str, Any]:
    """The settings; secrets lie in files that they only name. The folder that stands in for a camera is not named."""
    shown: dict[str, Any] = settings.model_dump(mode="json")
    kind, colon, _ = settings.camera.partition(":")
    return {**shown, "camera": f"{kind}:…" if colon else kind}


def spent(timings_ms: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """For each step how many were timed, the median, the 95th percentile and the longest, in milliseconds."""
    names = ("median", "p95", "longest")
    return {
        step: {"count": len(each), **dict(zip(names, np.quantile(each, (0.5, 0.95, 1)).round(1).tolist(), strict=True))}
        for step, each in timings_ms.items()
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
