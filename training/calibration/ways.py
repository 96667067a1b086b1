"""The ways to calibrate side by side, each judged on photographs of groups that it was not fitted on.

``temperature`` is what ``calibrate`` fits. Beside it: nothing at all; vector scaling (Guo et al. 2017, arXiv
1706.04599) and its half, a bias per class, both held towards temperature alone by a small penalty; and the
temperature of out-of-fold answers, of other networks by the same recipe but of many more photographs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from appliance.vision.bundle import read_card
from appliance.vision.runtime import Network
from training.calibration.calibrate import temperature
from training.errors import StepRefused
from training.evaluation.bootstrap import between, draws
from training.evaluation.metrics import Answers, calibration_error
from training.evaluation.perfect import if_perfect
from training.predict import Floats, int8
from training.run import Run

Ints = NDArray[np.int64]
Calibrated = Callable[[Floats], Floats]
"""From logits (N×C) to log probabilities."""
Way = Callable[[Floats, Ints], Calibrated]
PARTS: Final = 10
"""The groups are dealt into so many parts; each is answered by what was fitted on the others …"""
ROUNDS: Final = 10
"""… and dealt anew so many times: the figures are means over these."""
PENALTY: Final = 1.0
"""Of the squared deviations from plain temperature, in units of one photograph's log loss."""


@dataclass(frozen=True)
class Labelled:
    """Logits (N×C) of photographs of the eight with their class indices and groups."""

    logits: Floats
    targets: Ints
    groups: NDArray[np.str_]


def compare_calibrations(run_folder: Path, bundle: Path, folds: Path | None = None) -> pd.DataFrame:
    """A row per way, on the INT8 answers to the run's validation photographs.

    ``folds``: folder in which ``crossvalidate --recipe`` left answers. Raises ``StepRefused`` for none.
    """
    run = Run.open(run_folder)
    watched = run.photographs.of("validation").of_the_eight()
    card = read_card(bundle)
    said = int8(Network((bundle / card.model).read_bytes(), threads=2), watched).logits
    ours = Labelled(said, watched.targets, watched.rows["group"].to_numpy(str))
    return side_by_side(ours, None if folds is None else _out_of_fold(folds, run))


def side_by_side(ours: Labelled, elsewhere: Labelled | None = None, rounds: int = ROUNDS) -> pd.DataFrame:
    """A row per way; those that need ``elsewhere``, photographs of other groups, only where there are any.

    ``way``; ``calibration_error``; ``by_chance``: what it would be if each confidence were true; ``log_loss``; ``low``,
    ``high``: the 95 % interval of the log loss less that of temperature (bootstrap over groups).
    """
    ways: dict[str, Way] = {
        "nothing": lambda *_: _scaled(1.0),
        "temperature": _temperature,
        "temperature and class bias": lambda logits, targets: _vector(logits, targets, scales=False),
        "vector scaling": lambda logits, targets: _vector(logits, targets, scales=True),
    }
    if elsewhere is not None:
        other = _temperature(elsewhere.logits, elsewhere.targets)
        ways["temperature of the folds"] = lambda *_: other
        ways["temperature of both"] = lambda logits, targets: _temperature(
            np.concatenate([logits, elsewhere.logits]), np.concatenate([targets, elsewhere.targets])
        )
    found = {name: _cross_fitted(way, ours, rounds) for name, way in ways.items()}
    return pd.DataFrame([{"way": name, **_judged(said, found["temperature"], ours)} for name, said in found.items()])


def _cross_fitted(way: Way, ours: Labelled, rounds: int) -> list[Floats]:
    """Log probabilities (N×C) of each round, each photograph's by what was fitted without its part."""
    said = []
    for seed in range(rounds):
        part = _dealt(ours.groups, seed)
        answer = np.zeros_like(ours.logits)
        for number in np.unique(part):
            held = part == number
            answer[held] = way(ours.logits[~held], ours.targets[~held])(ours.logits[held])
        said.append(answer)
    return said


def _dealt(groups: NDArray[np.str_], seed: int) -> Ints:
    """A part for each photograph, the same for all of a group."""
    names, member = np.unique(groups, return_inverse=True)
    return np.asarray(np.random.default_rng(seed).permutation(len(names))[member] % PARTS)


def _judged(said: list[Floats], reference: list[Floats], ours: Labelled) -> dict[str, float]:
    answers = [_answers(each, ours) for each in said]
    apart = _losses(said, ours) - _losses(reference, ours)
    ends = between([float(apart[rows].mean()) for rows in draws(ours.groups.astype(object))]) or [np.nan, np.nan]
    chance = [if_perfect({"int8": each}, count=200)["int8"]["mean"] for each in answers]
    return {
        "calibration_error": float(np.mean([calibration_error(each) for each in answers])),
        "by_chance": float(np.mean(chance)),
        "log_loss": float(_losses(said, ours).mean()),
        "low": ends[0],
        "high": ends[1],
    }


def _losses(said: list[Floats], ours: Labelled) -> Floats:
    """Log loss of each photograph, mean over the rounds."""
    rows = np.arange(len(ours.targets))
    return np.asarray(np.mean([-each[rows, ours.targets] for each in said], axis=0))


def _answers(said: Floats, ours: Labelled) -> Answers:
    names = ours.groups.astype(object)
    return Answers(np.exp(said), np.zeros(len(names)), ours.targets, names, names)


def _scaled(by: float) -> Calibrated:
    return lambda logits: np.asarray(log_softmax(logits / by, axis=1))


def _temperature(logits: Floats, targets: Ints) -> Calibrated:
    return _scaled(temperature(logits, targets))


def _vector(logits: Floats, targets: Ints, *, scales: bool) -> Calibrated:
    """A scale for all, and for each class a bias and, with ``scales``, a scale of its own."""
    classes, rows = logits.shape[1], np.arange(len(targets))

    def answer(numbers: Floats, given: Floats) -> Floats:
        own = numbers[1 + classes :] if scales else 0.0
        return np.asarray(log_softmax(given * np.exp(numbers[0] + own) + numbers[1 : 1 + classes], axis=1))

    def loss(numbers: Floats) -> float:
        held = PENALTY / len(targets) * (numbers[1:] ** 2).sum()
        return float(held - answer(numbers, logits)[rows, targets].mean())

    best = minimize(loss, np.zeros(1 + classes * (1 + scales)), method="L-BFGS-B").x
    return lambda given: answer(best, given)


def _out_of_fold(folder: Path, run: Run) -> Labelled:
    """What cross-validation left, of the photographs of the eight that the run does not validate or test on."""
    files = sorted(folder.glob("**/answers.npz"))
    if not files:
        raise StepRefused(f"{folder} has no answers of folds; crossvalidate --recipe … --out {folder} leaves some")
    known = run.photographs.of("train").of_the_eight()
    place = {str(name): position for position, name in enumerate(known.rows["image"])}
    names: list[str] = []
    logits = []
    for file in files:
        with np.load(file) as kept:
            names.extend(str(name) for name in kept["image"])
            logits.append(kept["logits"])
    ours = np.array([name in place for name in names])
    rows = [place[name] for name in names if name in place]
    groups = known.rows["group"].to_numpy(str)
    return Labelled(np.concatenate(logits)[ours].astype(np.float64), known.targets[rows], groups[rows])
