"""SCIN (Ward et al. 2024): scin_cases.csv with up to three photographs a case, scin_labels.csv beside it.

Columns and values by github.com/google-research-datasets/scin: dataset_schema.md, and the columns that scin_demo.ipynb
prints of the file (where they differ, as in ``dermatologist_skin_condition_on_label_name``, the file counts). Paths in
the file begin with ``dataset/images/``, the folder of its bucket. The values of ``dermatologist_gradable_…`` are
those of public programs that read the file ("DEFAULT_YES_…", "YES_…", "NO_…"); the schema calls them boolean.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from training.curation.collections.record import Options, Record, read_table, spelled

CASES: Final = frozenset({"case_id", "image_1_path", "image_2_path", "image_3_path", "fitzpatrick_skin_type"})
LABELS: Final = frozenset({"case_id", "weighted_skin_condition_label"})
MIN_WEIGHT: Final = 0.5
"""The weight a case's first condition must have among its dermatologists to count as its label."""
TONES: Final = tuple(f"dermatologist_fitzpatrick_skin_type_label_{number}" for number in (1, 2, 3))
GRADED: Final = tuple(f"dermatologist_gradable_for_skin_condition_{number}" for number in (1, 2, 3))
"""Each of the up to three dermatologists of a case says whether the condition can be told."""
CONSENSUS: Final = 2


def read(path: Path, options: Options) -> Iterator[Record]:
    """``path`` is scin_cases.csv; a case whose dermatologists name no leading condition is left out."""
    cases = read_table(path, CASES)
    labels = read_table(path.with_name(path.name.replace("cases", "labels")), LABELS)
    for row in cases.merge(labels, on="case_id").to_dict("records"):
        cells = {str(name): str(value) for name, value in row.items()}
        condition = _leading(cells["weighted_skin_condition_label"])
        for number in ("1", "2", "3"):
            if condition and cells[f"image_{number}_path"]:
                yield _record(path.parent, cells, cells[f"image_{number}_path"], condition, options)


def _record(root: Path, cells: Mapping[str, str], image: str, condition: str, options: Options) -> Record:
    told = [cells.get(name, "") for name in (*TONES, "fitzpatrick_skin_type")]
    tone = next((value.removeprefix("FST") for value in told if value.startswith("FST")), "")
    return Record(
        image=image if (root / image).is_file() else image.removeprefix("dataset/"),
        label=spelled(condition),
        condition=condition,
        group=cells["case_id"],
        source=options.source or "scin",
        label_by=options.label_by or "SCIN dermatologists",
        label_when=options.label_when,
        label_evidence="consensus" if _readers(cells) >= CONSENSUS else "record",
        more={
            "source_id": Path(image).stem,
            "licence": "SCIN Data Use License",
            "fitzpatrick": tone,
        },
    )


def _readers(cells: Mapping[str, str]) -> int:
    """How many dermatologists could tell the condition: most cases have one, and one makes no consensus."""
    said = [cells.get(name, "").upper() for name in GRADED]
    return sum(bool(one) and one != "FALSE" and not one.startswith("NO") for one in said)


def _leading(weighted: str) -> str:
    """The condition with the most weight in a differential like ``{'Eczema': 0.6, 'Urticaria': 0.4}``."""
    try:
        weights = ast.literal_eval(weighted or "{}")
    except (SyntaxError, ValueError):
        return ""
    if not isinstance(weights, dict) or not weights:
        return ""
    condition, weight = max(weights.items(), key=lambda item: float(item[1]))
    return str(condition) if float(weight) >= MIN_WEIGHT else ""
