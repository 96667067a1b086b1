"""What the program stands on: listed, as locked, and under licences that somebody has looked at."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from PIL import features
from pillow_heif import libheif_info

ROOT = Path(__file__).parents[2]
LOCKS = ("box", "bookworm", "training", "dev")
LOOKED_AT = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "GPL-2.0-or-later",  # x265, in pillow-heif: docs/decisions.md
    "ISC",
    "LGPL-2.1-or-later",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-1.1",
    "MPL-2.0",
    "PSF-2.0",
    "Unlicense",
    "ZPL-2.1",
    "Zlib",
}


@pytest.fixture
def bill() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bill", ROOT / "requirements/bill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_is_what_the_lock_file_says(bill: ModuleType) -> None:
    lock = (ROOT / "requirements/box.txt").read_text(encoding="utf-8")
    listed = json.loads((ROOT / "docs/sbom.json").read_text(encoding="utf-8"))
    assert listed == bill.bill(lock), "make it anew: requirements/bill.py says how"
    assert len(listed["components"]) == lock.count("==") - lock.count(" == ") > 40


def test_the_list_is_one_that_other_programs_read() -> None:
    text = (ROOT / "docs/sbom.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_decoders_are_those_that_the_packages_bring(bill: ModuleType) -> None:
    heif = libheif_info()
    names = {"libjpeg-turbo": "libjpeg_turbo", "libwebp": "webp", "littlecms2": "littlecms2", "zlib-ng": "zlib_ng"}
    assert {name: features.version(asked) for name, asked in names.items()} == {
        name: version for name, (version, _) in bill.DECODERS["pillow"].items()
    }
    brought = {name: version for name, (version, _) in bill.DECODERS["pillow-heif"].items()}
    assert heif["libheif"] == brought.pop("libheif")
    assert set(heif["decoders"]) == {"libde265"}, "one decoder, and no other form of file than HEVC"
    assert brought.pop("libde265") in heif["decoders"]["libde265"]
    assert brought.pop("x265") in heif["encoders"]["x265"]
    assert not brought


@pytest.mark.parametrize("lock", LOCKS)
def test_each_licence_was_looked_at(bill: ModuleType, lock: str) -> None:
    for name, _ in bill.packages((ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")):
        said = bill.licence(name)
        assert said, f"{name}: no licence is known; look it up for requirements/bill.py"
        names = set(said.replace("(", " ").replace(")", " ").split()) - {"AND", "OR"}
        assert names <= LOOKED_AT, f"{name}: {said}"


def test_what_the_threat_model_names_as_shown_exists() -> None:
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py|requirements/\w+\.py)`", page)
    assert len(named) > 15
    assert [each for each in named if not (ROOT / each).is_file()] == []
