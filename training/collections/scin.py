"""SCIN (Ward et al. 2024): scin_cases.csv with up to three photographs a case, scin_labels.csv beside it."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from training.collections.record import Options, Record, read_table, spelled

CASES: Final = frozenset({"case_id", "image_1_path", "image_2_path", "image_3_path", "fitzpatrick_skin_type"})
LABELS: Final = frozenset({"case_id", "weighted_skin_condition_label"})
MIN_WEIGHT: Final = 0.5
"""The weight a case's first condition must have among its dermatologists to count as its label."""
TONE: Final = "dermatologist_fitzpatrick_skin_type_label_1"


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
    tone = cells.get(TONE) or cells["fitzpatrick_skin_type"]
    return Record(
        image=image if (root / image).is_file() else image.removeprefix("dataset/"),
        label=spelled(condition),
        condition=condition,
        group=cells["case_id"],
        source=options.source or "scin",
        label_by=options.label_by or "SCIN dermatologists",
        label_when=options.label_when,
        label_evidence="consensus",
        more={
            "source_id": Path(image).stem,
            "licence": "SCIN Data Use License",
            "fitzpatrick": tone.removeprefix("FST") if tone.startswith("FST") else "",
        },
    )


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
