"""The gate's limits: fitted out of fold by group, chosen jointly, written into the bundle, and reported by source."""

import itertools
import json
from pathlib import Path
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from appliance.vision.bundle import read_card
from appliance.vision.quality.limits import EXCLUSIONS, FILE, Evidence, GateLimits, Head, encoded
from appliance.vision.runtime import Network
from training.bundle_files import seal, sha256_of
from training.features_output import NAME, with_features
from training.gate_report import HIGH_IS_BAD, Floats, Mask, Table, refused_by_basic, report
from training.gate_samples import BASIC, Samples, collect, measure_names

T = TypeVar("T")
Learned = Literal["photographs", "rendered"]
WANTED: Final = {"residue": 0.75, "hair": 0.70, "too_small": 0.60, "exudate": 0.50}
"""Recall aimed at; the limits share the clear photographs that may be refused so that the least margin is largest."""
REFUSED_CLEAR: Final = 0.09
"""Share of clear photographs the whole gate may refuse, out of fold; 0.10 is what is promised."""
FOLDS: Final = 5
REPEATS: Final = 2
LEARNED: Final[tuple[Learned, ...]] = ("photographs", "rendered")
RIDGE: Final[dict[Learned, float]] = {"photographs": 0.03, "rendered": 0.01}
"""Penalty, as a share of the mean squared length of a picture's measures."""
RENDERED_RECALL: Final = 0.97
SPARED: Final = {"residue": 2, "too_small": 0, "hair": 0, "exudate": 0}
"""Clear photographs that the head learned from rendered faults may refuse."""
CLASSICAL_GAIN: Final = 0.5
SLOPE: Final = 6.0
"""Of the sigmoid that makes a score of 0 … 1 out of the ridge's."""
LEAST_SPREAD: Final = 0.1
"""A feature's standard deviation counts as at least this share of the median one: dead features stay quiet."""
BEYOND: Final = 0.02
FIXED: Final = {"not_skin": 0.05, "no_lesion": 0.1}
"""Low on purpose: they are to stop what is plainly no photograph of skin."""
TOO_SMALL_MM: Final = 2.0
LABELS_FILE: Final = "quality.csv"


class Heads(NamedTuple, Generic[T]):
    """One thing for each of the two heads of an exclusion case."""

    photographs: T
    rendered: T


class Option(NamedTuple):
    """A threshold, the clear photographs it refuses, and by how much its recall is above the wanted one."""

    threshold: float
    objects: Mask
    margin: float


def fit_gate(bundle: Path, manifest: Path, cache: Path | None = None) -> dict[str, Any]:
    """Fit, choose, write ``gate.json`` and ``evaluation/gate.json`` into ``bundle`` and seal it; returns the report.

    quality.csv lies beside ``manifest``; without it the bundle stays as it is and the report is empty. Gives the
    network its output of features where it has none. ``cache``: a folder for the measures, to fit again without the
    network. Raises ``ValueError`` where the network lacks the layer.
    """
    if not (manifest.parent / LABELS_FILE).is_file():
        return {}
    model = bundle / read_card(bundle).model
    model.write_bytes(with_features(model.read_bytes()))
    labels = pd.read_csv(manifest.parent / LABELS_FILE)
    samples = _samples(labels, manifest.parent, model, cache)
    table = table_of(samples, labels, pd.read_csv(manifest))
    limits, figures = choose(table, fitted_on=f"{len(labels)} labelled photographs, rendered faults")
    (bundle / FILE).write_text(limits.model_dump_json(indent=1) + "\n")
    (bundle / "evaluation").mkdir(exist_ok=True)
    (bundle / "evaluation" / "gate.json").write_text(json.dumps(figures, indent=1) + "\n")
    seal(bundle)
    return figures


def choose(table: Table, fitted_on: str) -> tuple[GateLimits, dict[str, Any]]:
    """Limits and report of a table of samples; by classical measures alone where the samples' features are zeros."""
    basic = {name: _basic_limit(table, name) for name in BASIC}
    scores = {case: Heads(*(out_of_fold(table, case, learned) for learned in LEARNED)) for case in EXCLUSIONS}
    thresholds = _thresholds(table, scores, refused_by_basic(table, basic))
    exclusions = {case: _evidence(table, case, thresholds[case]) for case in EXCLUSIONS}
    output = (NAME,) if table.samples.features.any() else ()
    limits = GateLimits(**basic, too_small_mm=TOO_SMALL_MM, exclusions=exclusions, features=output, fitted_on=fitted_on)
    return limits, report(table, {case: _margin(scores[case], thresholds[case]) for case in EXCLUSIONS}, basic)


