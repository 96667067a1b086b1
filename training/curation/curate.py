"""From any collection to a manifest that training can trust, a list of what was refused, and a report to look at."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from training.curation.collections.record import Options, Record
from training.curation.collections.registry import COLLECTIONS, recognise
from training.curation.duplicates import Pairs, named_clusters, near_duplicates
from training.curation.examine import Examined, Task, examine
from training.curation.relabel import KNOWN, relabelled
from training.curation.report import Picture, Reason, Renamed, reasons_of, renamed, write_report
from training.dataset import ALONE
from training.errors import StepRefused
from training.parallel import Map, Watch, mapping

SHIPPED: Final = Path(__file__).parents[2] / "models/skin8-inceptionv3"
UNREADABLE: Final = "unreadable"
DUPLICATE: Final = "duplicate"
NEAR: Final = "near_duplicate"
CONFLICT: Final = "conflict"
DROPPED: Final = (UNREADABLE, DUPLICATE, CONFLICT)
"""Dropped unless kept by name. What else is found is flagged, and dropped only by name."""
FIRST: Final = ("image", "label", "condition", "group", "source", "original", "sha256", "phash", "dhash", "flags")
LAST: Final = ("near_duplicates", "label_by", "label_when", "label_evidence")


@dataclass(frozen=True)
class Wishes:
    """What a curation is asked for."""

    collection: str = ""
    """A name of the registry; empty: whatever the path looks like."""
    options: Options = field(default_factory=Options)
    labels: Mapping[str, str] = field(default_factory=dict)
    """The collection's own name of a condition → one of the eight or ``other``: :mod:`training.curation.relabel`."""
    only_known: bool = False
    """Stop at other labels than these."""
    crop: bool = True
    margin: float = 0.25
    """Of the box's longer side, on each side of it."""
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    bundle: Path = SHIPPED
    """The model whose gate looks at the photographs."""
    workers: int = 1
    """Processes; 1: all work is done in this one."""

    @property
    def dropped(self) -> frozenset[str]:
        """Reasons to leave a photograph out."""
        return frozenset({*DROPPED, *self.drop}) - frozenset(self.keep)


@dataclass(frozen=True)
class Summary:
    """What a curation came to, in photographs."""

    read: int
    dropped: int
    flagged: int
    """Kept, but with a flag to look at."""
    reasons: tuple[Reason, ...]
    strangers: int
    """Conditions whose label is none of the eight nor ``other``."""
    renamed: tuple[Renamed, ...]
    """What labels were given to: also what fell under ``*``; empty where none was given."""
    alone: int
    """Photographs of which the collection says neither patient nor group."""

    def lines(self, out: Path) -> Iterator[str]:
        """For a terminal. ``out``: the folder that was written."""
        yield f"{self.read} photographs read: {self.read - self.dropped} kept, {self.dropped} dropped"
        yield f"Of those kept, {self.flagged} are flagged: look at them"
        if self.reasons:
            yield f"\n{'reason':<18}{'found':>8}{'dropped':>9}   what it is"
        for reason in self.reasons:
            yield f"{reason.flag:<18}{reason.found:>8}{reason.dropped:>9}   {reason.meaning}"
        if self.renamed:
            yield "\nWhat conditions became. Look whether one of the eight, called otherwise, is among the others:"
        for condition, label, found in self.renamed:
            yield f"{found:>8}  {condition} → {label}"
        if self.alone:
            yield (
                f"\nNo patient is named for {self.alone}: each counts as of a patient of its own, so two of one "
                "patient may be learned from and judged by. A table's column of patients is said by --column group=NAME"
            )
        if self.strangers:
            yield f"\nConditions that are none of the eight nor 'other': {self.strangers}. Say which by --label"
        yield f"\nKept: {out / 'manifest.csv'}   dropped, with the reason: {out / 'refused.csv'}"
        yield f"To look at, before you go on: {out / 'report.html'}"


def curate(path: Path, out: Path, wishes: Wishes) -> Summary:
    """Write manifest.csv, refused.csv and report.html into the folder ``out``; returns what it came to.

    Paths in the manifest are the collection's own where that is a CSV and cropping is not wished; else they are
    relative to ``out``, so that what is written there can be used as it is. Raises ``StepRefused`` where the collection
    is not what it should be, or nothing of it was kept. The same command goes on after a kill: what was found of a
    photograph is kept in ``out/examined``.
    """
    name = wishes.collection or recognise(path)
    root = path if path.is_dir() else path.parent
    records = relabelled(COLLECTIONS[name](path, wishes.options), wishes.labels, only_known=wishes.only_known)
    if not records:
        raise StepRefused(f"{path} names no photographs")
    out.mkdir(parents=True, exist_ok=True)
    with mapping(wishes.workers) as apply:
        examined = _examined(records, root, out, wishes, apply)
        pairs, table = _compared(records, examined, wishes, apply)
    table = _with_paths(table, root, out) if path.is_dir() or wishes.crop else table
    _write(table, out)
    write_report(table, _pictures(table, root), pairs, root, out)
    if (table["dropped"] != "").all():
        found = ", ".join(f"{reason.flag} {reason.dropped}" for reason in reasons_of(table) if reason.dropped)
        raise StepRefused(f"none of the {len(table)} photographs was kept ({found}): {out / 'refused.csv'} says why")
    return _summed_up(table, wishes.labels)


