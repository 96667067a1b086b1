"""A CSV with a row per photograph, perhaps with boxes and patients, as XiangyaDerm has; columns by any name."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from training.curation.collections.record import EVIDENCE, Box, Evidence, Options, Record, file_of, read_table, spelled
from training.errors import StepRefused

KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "image": ("image", "image_path", "img_path", "path", "file", "filename", "file_name", "image_name", "image_id"),
    "label": ("label", "diagnosis", "disease", "class", "category", "condition", "disease_name"),
    "group": ("group", "patient_id", "patient", "patientid", "case_id", "subject_id", "person_id"),
    "source": ("source", "site", "hospital", "department"),
    "left": ("box_left", "xmin", "x_min", "x1", "left", "bbox_x"),
    "top": ("box_top", "ymin", "y_min", "y1", "top", "bbox_y"),
    "right": ("box_right", "xmax", "x_max", "x2", "right"),
    "bottom": ("box_bottom", "ymax", "y_max", "y2", "bottom"),
    "width": ("bbox_width", "bbox_w", "box_width", "w"),
    "height": ("bbox_height", "bbox_h", "box_height", "h"),
    "fitzpatrick": ("fitzpatrick", "skin_type", "skin_tone", "phototype"),
    "body_site": ("body_site", "location", "region", "anatomical_site"),
    "label_by": ("label_by", "labelled_by", "annotator", "doctor", "physician"),
    "label_when": ("label_when", "labelled_at", "date", "visit_date"),
    "label_evidence": ("label_evidence", "evidence", "confirmed_by"),
}
"""Our name of a column → the names it is found by, in this order."""
_OPPOSITE: Final = (("right", "bottom"), ("width", "height"))
NAMES: Final = tuple(KNOWN)


def read(path: Path, options: Options) -> Iterator[Record]:
    """``path`` is the CSV; its images lie beside it or in ``images``. ``options.columns`` goes before what is found.

    Several rows of one photograph (several boxes) become one record, with the box around all of them.
    """
    table = read_table(path, frozenset())
    found = columns(list(table.columns), options.columns)
    if lacks := {"image", "label"} - set(found):
        raise StepRefused(f"{path}: which columns are {sorted(lacks)}? Say --column image=NAME; it has {list(table)}")
    for _, rows in table.groupby(found["image"], sort=False):
        cells = [{ours: str(row[theirs]) for ours, theirs in found.items()} for row in rows.to_dict("records")]
        yield from _records(path.parent, path.stem, cells, options)


def columns(there: list[str], said: Mapping[str, str]) -> dict[str, str]:
    """Our name → the file's name of each column that was said or is known. Raises ``StepRefused`` for what is not."""
    for ours, theirs in said.items():
        if ours not in KNOWN or theirs not in there:
            raise StepRefused(f"--column {ours}={theirs}: left one of {', '.join(NAMES)}, right one of {there}")
    lower = {name.lower().replace(" ", "_"): name for name in there}
    known = {ours: next((lower[name] for name in names if name in lower), None) for ours, names in KNOWN.items()}
    return {**{ours: name for ours, name in known.items() if name is not None}, **said}


def _records(root: Path, name: str, cells: list[dict[str, str]], options: Options) -> Iterator[Record]:
    """One record per label of a photograph: rows that disagree stay two, and are found out as a conflict."""
    for label in dict.fromkeys(cell["label"] for cell in cells):
        mine = [cell for cell in cells if cell["label"] == label]
        first = mine[0]
        yield Record(
            image=file_of(root, first["image"]),
            label=spelled(label) or label,
            condition=label,
            group=first.get("group", ""),
            source=first.get("source") or options.source or name,
            box=_around([box for cell in mine if (box := _box(cell)) is not None]),
            label_by=first.get("label_by") or options.label_by,
            label_when=first.get("label_when") or options.label_when,
            label_evidence=_evidence(first.get("label_evidence", "")) or options.label_evidence,
            more={kept: first[kept] for kept in ("fitzpatrick", "body_site") if kept in first},
        )


def _box(cell: Mapping[str, str]) -> Box | None:
    """From corners, or from a corner with width and height. Raises ``StepRefused`` for what is no box."""
    if not (cell.get("left") and cell.get("top")):
        return None
    other = next((pair for pair in _OPPOSITE if all(cell.get(name) for name in pair)), None)
    if other is None:
        return None
    named = {name: cell[name] for name in ("left", "top", *other)}
    try:
        left, top, right, bottom = (float(value) for value in named.values())
    except ValueError as wrong:
        raise StepRefused(f"{cell['image']}: its box is {named}, which are not all numbers") from wrong
    if other == ("width", "height"):
        right, bottom = left + right, top + bottom
    if not (left < right and top < bottom):
        raise StepRefused(f"{cell['image']}: its box {named} is empty, or its corners are swapped")
    return left, top, right, bottom


def _around(boxes: list[Box]) -> Box | None:
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _evidence(said: str) -> Evidence | None:
    return next((level for level in EVIDENCE if level == said.lower()), None)
