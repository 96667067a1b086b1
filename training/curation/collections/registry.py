"""The collections by name, and which one a path looks like."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from training.curation.collections import fitzpatrick17k, folders, pad_ufes_20, scin, skin8, table
from training.curation.collections.record import Collection
from training.tables import read_texts

COLLECTIONS: Final[Mapping[str, Collection]] = {
    "skin8": skin8.read,
    "folders": folders.read,
    "csv": table.read,
    "pad_ufes_20": pad_ufes_20.read,
    "fitzpatrick17k": fitzpatrick17k.read,
    "scin": scin.read,
}
RECOGNISED: Final = {
    "pad_ufes_20": pad_ufes_20.NEEDS,
    "fitzpatrick17k": fitzpatrick17k.NEEDS,
    "scin": scin.CASES,
    "skin8": skin8.NEEDS,
}


def recognise(path: Path) -> str:
    """Name of the collection that a folder or CSV looks like. Raises ``FileNotFoundError``."""
    if path.is_dir():
        return "folders"
    there = set(read_texts(path, nrows=0).columns)
    return next((name for name, needs in RECOGNISED.items() if needs <= there), "csv")