def _summed_up(table: pd.DataFrame, labels: Mapping[str, str]) -> Summary:
    dropped, flagged = table["dropped"] != "", table["flags"] != ""
    strangers = table.loc[~table["label"].isin(KNOWN) & ~dropped, "condition"].nunique()
    return Summary(
        len(table),
        int(dropped.sum()),
        int((flagged & ~dropped).sum()),
        reasons_of(table),
        strangers,
        renamed(table) if labels else (),
        int(table["group"].str.startswith(ALONE).sum()),
    )


def _examined(records: Sequence[Record], root: Path, out: Path, wishes: Wishes, apply: Map) -> list[Examined]:
    crops = out / "images" if wishes.crop and any(record.box for record in records) else None
    if crops is not None:
        crops.mkdir(exist_ok=True)
    tasks = [
        Task(root / record.image, record.box, wishes.margin, out / "examined", crops, wishes.bundle)
        for record in records
    ]
    return list(_shown("photographs")(apply(examine, tasks), len(tasks)))


def _shown(what: str) -> Watch:
    """A progress bar."""
    console = Console(stderr=True)
    return lambda results, total: track(results, what, total=total, console=console)


def _compared(
    records: Sequence[Record], examined: Sequence[Examined], wishes: Wishes, apply: Map
) -> tuple[Pairs, pd.DataFrame]:
    """Pairs of near-duplicates (positions), and a row per photograph with flags and whether it is dropped."""
    table = pd.DataFrame([_row(record, found) for record, found in zip(records, examined, strict=True)]).fillna("")
    readable = [position for position, found in enumerate(examined) if found.print is not None]
    prints = [found.print for found in examined if found.print is not None]
    near = near_duplicates(prints, apply, _shown("pairs"))
    pairs = np.asarray(readable, np.int64)[near]
    table["near_duplicates"] = named_clusters(list(table["image"]), pairs)
    table["flags"] = [" ".join(flags) for flags in _flags(table, examined)]
    table["dropped"] = [_first(flags.split(), wishes.dropped) for flags in table["flags"]]
    return pairs, table


def _row(record: Record, found: Examined) -> dict[str, str]:
    """A row of the manifest, all text."""
    box = record.box if record.box and not found.crop else None
    sides = dict(zip(("left", "top", "right", "bottom"), box, strict=True)) if box else {}
    # The outline is that of the whole photograph.
    more = {name: value for name, value in record.more.items() if not (found.crop and name == "mask")}
    return {
        **more,
        "image": record.image,
        "original": record.image,
        "crop": found.crop,
        "label": record.label,
        "condition": record.condition,
        "group": record.group or ALONE + record.image,
        "source": record.source,
        "problem": found.problem,
        "sha256": found.print.sha256 if found.print else "",
        "phash": found.print.phash if found.print else "",
        "dhash": found.print.dhash if found.print else "",
        "width": str(found.width or ""),
        "height": str(found.height or ""),
        **{f"box_{side}": f"{sides[side]:g}" if sides else "" for side in ("left", "top", "right", "bottom")},
        "label_by": record.label_by,
        "label_when": record.label_when,
        "label_evidence": record.label_evidence or "",
    }


def _flags(table: pd.DataFrame, examined: Sequence[Examined]) -> Iterator[list[str]]:
    """Everything found of each photograph, the gravest first.

    A duplicate is every further file with the same bytes; near-duplicates are all of a cluster but its first. All
    photographs of a cluster with several labels are in conflict, the first as well.
    """
    clustered = table["near_duplicates"] != ""
    labels = table.groupby("near_duplicates")["label"].transform("nunique")
    again = (table["sha256"] != "") & table["sha256"].duplicated()
    later = clustered & table["near_duplicates"].duplicated() & ~again
    for position, found in enumerate(examined):
        yield [
            *([UNREADABLE] if found.problem else []),
            *([CONFLICT] if clustered[position] and labels[position] > 1 else []),
            *([DUPLICATE] if again[position] else []),
            *([NEAR] if later[position] else []),
            *found.flags,
        ]


def _first(flags: Sequence[str], dropped: frozenset[str]) -> str:
    return next((flag for flag in flags if flag in dropped), "")


def _with_paths(table: pd.DataFrame, root: Path, out: Path) -> pd.DataFrame:
    """Crops lie in ``out``; the paths of the others are made relative to it as well."""
    whole = [Path(os.path.relpath(root / image, out)).as_posix() for image in table["image"]]
    images = [f"images/{crop}" if crop else path for crop, path in zip(table["crop"], whole, strict=True)]
    names = dict(zip(table["image"], images, strict=True))
    return table.assign(image=images, near_duplicates=table["near_duplicates"].map({**names, "": ""}))


def _write(table: pd.DataFrame, out: Path) -> None:
    kept, refused = table[table["dropped"] == ""], table[table["dropped"] != ""]
    middle = [name for name in table.columns if name not in {*FIRST, *LAST, "crop", "problem", "dropped"}]
    kept[[*FIRST, *middle, *LAST]].to_csv(out / "manifest.csv", index=False)
    reasons = refused.assign(reason=refused["dropped"], detail=refused["problem"])
    columns = ["original", "reason", "detail", "flags", "label", "source", "group", "near_duplicates", "sha256"]
    reasons[columns].to_csv(out / "refused.csv", index=False)


def _pictures(table: pd.DataFrame, root: Path) -> list[Picture]:
    columns = (table[name].astype(str) for name in ("original", "label", "source", "flags", "dropped", "problem"))
    return [
        Picture(root / original, label, source, tuple(flags.split()), dropped, problem)
        for original, label, source, flags, dropped, problem in zip(*columns, strict=True)
    ]
