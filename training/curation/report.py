"""What a curation found, on one page: counts, and sheets of pictures of what was refused or flagged and why."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import jinja2
import pandas as pd
from PIL import Image, ImageDraw

from appliance.errors import DermkioskError
from appliance.vision.photo import decode
from training.curation.collections.record import spelled
from training.curation.duplicates import Pairs

SHOWN: Final = 48
"""Pictures on one sheet; the lists hold all."""
TILE_PX: Final = 150
CAPTION_PX: Final = 30
ACROSS: Final = 8
SOURCES: Final = 12
"""Columns that fit beside each other."""
LETTERS: Final = 24
"""Of a line of a caption, as many as fit below a picture."""
GREY: Final = (200, 200, 200)
MEANING: Final = {
    "unreadable": "the box itself could not read it",
    "duplicate": "the same bytes as an earlier file",
    "conflict": "nearly the same picture under another label",
    "near_duplicate": "nearly the same as an earlier picture; a split keeps them together",
    "not_skin": "hardly any pixel has a colour that skin can have",
    "residue": "cream, dye or ink on the skin",
    "too_small": "the lesion is too small or unclear",
    "hair": "hair over the lesion",
    "exudate": "wet, glaring or crusted",
}
"""What a reason says, in a few words."""
ELSE: Final = "the box's photograph check would refuse it"


class Reason(NamedTuple):
    """A flag, what it means, how many photographs have it, and how many were dropped for it."""

    flag: str
    meaning: str
    found: int
    dropped: int


class Renamed(NamedTuple):
    """A collection's own name of a condition, the label it was given, and how many photographs were read of it."""

    condition: str
    label: str
    found: int


@dataclass(frozen=True)
class Picture:
    """One photograph on a sheet."""

    file: Path
    label: str
    source: str
    flags: tuple[str, ...]
    dropped: str
    problem: str


def write_report(table: pd.DataFrame, pictures: Sequence[Picture], pairs: Pairs, root: Path, out: Path) -> None:
    """Write report.html and its sheets (sheets/*.jpg) into ``out``. ``pairs`` are positions in ``table``."""
    sheets = out / "sheets"
    sheets.mkdir(exist_ok=True)
    for old in sheets.glob("*.jpg"):
        old.unlink()
    environment = jinja2.Environment(loader=jinja2.PackageLoader("training.curation", "."), autoescape=True)
    page = environment.get_template("report.html.jinja").render(
        collection=root.name,
        total=len(table),
        kept=int((table["dropped"] == "").sum()),
        reasons=reasons_of(table),
        renamed=renamed(table),
        classes=_counts(table, "label"),
        tables=[(name, _counts(table, name)) for name in ("source", "fitzpatrick", "label_evidence") if name in table],
        by_source=_crossed(table),
        sheets=list(_sheets(pictures, pairs, sheets)),
    )
    (out / "report.html").write_text(page, encoding="utf-8")


def reasons_of(table: pd.DataFrame) -> tuple[Reason, ...]:
    """Each flag that was set, the most frequent first."""
    flags = table["flags"].str.split().explode().value_counts()
    dropped = table["dropped"].value_counts()
    return tuple(
        Reason(str(flag), MEANING.get(str(flag), ELSE), int(count), int(dropped.get(flag, 0)))
        for flag, count in flags.items()
    )


def renamed(table: pd.DataFrame) -> tuple[Renamed, ...]:
    """The conditions that have another name as label, by label, the most frequent first."""
    counts = table.groupby(["label", "condition"], sort=True).size().reset_index(name="count")
    ordered = counts.sort_values(["label", "count"], ascending=[True, False], kind="stable")
    every = (Renamed(str(name), str(label), int(count)) for label, name, count in ordered.to_numpy())
    return tuple(each for each in every if spelled(each.condition) != each.label)


def _counts(table: pd.DataFrame, column: str) -> list[tuple[str, int, int, int]]:
    """Value, how many in all, how many kept, how many groups; the most frequent first, skin tones by their type."""
    named = table.assign(value=table[column].replace("", "not stated"), stays=table["dropped"] == "")
    counted = named.groupby("value").agg(all=("stays", "size"), kept=("stays", "sum"), groups=("group", "nunique"))
    scale = column == "fitzpatrick"
    ordered = counted.sort_index() if scale else counted.sort_values("all", ascending=False, kind="stable")
    return [(str(value), int(row["all"]), int(row["kept"]), int(row["groups"])) for value, row in ordered.iterrows()]


