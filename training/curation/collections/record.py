"""What every collection is read into."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol

import pandas as pd

from training.errors import StepRefused
from training.tables import read_texts

Evidence = Literal["pathology", "consensus", "record", "atlas"]
"""On what a label rests: a biopsy, several readers who agree, one clinician's note, the page of an atlas."""
EVIDENCE: Final[tuple[Evidence, ...]] = ("pathology", "consensus", "record", "atlas")
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the photograph as its file stores it."""


@dataclass(frozen=True)
class Record:
    """One photograph of a collection and what the collection says of it."""

    image: str
    """File, relative to the collection's folder."""
    label: str
    condition: str
    """The collection's own name of the condition."""
    group: str
    """Patient, or whatever must not stand on both sides of a split; empty: the photograph stands alone."""
    source: str
    box: Box | None = None
    label_by: str = ""
    label_when: str = ""
    label_evidence: Evidence | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    """Further columns of the manifest: fitzpatrick, body_site, licence …"""


@dataclass(frozen=True)
class Options:
    """What a person says about a collection beside its files."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """For a CSV: our name of a column → its name in the file."""
    source: str = ""
    label_by: str = ""
    label_when: str = ""
    label_evidence: Evidence | None = None


class Collection(Protocol):
    """Reads a folder or file into records. Raises ``StepRefused`` where it is not of this kind."""

    def __call__(self, path: Path, options: Options) -> Iterator[Record]:
        """Records in the order in which the collection names them."""
        ...


def read_table(path: Path, needs: frozenset[str]) -> pd.DataFrame:
    """A CSV as text, empty where there is nothing. Raises ``StepRefused`` naming the columns it lacks."""
    table = read_texts(path)
    if lacks := needs - set(table.columns):
        raise StepRefused(f"{path} lacks the columns {sorted(lacks)}; it has {sorted(table.columns)}")
    return table


def file_of(root: Path, name: str, folders: tuple[str, ...] = ("", "images")) -> str:
    """Where a named file lies, relative to ``root``; the first place where it could be if it is nowhere."""
    places = [f"{folder}/{name}".lstrip("/") for folder in folders]
    return next((place for place in places if (root / place).is_file()), places[0])


def spelled(name: str) -> str:
    """A condition's name as a label: lower case, words joined by underscores (``Lichen Planus`` → lichen_planus)."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
