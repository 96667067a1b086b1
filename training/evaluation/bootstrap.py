"""Intervals from a bootstrap over groups (patients), not photographs: two pictures of one lesion are one piece of news.

Percentile bootstrap, Efron and Tibshirani 1993, chapter 13. Float and INT8 are drawn together, so that the interval of
their difference is that of pairs.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.errors import StepRefused
from training.evaluation.metrics import Answers, Figure
from training.evaluation.sides import fewest_groups, is_the_same
from training.predict import Floats

RESAMPLES: Final = 1000
PART_RESAMPLES: Final = 400
"""For sources and skin tones, where there are many intervals and their ends are far from exact anyway."""
FEWEST_GROUPS: Final = 5
"""Below this many groups, on any side a figure compares, a bootstrap says nothing about other patients: no interval."""
LEVELS: Final = (0.025, 0.975)

Range = list[float] | None


def draws(groups: NDArray[np.object_], seed: int = 8, count: int = RESAMPLES) -> list[NDArray[np.int64]]:
    """Row numbers of ``count`` resamples of whole groups; none where there are too few groups."""
    names, member = np.unique(groups.astype(str), return_inverse=True)
    if len(names) < FEWEST_GROUPS:
        return []
    rng = np.random.default_rng(seed)
    rows_of = [np.flatnonzero(member == number) for number in range(len(names))]
    chosen = (rng.integers(len(names), size=len(names)) for _ in range(count))
    return [np.concatenate([rows_of[number] for number in draw]) for draw in chosen]


def interval(figure: Figure, answers: Answers, seed: int = 8) -> tuple[float, float]:
    """95 % interval of one figure. Raises ``StepRefused`` where there are too few groups."""
    found = between(_values({"": figure}, answers, draws(answers.groups, seed))[""])
    if found is None or fewest_groups(figure, answers) < FEWEST_GROUPS:
        raise StepRefused(f"fewer than {FEWEST_GROUPS} groups: no interval")
    return found[0], found[1]


def between(values: Sequence[float] | Floats) -> Range:
    """The 2.5th and 97.5th percentile; ``None`` where the figure was undefined in half of the resamples."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    if len(known) == 0 or len(known) * 2 < len(values):
        return None
    low, high = np.quantile(known, LEVELS)
    return [float(low), float(high)]


def side_by_side(
    figures: dict[str, Figure], networks: dict[str, Answers], count: int = RESAMPLES
) -> dict[str, dict[str, Any]]:
    """Each figure for each network, with its interval, and the difference INT8 − float of the same resamples.

    {figure: {float, float_95, int8, int8_95, difference, difference_95}}; ``None`` for what cannot be counted, and for
    the interval of a figure one side of which has fewer than ``FEWEST_GROUPS`` groups. A resample that lacks a class
    the photographs have is left out of figures over classes.
    """
    chosen = draws(next(iter(networks.values())).groups, count=count)
    drawn = {network: _values(figures, answers, chosen) for network, answers in networks.items()}
    return {name: _entry(name, figure, networks, drawn) for name, figure in figures.items()}


def _values(figures: dict[str, Figure], answers: Answers, chosen: list[NDArray[np.int64]]) -> dict[str, Floats]:
    values = {name: np.full(len(chosen), np.nan) for name in figures}
    for number, rows in enumerate(chosen):
        resample = answers.at(rows)
        for name, figure in figures.items():
            if is_the_same(figure, resample, answers):
                values[name][number] = figure(resample)
    return values


def _entry(
    name: str, figure: Figure, networks: dict[str, Answers], drawn: dict[str, dict[str, Floats]]
) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for network, answers in networks.items():
        entry[network] = known(figure(answers))
        enough = entry[network] is not None and fewest_groups(figure, answers) >= FEWEST_GROUPS
        entry[f"{network}_95"] = between(drawn[network][name]) if enough else None
    if {"float", "int8"} <= set(entry) and None not in (entry["float"], entry["int8"]):
        entry["difference"] = entry["int8"] - entry["float"]
        enough = None not in (entry["float_95"], entry["int8_95"])
        entry["difference_95"] = between(drawn["int8"][name] - drawn["float"][name]) if enough else None
    return entry


def mean_with_interval(values: Floats, groups: NDArray[np.object_]) -> dict[str, Any]:
    """The mean of one number a photograph, with its interval: {value, value_95}."""
    means = [float(values[rows].mean()) for rows in draws(groups)]
    return {"value": known(float(values.mean())), "value_95": between(means)}


def known(value: float) -> float | None:
    """The value, or ``None`` where it is not a number: JSON has no other word for it."""
    return None if np.isnan(value) else float(value)
