"""A manifest like skin8's: columns image, label, group, source, and as many more as it has."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from training.curation.collections.record import EVIDENCE, Box, Evidence, Options, Record, read_table

NEEDS: Final = frozenset({"image", "label", "group", "source"})
OWN: Final = NEEDS | {"condition", "label_by", "label_when", "label_evidence"}
BIOPSY_SOURCES: Final = ("pad_ufes_20",)
"""Sources whose column ``biopsied`` tells which labels rest on pathology."""


def read(path: Path, options: Options) -> Iterator[Record]:
    """``path`` is the manifest; its images lie beside it."""
    for row in read_table(path, NEEDS).to_dict("records"):
        cells = {str(name): str(value) for name, value in row.items()}
        yield Record(
            image=cells["image"],
            label=cells["label"],
            condition=cells.get("condition") or cells["label"],
            group=cells["group"],
            source=cells["source"],
            box=_box(cells),
            label_by=cells.get("label_by") or options.label_by,
            label_when=cells.get("label_when") or options.label_when,
            label_evidence=_evidence(cells) or options.label_evidence,
            more={name: value for name, value in cells.items() if name not in OWN},
        )


def _box(cells: Mapping[str, str]) -> Box | None:
    sides = [cells.get(f"box_{side}", "") for side in ("left", "top", "right", "bottom")]
    return (float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3])) if all(sides) else None


def _evidence(cells: Mapping[str, str]) -> Evidence | None:
    """What the manifest says; else pathology where a biopsy was taken, consensus in the same source where not."""
    for level in EVIDENCE:
        if cells.get("label_evidence") == level:
            return level
    if cells["source"] not in BIOPSY_SOURCES:
        return None if cells["source"] in ("hands_11k", "smartphone_arms") else _by_source(cells["source"])
    return "pathology" if cells.get("biopsied") == "yes" else "consensus"


def _by_source(source: str) -> Evidence | None:
    return "atlas" if source.startswith(("dermnet", "fitzpatrick17k", "sd198")) else None
