"""Five folds by group: every photograph is answered once by a network that saw nothing of its group."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from appliance.vision.calibration import probabilities
from appliance.vision.classes import CLASSES
from training.curation.split import bundles
from training.dataset import Photographs
from training.errors import StepRefused
from training.evaluation.bootstrap import RESAMPLES
from training.evaluation.judge import figures_of
from training.evaluation.learners import Learner
from training.evaluation.metrics import Answers, truth
from training.predict import Floats, Predictions

FOLDS: Final = 5
Report = dict[str, Any]
Ints = NDArray[np.int64]


def crossvalidate(
    photographs: Photographs, learner: Learner, taught_only: tuple[str, ...] = (), alone: int | None = None
) -> Answers:
    """The pooled out-of-fold answers, in the order of :func:`judged`; with ``alone`` only those of that fold.

    ``taught_only``: sources that teach in every fold and are judged in none; so do photographs for which the split's
    column ``fold`` is empty. Photographs whose split is ``test`` take no part. Whatever belongs to a held photograph
    (its group, its near-duplicates) does not teach. Raises ``StepRefused`` where there is nothing to learn from, or no
    such fold.
    """
    allowed, taught = parts(photographs, taught_only)
    folds = folds_of(allowed)
    numbers = np.unique(folds)
    if alone is not None and alone not in numbers:
        raise StepRefused(f"there is no fold {alone}; there are {', '.join(str(number) for number in numbers)}")
    said = _empty(len(allowed))
    for number in numbers if alone is None else [alone]:
        held = allowed.where(folds == number)
        train = joined(apart(allowed, held), apart(taught, held))
        if not (train.targets >= 0).any():
            raise StepRefused("a fold holds every photograph of the eight: there is nothing to learn from")
        _put(said, folds == number, learner.answer(train, held, f"fold-{number}"))
    if alone is not None:
        said, allowed = said.at(folds == alone), allowed.where(folds == alone)
    return raw(said, allowed)


def judged(photographs: Photographs, taught_only: tuple[str, ...] = ()) -> Photographs:
    """The photographs that cross-validation answers for, in its order."""
    return parts(photographs, taught_only)[0]


def parts(photographs: Photographs, taught_only: tuple[str, ...] = ()) -> tuple[Photographs, Photographs]:
    """Who is judged and who teaches only, without the test; both with a column ``together`` (see ``bundles``)."""
    rows = photographs.rows.assign(together=bundles(photographs.rows))
    usable = (rows["split"] != "test").to_numpy() if "split" in rows else np.ones(len(rows), bool)
    taught = rows["source"].isin(taught_only).to_numpy()
    if "fold" in rows and (rows["fold"] != "").any():
        taught = taught | (rows["fold"] == "").to_numpy()
    everyone = Photographs(photographs.folder, rows)
    return everyone.where(usable & ~taught), everyone.where(usable & taught)


def folds_of(photographs: Photographs, seed: int = 8) -> Ints:
    """The split's column ``fold`` where it has one, else five folds stratified by label, whole groups only."""
    rows = photographs.rows
    if "fold" in rows and (rows["fold"] != "").all():
        return np.asarray(rows["fold"].astype(int))
    fold_of = np.zeros(len(rows), dtype=np.int64)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(rows, rows["label"], rows["together"])):
        fold_of[held] = number
    return fold_of


def apart(photographs: Photographs, held: Photographs) -> Photographs:
    """The photographs that belong to none of those held."""
    return photographs.where(~photographs.rows["together"].isin(set(held.rows["together"])).to_numpy())


def joined(first: Photographs, second: Photographs) -> Photographs:
    """Both, one after the other."""
    filled = [each.rows for each in (first, second) if len(each)] or [first.rows]
    return Photographs(first.folder, pd.concat(filled, ignore_index=True))


def _empty(count: int) -> Predictions:
    return Predictions(np.full((count, len(CLASSES)), np.nan), np.full(count, np.nan))


def _put(said: Predictions, rows: NDArray[np.bool_], answer: Predictions) -> None:
    said.logits[rows] = answer.logits
    said.outlier[rows] = answer.outlier


def raw(said: Predictions, photographs: Photographs) -> Answers:
    """Answers without a calibration: the softmax as it is, and the outlier channel as the none-of-these score."""
    outlier: Floats = 1 / (1 + np.exp(-said.outlier))
    return Answers(probabilities(said.logits, 1.0), outlier, *truth(photographs))


def report_of(answers: Answers, photographs: Photographs, resamples: int = RESAMPLES) -> Report:
    """Figures with intervals, pooled, by class, source, skin tone and condition; ``float`` is the only network."""
    return figures_of({"float": answers}, photographs, resamples)


def write(report: Report, folder: Path, name: str) -> Path:
    """``<name>.json`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(report, indent=2) + "\n")
    return file


def table(report: Report, say: Callable[[str], object]) -> None:
    """The figures, pooled and by source, for a terminal."""
    for name, each in report["figures"].items():
        say(f"{name:<22}{_cell(each)}")
    say("")
    say(f"{'within':<28}{'eight':>6}  {'top-1':<24}{'balanced':<24}none_of_these AUROC")
    for part, each in report["by_source"].items():
        cells = [_cell(each["figures"][name]) for name in ("top-1", "balanced accuracy", "none_of_these AUROC")]
        say(f"{part:<28}{each['eight']:>6}  {cells[0]:<24}{cells[1]:<24}{cells[2]}")


def _cell(entry: Report) -> str:
    if entry["float"] is None:
        return "–"
    ends = entry["float_95"]
    return f"{entry['float']:.3f}" + ("" if ends is None else f" ({ends[0]:.3f} – {ends[1]:.3f})")
