"""The bill of materials of a lock file, which has the hashes: each package, version and licence (CycloneDX 1.6, JSON).

Example: .venv/bin/python requirements/bill.py requirements/box.txt >docs/sbom.json
"""

import json
import re
import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

PIN = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)(\[[^]]*\])?==(?P<version>[^ ;\\]+)")
SPDX = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Zope Public License": "ZPL-2.1",
    "ISC License (ISCL)": "ISC",
}
"""What the older metadata call a licence."""
LOOKED_UP = {
    "axe-playwright-python": "MIT",
    "boolean-py": "BSD-2-Clause",
    "brotli": "MIT",
    "brotlicffi": "MIT",
    "charset-normalizer": "MIT",
    "colorama": "BSD-3-Clause",
    "colorzero": "BSD-3-Clause",
    "fonttools": "MIT",
    "gpiozero": "BSD-3-Clause",
    "imagehash": "BSD-2-Clause",
    "keras": "Apache-2.0",
    "lgpio": "Unlicense",
    "license-expression": "Apache-2.0",
    "namex": "Apache-2.0",
    "pebble": "LGPL-3.0-or-later",
    # Its own part is BSD; the ready-made package brings libheif, libde265 and x265.
    "pillow-heif": "BSD-3-Clause AND LGPL-3.0-or-later AND GPL-2.0-or-later",
    "pip-requirements-parser": "MIT",
    "protobuf": "BSD-3-Clause",
    "psutil": "BSD-3-Clause",
    "pyphen": "GPL-2.0-or-later OR LGPL-2.1-or-later OR MPL-1.1",
    "python-dotenv": "BSD-3-Clause",
    "tqdm": "MPL-2.0 AND MIT",
    "tzdata": "Apache-2.0",
}
"""Of packages whose metadata do not say it in a form that a program reads, or that are for other machines."""
DECODERS = {
    "pillow": {
        "libjpeg-turbo": ("3.2.0", "IJG AND BSD-3-Clause AND Zlib"),
        "libwebp": ("1.6.0", "BSD-3-Clause"),
        "littlecms2": ("2.19", "MIT"),
        "zlib-ng": ("2.3.3", "Zlib"),  # PNG's
    },
    "pillow-heif": {
        "libheif": ("1.23.6", "LGPL-3.0-or-later"),
        "libde265": ("1.1.3", "LGPL-3.0-or-later"),
        "x265": ("4.3", "GPL-2.0-or-later"),  # encodes only: no file reaches it
    },
}
"""What the ready-made packages bring to read a stranger's file with: version and licence. An advisory on one of these
does not name the Python package, so who asks for known holes must ask for each."""


def packages(lock: str) -> list[tuple[str, str]]:
    """Name and version of each pinned package; a name may be there twice, for two versions of Python."""
    return [(pin["name"].lower(), pin["version"]) for line in lock.splitlines() if (pin := PIN.match(line))]


def licence(name: str) -> str | None:
    """The SPDX expression of a package; ``None`` where nothing says it."""
    if name in LOOKED_UP:
        return LOOKED_UP[name]
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    return about["License-Expression"] or _classified(about)


def bill(lock: str) -> dict[str, Any]:
    """The document; the same for the same lock file."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "dermkiosk", "bom-ref": "dermkiosk"}},
        "components": [_component(*each) for each in packages(lock)],
    }


def _component(name: str, version: str) -> dict[str, Any]:
    inside = [_library("generic", part, *about) for part, about in DECODERS.get(name, {}).items()]
    return _library("pypi", name, version, licence(name)) | ({"components": inside} if inside else {})


def _library(kind: str, name: str, version: str, said: str | None) -> dict[str, Any]:
    address = f"pkg:{kind}/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
        "licenses": [{"expression": said}] if said else [],
    }


def _classified(about: PackageMetadata) -> str | None:
    names = [each.rsplit(" :: ")[-1] for each in about.get_all("Classifier", []) if each.startswith("License :: OSI")]
    said = sorted({SPDX[name] for name in names if name in SPDX})
    return " OR ".join(said) if said and len(said) == len(set(names)) else None


if __name__ == "__main__":
    print(json.dumps(bill(Path(sys.argv[1]).read_text(encoding="utf-8")), indent=1))