def _crossed(table: pd.DataFrame) -> tuple[list[str], list[tuple[str, list[int]]]]:
    """Kept photographs by label and source; where there are too many sources to read, the smaller ones together."""
    kept = table[table["dropped"] == ""]
    largest = set(kept["source"].value_counts().index[: SOURCES - 1])
    many = kept["source"].nunique() > SOURCES
    source = kept["source"].where(kept["source"].isin(largest), "all others") if many else kept["source"]
    crossed = pd.crosstab(kept["label"], source)
    return [str(name) for name in crossed.columns], [
        (str(label), [int(count) for count in row]) for label, row in crossed.iterrows()
    ]


def _sheets(pictures: Sequence[Picture], pairs: Pairs, folder: Path) -> Iterator[tuple[str, int, str]]:
    """Title, how many there are, and the sheet's file relative to the report."""
    for flag, _ in Counter(flag for picture in pictures for flag in picture.flags).most_common():
        if flag in ("near_duplicate", "duplicate", "conflict"):
            continue
        flagged = [picture for picture in pictures if flag in picture.flags]
        _sheet([[picture] for picture in flagged[:SHOWN]]).save(folder / f"{flag}.jpg", quality=80)
        yield flag, len(flagged), f"sheets/{flag}.jpg"
    for title, chosen in _paired(pictures, pairs):
        _sheet([[pictures[one], pictures[other]] for one, other in chosen[:SHOWN]]).save(
            folder / f"pairs-{title}.jpg", quality=80
        )
        yield f"pairs: {title}", len(chosen), f"sheets/pairs-{title}.jpg"


def _paired(pictures: Sequence[Picture], pairs: Pairs) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Near-duplicates that agree on the label, and those that do not."""
    agree = [(int(one), int(other)) for one, other in pairs if pictures[one].label == pictures[other].label]
    differ = [(int(one), int(other)) for one, other in pairs if pictures[one].label != pictures[other].label]
    yield from ((title, chosen) for title, chosen in (("conflict", differ), ("near_duplicate", agree)) if chosen)


def _sheet(rows: Sequence[Sequence[Picture]]) -> Image.Image:
    """A contact sheet; the pictures of one entry stand side by side."""
    wide = max(len(row) for row in rows)
    across = min(ACROSS // wide, len(rows))
    down = -(-len(rows) // across)
    sheet = Image.new("RGB", (across * wide * TILE_PX, down * (TILE_PX + CAPTION_PX)), "white")
    pen = ImageDraw.Draw(sheet)
    for place, row in enumerate(rows):
        top = place // across * (TILE_PX + CAPTION_PX)
        for side, picture in enumerate(row):
            left = (place % across * wide + side) * TILE_PX
            sheet.paste(_tile(picture), (left, top))
            pen.text((left + 3, top + TILE_PX), _caption(picture), fill="black")
    return sheet


def _tile(picture: Picture) -> Image.Image:
    """The picture small on grey; plain grey where it cannot be read."""
    tile = Image.new("RGB", (TILE_PX - 4, TILE_PX - 4), GREY)
    try:
        image = Image.fromarray(decode(picture.file.read_bytes()))
    except (OSError, DermkioskError):
        return tile
    image.thumbnail(tile.size)
    tile.paste(image, ((tile.width - image.width) // 2, (tile.height - image.height) // 2))
    return tile


def _caption(picture: Picture) -> str:
    """Why and what, in two lines a letter of which the sheet's font can draw."""
    why = picture.problem or f"{'dropped' if picture.dropped else 'kept'}, {picture.source}"
    # Of what cannot be read there is nothing to see but its name.
    what = picture.file.name if picture.problem else picture.label
    lines = (what[:LETTERS], why.removeprefix("unreadable: ")[:LETTERS])
    return "\n".join(line.encode("ascii", "replace").decode() for line in lines)