def out_of_fold(table: Table, case: str, learned: Learned) -> Floats:
    """Scores of every sample by fits that saw no photograph of its group, mean over repeats."""
    total = np.zeros(len(table.group))
    for repeat in range(REPEATS):
        folds = GroupKFold(FOLDS, shuffle=True, random_state=repeat)
        for fit, held in folds.split(table.group, groups=table.group):
            seen = np.zeros(len(table.group), np.bool_)
            seen[fit] = True
            weights, bias = _ridge(table, case, learned, seen)
            total[held] += table.inputs[held] @ weights + bias
    return total / REPEATS


def _evidence(table: Table, case: str, thresholds: Heads[float]) -> Evidence:
    seen = np.ones(len(table.group), np.bool_)
    fits = (_ridge(table, case, learned, seen) for learned in LEARNED)
    return Evidence(heads=tuple(_head(*fit, threshold) for fit, threshold in zip(fits, thresholds, strict=True)))


def _head(weights: Floats, bias: float, threshold: float) -> Head:
    names = measure_names()
    classical, network = weights[: len(names)] * SLOPE, weights[len(names) :] * SLOPE
    return Head(
        bias=round(float(SLOPE * (bias - threshold)), 5),
        measured={name: round(float(weight), 6) for name, weight in zip(names, classical, strict=True)},
        network=encoded(network) if network.any() else "",
    )


def _ridge(table: Table, case: str, learned: Learned, seen: Mask) -> tuple[Floats, float]:
    """Weights and bias on the raw inputs of a ridge regression towards 0 and 1, both sides weighing the same.

    From photographs: those with the label against all others. From rendered faults: those of the case against
    photographs without its label, and against other faults.
    """
    faulty, rendered = table.faulty(case), table.rendered(case)
    positive = faulty if learned == "photographs" else rendered
    used = seen & ((table.plain | table.drawn) if learned == "photographs" else table.with_features & ~faulty)
    centre, scale = _scaling(table.inputs[table.plain & seen], table.samples.classical.shape[1])
    target = positive[used].astype(np.float64)
    weight = np.where(target == 1, 1 / target.sum(), 1 / (1 - target).sum()) * len(target) / 2
    slope, bias = _dual((table.inputs[used] - centre) / scale, target, weight, RIDGE[learned])
    slope = slope / scale
    return slope, float(bias - centre @ slope)


def _dual(inputs: Floats, target: Floats, weight: Floats, penalty: float) -> tuple[Floats, float]:
    """Weighted ridge regression by its dual: there are far fewer pictures than measures."""
    root = np.sqrt(weight)
    centre = weight @ inputs / weight.sum()
    middle = float(weight @ target / weight.sum())
    centred = (inputs - centre) * root[:, None]
    kernel = centred @ centred.T
    added = penalty * np.trace(kernel) / len(kernel) * np.eye(len(kernel))
    slope = centred.T @ np.linalg.solve(kernel + added, (target - middle) * root)
    return slope, float(middle - centre @ slope)


def _scaling(raw: Floats, classical: int) -> tuple[Floats, Floats]:
    """Centre and scale by which each kind of input has about the same say, whatever its number."""
    spread = raw.std(axis=0)
    gains = []
    for block, gain in (
        (spread[:classical], CLASSICAL_GAIN),
        *((part, 1.0) for part in np.split(spread[classical:], 3)),
    ):
        floor = LEAST_SPREAD * float(np.median(block)) + 1e-6
        gains.append(np.maximum(block, floor) * np.sqrt(len(block)) / gain)
    return raw.mean(axis=0), np.concatenate(gains)


def _basic_limit(table: Table, name: str) -> float:
    """Between clear photographs and rendered faults; where they overlap, just beyond the worst clear photograph."""
    if name in FIXED:
        return FIXED[name]
    sign = 1.0 if name in HIGH_IS_BAD else -1.0
    values = sign * table.samples.basic[:, BASIC.index(name)].astype(np.float64)
    worst = float(values[table.clear | table.drawn].max())
    bad = float(np.quantile(values[table.rendered(name)], 1 - RENDERED_RECALL))
    return round(sign * ((worst + bad) / 2 if bad > worst else worst + BEYOND * abs(worst)), 4)


