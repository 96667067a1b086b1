"""Everything that turns logits into an honest answer, fitted on the INT8 outputs of validation photographs."""

import json
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.metrics import roc_curve

from appliance.vision.bundle import Calibration, Conformal, NoneOfThese, read_card
from appliance.vision.calibration import probabilities, unlikeness
from appliance.vision.classes import CLASSES, MALIGNANT, ClassId
from appliance.vision.runtime import Network
from training.bundle_files import write_card
from training.calibration import unlike
from training.evaluation.metrics import melanomas
from training.predict import Floats, Predictions, int8
from training.run import Run

LEVEL: Final = 0.9
"""Share of a class's photographs whose set contains the class."""
FEWEST_GROUPS: Final = 9
"""Groups a class needs for a promise of its own: fewer independent photographs could not give ``LEVEL`` either."""
KNOWN_KEPT: Final = 0.9
"""Share of the eight's validation photographs that must not be called none_of_these."""
SENSITIVITY: Final = 0.95
"""Share of malignant validation photographs that must be graded refer."""
IN_DOUBT: Final = 0.95
"""Share of validation melanomas that must be none_of_these or in doubt …"""
NORMAL_IN_DOUBT: Final = 0.1
"""… as long as no more than this share of normal skin is."""
FEWEST: Final = 100
"""Validation photographs of the eight, below which thresholds are said to be guesses."""
REPORT: Final = "calibration.json"


def calibrate(run_folder: Path, bundle: Path) -> Calibration:
    """Fit the calibration, write it into the bundle, and what it was chosen from into evaluation/calibration.json."""
    card = read_card(bundle)
    run = Run.open(run_folder)
    validation = run.photographs.of("validation")
    said = int8(Network((bundle / card.model).read_bytes(), threads=2), validation)
    rows = validation.rows
    groups = rows["group"].to_numpy(str)
    how, report = unlike.choose(said, validation.targets, groups)
    report["feature_distance"] = unlike.feature_distance(run)
    must_refer = melanomas(rows["condition"]) & (validation.targets < 0) if "condition" in rows else None
    calibration = fit(said, validation.targets, groups, how, must_refer)
    for sentence in (without_doubt(validation.targets, must_refer), too_few(validation.targets, calibration)):
        if sentence:
            click.echo(sentence, err=True)
    write_card(bundle, card.model_copy(update={"calibration": calibration}))
    (bundle / "evaluation").mkdir(exist_ok=True)
    (bundle / "evaluation" / REPORT).write_text(json.dumps(report, indent=2) + "\n")
    return calibration


def without_doubt(targets: NDArray[np.int64], must_refer: NDArray[np.bool_] | None) -> str | None:
    """What to say where nothing tells from which score on a photograph is in doubt; ``None`` where something does."""
    melanoma = must_refer is not None and bool(must_refer.any())
    if melanoma and (targets == CLASSES.index("normal_skin")).any():
        return None
    return (
        f"No validation photograph shows {'normal skin' if melanoma else 'a melanoma'}, so nothing says from which "
        "none-of-these score on a photograph is in doubt: nothing is graded refer for that score alone below the "
        "none-of-these threshold, and more melanomas may be graded low. Melanomas are found by the manifest's column "
        "condition, among the photographs labelled other."
    )


def too_few(targets: NDArray[np.int64], calibration: Calibration) -> str | None:
    """What to say of a calibration on few validation photographs; ``None`` where there are enough."""
    known = targets >= 0
    malignant = np.isin(targets, [CLASSES.index(name) for name in CLASSES if name in MALIGNANT])
    if known.sum() >= FEWEST and malignant.any():
        return None
    return (
        f"Only {known.sum()} validation photographs of the eight, {malignant.sum()} of them malignant: the temperature "
        f"({calibration.temperature:g}) and the thresholds (malignancy from {calibration.malignancy_threshold:g}, "
        f"psoriasis from {calibration.psoriasis_threshold:g}; a rule from 1 on hardly ever warns) are guesses. "
        "Do not use this bundle for patients: gather more photographs, malignant ones first."
    )


