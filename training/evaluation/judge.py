"""Every figure on one set of photographs, float beside INT8: pooled, by class, source, skin tone and condition."""

from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from appliance.vision.bundle import Calibration
from appliance.vision.classes import CLASSES
from appliance.vision.skin_tone import LOWEST
from training.dataset import Photographs
from training.evaluation.bootstrap import FEWEST_GROUPS, PART_RESAMPLES, RESAMPLES, known, side_by_side
from training.evaluation.metrics import FIGURES, RANKED, Answers, Figure, area, right, share, there
from training.evaluation.perfect import if_perfect
from training.predict import Predictions

Report = dict[str, Any]
Networks = dict[str, Answers]

TONES: Final = {
    "I-II": ("1", "2"),
    "III-IV": ("3", "4"),
    "V-VI": ("5", "6"),
    "unknown": ("",),
}
"""Fitzpatrick types that are looked at together; the manifest's column ``fitzpatrick`` is empty where nobody said."""


def judge(
    said: dict[str, Predictions], photographs: Photographs, calibration: Calibration, resamples: int = RESAMPLES
) -> Report:
    """All figures; ``said`` holds the predictions of ``float`` and ``int8`` in the order of the photographs."""
    networks = {name: Answers.of(each, photographs, calibration) for name, each in said.items()}
    return figures_of(networks, photographs, resamples)


def figures_of(networks: Networks, photographs: Photographs, resamples: int = RESAMPLES) -> Report:
    """The same from answers; the last of the networks is the one that ships."""
    shipped = list(networks.values())[-1]
    figures = FIGURES if shipped.decisions is not None else RANKED
    fewer = min(resamples, PART_RESAMPLES)
    return {
        "photographs": {"eight": int((shipped.targets >= 0).sum()), "other": int((shipped.targets < 0).sum())},
        "groups": len(set(shipped.groups)),
        "classes": [CLASSES[index] for index in there(shipped)],
        "figures": side_by_side(figures, networks, resamples),
        "calibration_error_if_perfect": if_perfect(networks),
        "agreement": agreement(networks),
        "by_class": by_class(networks, resamples),
        "by_source": within(networks, photographs.rows["source"].to_numpy(dtype=str), figures, fewer),
        "by_tone": within(networks, tones(photographs), figures, fewer),
        "by_condition": by_condition(shipped),
        "confusion": {name: confusion(answers) for name, answers in networks.items()},
    }


def agreement(networks: Networks) -> float | None:
    """Share of the photographs of the eight for which float and INT8 name the same class."""
    likeliest = [answers.eight.probability.argmax(axis=1) for answers in networks.values()]
    return known(share(likeliest[0] == likeliest[-1]))


def by_class(networks: Networks, resamples: int = RESAMPLES) -> Report:
    """Recall, prediction sets and AUROC class by class, and what INT8 costs in recall."""
    shipped = list(networks.values())[-1]
    figures: dict[str, Figure] = {}
    for index, name in enumerate(CLASSES):
        figures[f"{name}/recall"] = partial(_recall, index)
        figures[f"{name}/AUROC"] = partial(_auroc, index)
        if shipped.decisions is not None:
            figures[f"{name}/set coverage"] = partial(_coverage, index)
            figures[f"{name}/set size"] = partial(_size, index)
    found = side_by_side(figures, networks, resamples)
    return {name: _of_class(index, shipped, found) for index, name in enumerate(CLASSES)}


def _of_class(index: int, answers: Answers, found: Report) -> Report:
    own = answers.targets == index
    prefix = f"{CLASSES[index]}/"
    entries = {name.removeprefix(prefix): entry for name, entry in found.items() if name.startswith(prefix)}
    groups = len(set(answers.groups[own]))
    if groups < FEWEST_GROUPS:
        entries = {name: _without_intervals(entry) for name, entry in entries.items()}
    rest = (answers.targets >= 0) & ~own
    if len(set(answers.groups[rest])) < FEWEST_GROUPS:
        entries["AUROC"] = _without_intervals(entries["AUROC"])
    return {"photographs": int(own.sum()), "groups": groups, **entries}


def _without_intervals(entry: Report) -> Report:
    """Many groups of other classes were drawn, but few of its own."""
    return {name: None if name.endswith("_95") else value for name, value in entry.items()}


def _recall(index: int, answers: Answers) -> float:
    return share(right(answers.at(answers.targets == index)))


def _auroc(index: int, answers: Answers) -> float:
    eight = answers.eight
    return area(eight.targets == index, eight.probability[:, index])


def _coverage(index: int, answers: Answers) -> float:
    return share(answers.decided.sets[answers.targets == index, index])


def _size(index: int, answers: Answers) -> float:
    return share(answers.decided.sets[answers.targets == index].sum(axis=1))


def within(networks: Networks, part_of: Any, figures: dict[str, Figure], resamples: int) -> Report:
    """The figures inside each part (``part_of``: N names); what makes no sense inside one is ``None``."""
    return {part: _within(networks, part_of == part, figures, resamples) for part in _in_order(part_of)}


def _in_order(part_of: Any) -> list[str]:
    found = {str(part) for part in part_of}
    return [tone for tone in (*TONES, *LOWEST) if tone in found] or sorted(found)


def _within(networks: Networks, rows: Any, figures: dict[str, Figure], resamples: int) -> Report:
    inside = {name: answers.at(rows) for name, answers in networks.items()}
    shipped = list(inside.values())[-1]
    return {
        "eight": int((shipped.targets >= 0).sum()),
        "other": int((shipped.targets < 0).sum()),
        "groups": len(set(shipped.groups)),
        "classes": [CLASSES[index] for index in there(shipped)],
        "figures": side_by_side(figures, inside, resamples),
    }


def tones(photographs: Photographs) -> Any:
    """Group of skin tones per photograph, by the source's Fitzpatrick type."""
    rows = photographs.rows
    types = rows["fitzpatrick"] if "fitzpatrick" in rows else pd.Series("", index=rows.index)
    named = {kind: tone for tone, kinds in TONES.items() for kind in kinds}
    # Sources write 2 and 2.0 for the same type.
    return np.array([named.get(str(kind).removesuffix(".0"), "unknown") for kind in types], dtype=str)


def by_condition(answers: Answers) -> Report:
    """What becomes of each condition that is none of the eight: the names it is given, and who is sent to a doctor."""
    others = answers.at(answers.targets < 0)
    names = sorted(set(others.conditions), key=lambda name: (-int((others.conditions == name).sum()), name))
    return {str(name): _of_condition(others.at(others.conditions == name)) for name in names}


def _of_condition(answers: Answers) -> Report:
    likeliest = np.bincount(answers.probability.argmax(axis=1), minlength=len(CLASSES))
    entry: Report = {
        "photographs": len(answers.targets),
        "groups": len(set(answers.groups)),
        "called": {CLASSES[index]: int(likeliest[index]) for index in np.argsort(-likeliest) if likeliest[index]},
    }
    if answers.decisions is not None:
        entry["none_of_these"] = share(answers.decisions.none_of_these)
        entry["sent to a doctor"] = share(answers.decisions.seen)
    return entry


def confusion(answers: Answers) -> list[list[int]]:
    """Row: truth (the eight, then other); column: likeliest class."""
    table = np.zeros((len(CLASSES) + 1, len(CLASSES)), int)
    known_as = np.where(answers.targets < 0, len(CLASSES), answers.targets)
    np.add.at(table, (known_as, answers.probability.argmax(axis=1)), 1)
    return [[int(count) for count in row] for row in table]