def _margin(scores: Heads[Floats], thresholds: Heads[float]) -> Floats:
    """What the surer head says, 0 at its threshold."""
    return np.maximum(scores.photographs - thresholds.photographs, scores.rendered - thresholds.rendered)


def _thresholds(table: Table, scores: dict[str, Heads[Floats]], refused: Mask) -> dict[str, Heads[float]]:
    """First those of the heads learned from rendered faults, then those of the other heads, together."""
    rendered = {case: _least_threshold(table, case, scores[case].rendered) for case in EXCLUSIONS}
    already = {case: scores[case].rendered > rendered[case] for case in EXCLUSIONS}
    taken = np.logical_or.reduce([refused, *already.values()])[table.clear]
    options = {case: _options(table, case, scores[case].photographs, already[case]) for case in EXCLUSIONS}
    photographs = _joint(options, taken)
    return {case: Heads(photographs[case], rendered[case]) for case in EXCLUSIONS}


def _least_threshold(table: Table, case: str, scores: Floats) -> float:
    """The highest that finds the wanted share of rendered faults, but above all clear photographs but a few."""
    wanted = float(np.quantile(scores[table.rendered(case)], 1 - RENDERED_RECALL))
    lowest = float(np.sort(scores[table.clear])[::-1][SPARED[case]])
    return max(wanted, lowest + 1e-6)


def _joint(options: dict[str, list[Option]], taken: Mask) -> dict[str, float]:
    """Thresholds whose least margin over the wanted recalls is largest, while few clear photographs are refused."""
    best: tuple[float, float] = (-np.inf, -np.inf)
    found: tuple[Option, ...] = ()
    for combination in itertools.product(*options.values()):
        together = np.logical_or.reduce([taken, *(option.objects for option in combination)])
        margins = [option.margin for option in combination]
        if together.mean() <= REFUSED_CLEAR and (min(margins), sum(margins)) > best:
            best, found = (min(margins), sum(margins)), combination
    if not found:
        raise ValueError("the checks of light and focus alone refuse too many clear photographs")
    return {case: option.threshold for case, option in zip(options, found, strict=True)}


def _options(table: Table, case: str, scores: Floats, already: Mask, most: int = 9) -> list[Option]:
    """One for each number of clear photographs refused, from none on."""
    among, faulty = scores[table.clear], table.faulty(case)
    ordered = np.sort(among)[::-1]
    cuts = [float(ordered[0]) + 1e-6, *((ordered[i] + ordered[i + 1]) / 2 for i in range(min(most, len(ordered) - 1)))]
    return [
        Option(float(cut), among > cut, float(((scores > cut) | already)[faulty].mean()) - WANTED[case]) for cut in cuts
    ]


def _samples(labels: pd.DataFrame, folder: Path, model: Path, cache: Path | None) -> Samples:
    kept = None if cache is None else cache / f"{sha256_of(model)[:12]}.npz"
    if kept is not None and kept.is_file():
        return Samples.load(kept)
    samples = collect(labels, folder, Network(model.read_bytes(), threads=1), NAME)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        samples.save(kept)
    return samples


def table_of(samples: Samples, labels: pd.DataFrame, manifest: pd.DataFrame) -> Table:
    """Samples with their labels, groups and sources."""
    known = manifest.set_index("image")
    rows = labels.set_index("image").reindex(samples.image).fillna(0)
    group = known["group"].reindex(samples.image).fillna("drawn").to_numpy(str)
    return Table(samples, rows, group, known["source"].reindex(samples.image).fillna("drawn").to_numpy(str))


def said(figures: dict[str, Any]) -> str:
    """The figures of a report, as lines of text."""
    cases = (f"{case}: recall {about['all']['recall']}" for case, about in figures["exclusions"].items())
    kinds = (f"rendered {kind}: recall {about['recall']}" for kind, about in figures["rendered"].items())
    return "\n".join([f"clear photographs refused: {figures['clear_refused']}", *cases, *kinds])