def fit(
    said: Predictions,
    targets: NDArray[np.int64],
    groups: NDArray[np.str_],
    how: NoneOfThese,
    must_refer: NDArray[np.bool_] | None = None,
) -> Calibration:
    """From INT8 outputs of N photographs, their class indices (−1: none of the eight) and groups (patients).

    ``how`` says how the none-of-these score is made; its thresholds are set here. ``must_refer`` (N) marks the
    photographs of none of the eight that must not be graded low.
    """
    known = targets >= 0
    scale = temperature(said.logits[known], targets[known])
    probability = probabilities(said.logits[known], scale)
    score = unlikeness(said.logits, said.outlier, how)
    return Calibration(
        temperature=round(scale, 4),
        conformal=conformal(probability, targets[known], groups[known]),
        none_of_these=_with_thresholds(how, score, targets, must_refer),
        malignancy_threshold=malignancy_threshold(probability, targets[known]),
        psoriasis_threshold=psoriasis_threshold(probability, targets[known]),
        fitted_on=f"{int(known.sum())} validation photographs of the eight classes and {int((~known).sum())} others, "
        f"INT8 outputs; groups: {_groups_of(targets, groups)}",
    )


def _groups_of(targets: NDArray[np.int64], groups: NDArray[np.str_]) -> str:
    """``lichen_planus 3, …``: what a promise rests on is patients, not photographs."""
    return ", ".join(f"{name} {len(set(groups[targets == index]))}" for index, name in enumerate(CLASSES))


def _with_thresholds(
    how: NoneOfThese, score: Floats, targets: NDArray[np.int64], must_refer: NDArray[np.bool_] | None
) -> NoneOfThese:
    """Keep ``KNOWN_KEPT`` of the eight; be in doubt early enough for melanomas, not so early that normal skin is."""
    threshold = float(np.quantile(score[targets >= 0], KNOWN_KEPT))
    doubt = threshold
    normal = score[targets == CLASSES.index("normal_skin")]
    if must_refer is not None and must_refer.any() and len(normal):
        early = float(np.quantile(score[must_refer], 1 - IN_DOUBT, method="lower"))
        doubt = min(threshold, max(early, float(np.quantile(normal, 1 - NORMAL_IN_DOUBT, method="higher"))))
    # Rounded down, so that the photographs that set a threshold stay above it.
    numbers = {"threshold": _floor(threshold), "refer_threshold": _floor(doubt)}
    return NoneOfThese.model_validate({**how.model_dump(), **numbers})


def malignancy_threshold(probability: Floats, targets: NDArray[np.int64]) -> float:
    """Summed malignant probability that ``SENSITIVITY`` of the malignant photographs reach; 1 where there are none."""
    malignant = [CLASSES.index(name) for name in CLASSES if name in MALIGNANT]
    reached = probability[:, malignant].sum(axis=1)[np.isin(targets, malignant)]
    return _floor(float(np.quantile(reached, 1 - SENSITIVITY, method="lower"))) if len(reached) else 1.0


def psoriasis_threshold(probability: Floats, targets: NDArray[np.int64]) -> float:
    """Where sensitivity + specificity for psoriasis is largest (Youden 1950); 1 where there is none."""
    index = CLASSES.index("psoriasis")
    positive = targets == index
    if not positive.any() or positive.all():
        return 1.0
    false_alarms, sensitivity, thresholds = roc_curve(positive, probability[:, index])
    return _floor(float(min(thresholds[np.argmax(sensitivity - false_alarms)], 1.0)))


def _floor(value: float) -> float:
    return float(np.floor(value * 1e4) / 1e4)


def temperature(logits: Floats, targets: NDArray[np.int64]) -> float:
    """The temperature with the least negative log-likelihood (Guo et al. 2017, arXiv 1706.04599)."""

    def loss(log_temperature: float) -> float:
        probability = probabilities(logits, float(np.exp(log_temperature)))
        return float(-np.log(probability[np.arange(len(targets)), targets]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def conformal(probability: Floats, targets: NDArray[np.int64], groups: NDArray[np.str_]) -> Conformal:
    """Class-conditional thresholds on 1 − probability; a class of too few groups borrows the pooled one.

    The promise holds for exchangeable photographs, and those of one patient are not: it takes ``FEWEST_GROUPS``.
    """
    scores = 1 - probability[np.arange(len(targets)), targets]
    pooled = threshold(scores, groups)
    own = {name: threshold(scores[targets == i], groups[targets == i]) for i, name in enumerate(CLASSES)}
    borrowing: tuple[ClassId, ...] = tuple(name for name, value in own.items() if value is None)
    return Conformal(
        level=LEVEL,
        thresholds={name: round(value if value is not None else pooled or 1.0, 4) for name, value in own.items()},
        pooled=borrowing,
    )


def threshold(scores: Floats, groups: NDArray[np.str_]) -> float | None:
    """The ⌈(n+1)·level⌉-th smallest score, rounded up; ``None`` where there are too few groups to promise the level."""
    rank = int(np.ceil((len(scores) + 1) * LEVEL))
    if len(set(groups)) < FEWEST_GROUPS or rank > len(scores):
        return None
    return float(np.ceil(np.sort(scores)[rank - 1] * 1e4) / 1e4)
