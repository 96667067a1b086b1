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
SETS: Final = "looked-{}.txt"
"""Beside it, for each set of photographs: the hash of each one's name, so that sets which overlap are known."""


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
    command = " ".join(map(_without_its_place, sys.argv))
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Look(date, split, fingerprint(photographs), model_sha256, command)


def _without_its_place(argument: str) -> str:
    """An absolute path by its name alone: where it lies on this machine is nobody's business in a bundle."""
    option, equals, value = argument.rpartition("=")
    return f"{option}{equals}{Path(value).name if value.startswith('/') else value}"


def fingerprint(photographs: Photographs) -> str:
    """The same for the same photographs in any order."""
    names = "\n".join(sorted(str(name) for name in photographs.rows["image"]))
    return hashlib.sha256(names.encode()).hexdigest()


def marks(photographs: Photographs) -> frozenset[str]:
    """One short hash for each photograph, of its name."""
    return frozenset(hashlib.sha256(str(name).encode()).hexdigest()[:12] for name in photographs.rows["image"])


def write_down(look: Look, photographs: Photographs, folders: tuple[Path, ...]) -> None:
    """Append the look to ``looked.csv`` in each folder, and what was looked at beside it."""
    for folder in folders:
        (folder / SETS.format(look.photographs_sha256[:12])).write_text("\n".join(sorted(marks(photographs))) + "\n")
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


def earlier(look: Look, photographs: Photographs, folders: tuple[Path, ...]) -> dict[Look, frozenset[str]]:
    """The looks before this one at some of the same photographs, oldest first, each with the marks of those it saw.

    Of a look from before sets were written down it is only known whether it was at the very same ones.
    """
    seen = {each: _both(each, look, photographs, folders) for each in looks(folders) if each != look}
    return {each: both for each, both in seen.items() if both}


def _both(before: Look, look: Look, photographs: Photographs, folders: tuple[Path, ...]) -> frozenset[str]:
    now = marks(photographs)
    if before.photographs_sha256 == look.photographs_sha256:
        return now
    files = [folder / SETS.format(before.photographs_sha256[:12]) for folder in folders]
    return now & {mark for file in files if file.exists() for mark in file.read_text().split()}


def warning(look: Look, photographs: Photographs, before: dict[Look, frozenset[str]]) -> str | None:
    """One sentence where other models were judged on some of these photographs already."""
    others = {each: seen for each, seen in before.items() if each.model_sha256 != look.model_sha256}
    if not others:
        return None
    share = len(frozenset.union(*others.values())) / len(marks(photographs))
    which = "These" if share == 1 else f"{share:.0%} of these"
    models = {each.model_sha256 for each in others}
    return (
        f"{which} {look.split} photographs were looked at before: {len(others)} look(s), the last on "
        f"{list(others)[-1].date}, {len(models)} other model(s). If one was chosen by what was seen, these figures "
        f"flatter it."
    )
