"""Who looked at which photographs, and when.

A test set that is looked at twice begins to choose models, and then it flatters them.
"""

import csv
import hashlib
import sys
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from training.dataset import Photographs

FILE: Final = "looked.csv"


@dataclass(frozen=True)
class Look:
    """One look: when (UTC), at which split and which photographs, by which model, through which command."""

    date: str
    split: str
    photographs_sha256: str
    model_sha256: str
    command: str


def look_now(split: str, photographs: Photographs, model_sha256: str) -> Look:
    """The look that is about to be taken."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Look(date, split, fingerprint(photographs), model_sha256, command)


def fingerprint(photographs: Photographs) -> str:
    """The same for the same photographs in any order."""
    names = "\n".join(sorted(str(name) for name in photographs.rows["image"]))
    return hashlib.sha256(names.encode()).hexdigest()


def write_down(look: Look, folders: tuple[Path, ...]) -> None:
    """Append the look to ``looked.csv`` in each folder."""
    for folder in folders:
        file = folder / FILE
        new = not file.exists()
        with file.open("a", newline="") as page:
            lines = csv.DictWriter(page, [field.name for field in fields(Look)])
            if new:
                lines.writeheader()
            lines.writerow(asdict(look))


def looks(folders: tuple[Path, ...]) -> tuple[Look, ...]:
    """Every look the folders know of, oldest first, each once."""
    found = {look for folder in folders for look in _read(folder / FILE)}
    return tuple(sorted(found, key=lambda look: look.date))


def _read(file: Path) -> list[Look]:
    if not file.exists():
        return []
    with file.open(newline="") as page:
        return [Look(**row) for row in csv.DictReader(page)]


def earlier(look: Look, known: tuple[Look, ...]) -> tuple[Look, ...]:
    """The looks at the same photographs before this one."""
    return tuple(each for each in known if each.photographs_sha256 == look.photographs_sha256 and each != look)


def warning(look: Look, before: tuple[Look, ...]) -> str | None:
    """One sentence where another model was judged on these photographs already."""
    others = {each.model_sha256 for each in before} - {look.model_sha256}
    if not others:
        return None
    return (
        f"These {look.split} photographs were looked at before: {len(before)} look(s), the last on {before[-1].date}, "
        f"{len(others)} other model(s). If one was chosen by what was seen, these figures flatter it."
    )
