"""The gate's limits: fitted out of fold by group, chosen jointly, written into the bundle, and reported by source."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from appliance.vision.bundle import read_card
from appliance.vision.quality.limits import EXCLUSIONS, FILE, Evidence, GateLimits, Head
from appliance.vision.quality.places import Places
from appliance.vision.runtime import Network
from training.bundle_files import record_gate, sha256_of
from training.errors import StepRefused
from training.gate.faults import HALVED
from training.gate.features_output import LAYERS
from training.gate.fit import CLASSICAL, PLACES, SLOPE, Fit, Space, ridge, scored
from training.gate.labels import Labelled
from training.gate.lamp import LEARNED_FROM, Light, by_lamp, light_of
from training.gate.outputs import give_outputs
from training.gate.places import INK, ink_places
from training.gate.places import LAYERS as PLACES_LAYERS
from training.gate.report import HIGH_IS_BAD, Floats, Mask, Table, nested, refused_by_basic, report
from training.gate.samples import BASIC, SIMULATED, Samples, collect, measure_names, views_of
from training.gate.weak import KIND as WEAK_KIND
from training.gate.weak import Bags, measured_in

T = TypeVar("T")
Learned = Literal["photographs", "rendered"]
WANTED: Final = {"residue": 0.75, "hair": 0.70, "too_small": 0.60, "exudate": 0.50}
"""Recall aimed at; the limits share the clear photographs that may be refused so that the least margin is largest."""
REFUSED_CLEAR: Final = 0.07
"""Share of clear photographs the whole gate may refuse, out of fold.

0.10 is what is promised, and limits that are chosen on 134 photographs refuse four more of other ones, on the
average."""
ENOUGH: Final = 0.06
"""A recall that is so far above the wanted one is no reason to refuse more."""
FOLDS: Final = 5
REPEATS: Final = 6
"""Ways of parting them for the scores, whose mean is taken: a single one moves a recall by several photographs."""
PLACES_REPEATS: Final = 2
"""The same for what is learned place by place, which takes much longer."""
PARTITIONS: Final = 5
"""Ways of parting the groups into folds, over which nested figures are averaged: chance moves a photograph or two."""
LEARNED: Final[tuple[Learned, ...]] = ("photographs", "rendered")
RENDERED_RECALL: Final = 0.99
"""Aimed at by the limits of light and focus, and by the heads learned from rendered faults."""
BASIC_SPARED: Final = {"motion": 1, "uneven_light": 1}
"""Clear photographs that a check of light or focus may refuse: seen by eye, they have the fault."""
BEYOND: Final = 0.02
FIXED: Final = {"not_skin": 0.05, "no_lesion": 0.1}
"""Low on purpose: they are to stop what is plainly no photograph of skin."""
TOO_SMALL_MM: Final = 2.0
TOO_SMALL_SHARE: Final = 0.14
"""Below the smallest of the clear photographs: ``benchmarks/bench_tiny.py``."""


class Heads(NamedTuple, Generic[T]):
    """One thing for each of the heads of an exclusion case: two that are learned, and one that is a measure alone."""

    photographs: T
    rendered: T
    alone: T


@dataclass(frozen=True)
class Way:
    """What a head learns from."""

    blocks: Mapping[str, float]
    """The classical measures and layers of the network, with how much say each has."""
    penalty: float
    turned: bool
    """Whether from turned photographs as well."""
    unmarked: bool = False
    """Whether photographs that are known to bear neither ink nor much hair count as good ones, too."""


_LAYERS: Final = dict.fromkeys(LAYERS, 1.0)
_ALL: Final = {CLASSICAL: 1.0, **_LAYERS}
_INK: Final = {PLACES: 3.0}
_RENDERED: Final = Way(_ALL, 0.1, turned=True, unmarked=True)
WAYS: Final[dict[str, dict[Learned, Way]]] = {
    "residue": {
        "photographs": Way({**_ALL, **_INK}, 0.3, turned=False, unmarked=True),
        "rendered": Way({**_ALL, **_INK}, 0.1, turned=True, unmarked=True),
    },
    "too_small": {
        "photographs": Way({**_LAYERS, "mixed8": 3.0}, 0.1, turned=True),
        "rendered": Way(_ALL, 0.1, turned=True),
    },
    "hair": {
        "photographs": Way({**_LAYERS, "mixed10": 4.0}, 1.0, turned=True, unmarked=True),
        "rendered": _RENDERED,
    },
    "exudate": {
        "photographs": Way(_ALL, 1.0, turned=False, unmarked=True),
        "rendered": _RENDERED,
    },
}
"""Chosen by what they find out of fold, those of photographs on three networks of one recipe."""
WEAK: Final = {"residue": 0.4}
"""Cases that are also looked for place by place, learned from their labels; how much of that is added to the score."""
JOINED: Final = {"hair": {"line_energy": 0.25}}
"""Classical measures that are added to what is learned, and how much of each: thin lines say more than a head that is
told of all measures makes of them."""
ALONE: Final = {"residue": ("dye", "stain", 0.95)}
"""Classical measures that are reason enough by themselves; the rendered fault they find, and its recall aimed at."""
Thresholds = dict[str, Heads[float]]


class Option(NamedTuple):
    """A threshold, the clear photographs it refuses, and by how much its recall is above the wanted one."""

    threshold: float
    objects: Mask
    margin: float


def fit_gate(bundle: Path, labelled: Labelled, cache: Path | None = None) -> dict[str, Any]:
    """Fit, choose, write ``gate.json`` and ``evaluation/gate.json`` into ``bundle`` and seal it; returns the report.

    Gives the network its outputs of features where it has none. ``cache``: a folder for the measures, to fit again
    without the network. Raises ``StepRefused`` where the network lacks a layer, or no photograph is there to learn ink
    or the colour of the light from.
    """
    model = bundle / read_card(bundle).model
    give_outputs(bundle, model)
    kept = None if cache is None else cache / f"{sha256_of(model)[:12]}-{_fingerprint(labelled)[:12]}"
    network = Network(model.read_bytes(), threads=1)
    places, light = ink_places(labelled.unmarked, network, kept), light_of(labelled.others(), kept)
    labels = labelled.labels
    unmarked = [file for file, _ in labelled.unmarked]
    samples = collect(labels, labelled.folder, network, places, light.lamp, kept, unmarked)
    fitted_on = (
        f"{len(labels)} labelled photographs, rendered faults, captures of the synthetic camera; ink drawn on "
        f"{len(unmarked)} others"
    )
    limits, figures = choose(table_of(samples, labels, labelled.manifest), {INK: places}, light, fitted_on)
    figures["lamps"] = by_lamp(views_of(labels, labelled.folder).values(), light)
    (bundle / FILE).write_text(limits.model_dump_json(indent=1) + "\n")
    (bundle / "evaluation").mkdir(exist_ok=True)
    (bundle / "evaluation" / "gate.json").write_text(json.dumps(figures, indent=1) + "\n")
    record_gate(bundle, {"limits": "fitted", "fitted_on": fitted_on})
    return figures


def _fingerprint(labelled: Labelled) -> str:
    """SHA-256 of what the measures depend on beside the network: photographs, labels, captures of the synthetic camera,
    and the lamps learned from."""
    told = labelled.labels.to_csv(index=False) + str([(file.name, number) for file, number in labelled.unmarked])
    told += str([file.name for file in labelled.others()]) + str((LEARNED_FROM, HALVED))
    told += str([sha256_of(file) for file in sorted(SIMULATED.rglob("*.jpg"))])
    return hashlib.sha256(told.encode()).hexdigest()


def choose(table: Table, places: dict[str, Places], light: Light, fitted_on: str) -> tuple[GateLimits, dict[str, Any]]:
    """Limits and report of a table of samples, which were measured by ``places`` and ``light``."""
    basic = {name: _basic_limit(table, name) for name in BASIC} | {"colour_cast": light.limit}
    refused, space = refused_by_basic(table, basic), Space(table)
    scores = {
        case: Heads(out_of_fold(space, case, "photographs"), out_of_fold(space, case, "rendered"), _alone(table, case))
        for case in EXCLUSIONS
    }
    bags = _bags(table)
    for case, say in WEAK.items():
        scores[case] = scores[case]._replace(photographs=scores[case].photographs + say * at_places(table, bags, case))
    for case, measures in JOINED.items():
        extra = sum(say * space.measure(name) for name, say in measures.items())
        scores[case] = scores[case]._replace(photographs=scores[case].photographs + extra)
    everything = np.ones(len(table.group), np.bool_)
    places = places | {case: _learned(table, bags, case, everything) for case in WEAK}
    thresholds = _thresholds(table, scores, refused, everything)
    limits = GateLimits(
        **basic,
        lamp=light.lamp,
        too_small_mm=TOO_SMALL_MM,
        too_small_share=TOO_SMALL_SHARE,
        exclusions={case: _evidence(space, case, thresholds[case]) for case in EXCLUSIONS},
        features=_used(),
        places=places,
        fitted_on=fitted_on,
    )
    figures = report(table, _margins(scores, thresholds), basic)
    partitions = [_nested_margins(table, scores, refused, partition) for partition in range(PARTITIONS)]
    return limits, {**figures, "nested": nested(table, refused, partitions)}


def out_of_fold(space: Space, case: str, learned: Learned) -> Floats:
    """Scores of every sample by fits that saw no photograph of its group, mean over repeats."""
    group, way = space.table.group, WAYS[case][learned]
    total, kernel = np.zeros(len(group)), space.kernel(way.blocks)
    for seen, held in (fold for repeat in range(REPEATS) for fold in _folds(group, repeat)):
        total[held] += scored(kernel, _fit(space.table, kernel, case, way, learned, seen), np.flatnonzero(held))
    return total / REPEATS


def _alone(table: Table, case: str) -> Floats:
    """The measure of :data:`ALONE`, which learns nothing; below any threshold where there is none."""
    if case not in ALONE:
        return np.full(len(table.group), -np.inf)
    return table.samples.classical[:, measure_names().index(ALONE[case][0])].astype(np.float64)


def at_places(table: Table, bags: Bags, case: str) -> Floats:
    """What is measured by :mod:`training.gate.weak`, out of fold; 0 for pictures whose places are not kept."""
    rows, total = table.samples.with_cells, np.zeros(len(table.group))
    for seen, held in (fold for repeat in range(PLACES_REPEATS) for fold in _folds(table.group, repeat)):
        learned = _learned(table, bags, case, seen)
        for cells, row in zip(table.samples.cells, rows, strict=True):
            total[row] += held[row] and measured_in(cells, learned)
    return total / PLACES_REPEATS


def _bags(table: Table) -> Bags:
    """Of the photographs as they are."""
    channels = dict(zip(LAYERS, table.samples.sizes.tolist(), strict=True))
    rows = table.samples.with_cells
    return Bags(table.samples.cells[table.plain[rows]], tuple(channels[layer] for layer in PLACES_LAYERS))


def _learned(table: Table, bags: Bags, case: str, seen: Mask) -> Places:
    plain = table.plain
    return bags.learned(table.faulty(case)[plain], table.clear[plain], seen[plain])


def _folds(group: Any, repeat: int) -> list[tuple[Mask, Mask]]:
    """Seen and held rows of each fold; a group is never in both."""
    names = np.unique(group)
    folds = GroupKFold(FOLDS, shuffle=True, random_state=repeat).split(names, groups=names)
    held = [np.isin(group, names[chosen]) for _, chosen in folds]
    return [(~each, each) for each in held]


def _fit(table: Table, kernel: Floats, case: str, way: Way, learned: Learned, seen: Mask) -> Fit:
    """From photographs: those with the label against all others and drawn pictures. From rendered faults, the synthetic
    camera's too: those of the case against photographs without its label, and against other faults. The way says
    whether unmarked photographs are good ones as well.
    """
    photographs = table.turned if way.turned else table.plain
    unmarked = table.unmarked & way.unmarked
    if learned == "photographs":
        return ridge(kernel, table.labelled(case), seen & (photographs | table.drawn | unmarked), way.penalty)
    others = (table.with_features & ~table.labelled(case) & (~table.turned | photographs)) | unmarked
    return ridge(kernel, table.rendered(case) | table.simulated(case), seen & others, way.penalty)


def _evidence(space: Space, case: str, thresholds: Heads[float]) -> Evidence:
    everything = np.ones(len(space.table.group), np.bool_)
    heads = []
    for learned, threshold in zip(LEARNED, thresholds, strict=False):
        way = WAYS[case][learned]
        fit = _fit(space.table, space.kernel(way.blocks), case, way, learned, everything)
        joined = JOINED.get(case) if learned == "photographs" else None
        head = space.head(fit, way.blocks, threshold, joined)
        if case in WEAK and learned == "photographs":
            head = head.model_copy(update={"measured": {**head.measured, f"{case}.{WEAK_KIND}": SLOPE * WEAK[case]}})
        heads.append(head)
    if case in ALONE:
        heads.append(Head(bias=round(-SLOPE * thresholds.alone, 5), measured={ALONE[case][0]: SLOPE}))
    return Evidence(heads=tuple(heads))


def _used() -> tuple[str, ...]:
    """The layers that any head asks."""
    asked = {block for ways in WAYS.values() for way in ways.values() for block in way.blocks}
    asked |= set(PLACES_LAYERS)
    return tuple(layer for layer in LAYERS if layer in asked)


def _basic_limit(table: Table, name: str) -> float:
    """Between clear photographs and rendered faults; where they overlap, just beyond the worst clear photograph.

    The worst but those that are spared.
    """
    if name in FIXED:
        return FIXED[name]
    sign = 1.0 if name in HIGH_IS_BAD else -1.0
    values = sign * table.samples.basic[:, BASIC.index(name)].astype(np.float64)
    good = np.sort(values[table.clear | table.drawn])[::-1][BASIC_SPARED.get(name, 0) :]
    return round(sign * _between(good, values[table.rendered(name)], RENDERED_RECALL), 4)


def _between(good: Floats, faulty: Floats, recall: float) -> float:
    """Midway from the highest good value to that which the share ``recall`` of the faulty exceeds.

    Just beyond the highest good one where they overlap.
    """
    worst, bad = float(good.max()), float(np.quantile(faulty, 1 - recall))
    return (worst + bad) / 2 if bad > worst else worst + BEYOND * abs(worst)


def _margins(scores: dict[str, Heads[Floats]], thresholds: Thresholds) -> dict[str, Floats]:
    """What the surer head of each case says, 0 at its threshold."""
    return {
        case: np.maximum.reduce([s - t for s, t in zip(scores[case], thresholds[case], strict=True)]) for case in scores
    }


def _nested_margins(table: Table, scores: dict[str, Heads[Floats]], refused: Mask, partition: int) -> dict[str, Floats]:
    """The same with each photograph judged by thresholds that were chosen without its fold of this partition."""
    total = {case: np.full(len(table.group), -np.inf) for case in EXCLUSIONS}
    for seen, held in _folds(table.group, partition):
        margins = _margins(scores, _thresholds(table, scores, refused, seen))
        for case in EXCLUSIONS:
            total[case][held] = margins[case][held]
    return total


def _thresholds(table: Table, scores: dict[str, Heads[Floats]], refused: Mask, seen: Mask) -> Thresholds:
    """First those of the heads learned from rendered faults and of measures alone, then the other heads', together.

    Chosen on the ``seen`` samples alone, rendered faults of seen photographs among them.
    """
    clear = table.clear & seen
    rendered = {case: _least_threshold(table, case, scores[case].rendered, seen) for case in EXCLUSIONS}
    alone = {case: _alone_threshold(table, case, scores[case].alone, seen) for case in EXCLUSIONS}
    already = {
        case: (scores[case].rendered > rendered[case]) | (scores[case].alone > alone[case]) for case in EXCLUSIONS
    }
    taken = np.logical_or.reduce([refused, *already.values()])[clear]
    options = {
        case: _options(scores[case].photographs, already[case], table.faulty(case) & seen, clear, WANTED[case])
        for case in EXCLUSIONS
    }
    photographs = _joint(options, taken)
    return {case: Heads(photographs[case], rendered[case], alone[case]) for case in EXCLUSIONS}


def _alone_threshold(table: Table, case: str, scores: Floats, seen: Mask) -> float:
    if case not in ALONE:
        return 0.0
    _, kind, recall = ALONE[case]
    return _between(scores[(table.clear & seen) | table.drawn], scores[(table.samples.kind == kind) & seen], recall)


def _least_threshold(table: Table, case: str, scores: Floats, seen: Mask) -> float:
    """Midway from the highest clear photograph to what finds the wanted share of rendered faults; just above the former
    where they overlap."""
    wanted = float(np.quantile(scores[table.rendered(case) & seen], 1 - RENDERED_RECALL))
    worst = float(scores[table.clear & seen].max())
    return max((worst + wanted) / 2, worst + 1e-6)


def _joint(options: dict[str, list[Option]], taken: Mask) -> dict[str, float]:
    """Thresholds whose least margin over the wanted recalls is largest, while few clear photographs are refused.

    Of several, those whose margins come to most, none counting for more than :data:`ENOUGH`; then those that refuse
    fewest.
    """
    best: tuple[float, ...] = (-np.inf,)
    found: tuple[Option, ...] = ()
    for combination in itertools.product(*options.values()):
        together = float(np.logical_or.reduce([taken, *(option.objects for option in combination)]).mean())
        margins = [min(option.margin, ENOUGH) for option in combination]
        value = (min(margins), round(sum(margins), 6), -together, sum(option.margin for option in combination))
        if together <= REFUSED_CLEAR and value > best:
            best, found = value, combination
    if not found:
        raise StepRefused("the checks of light and focus alone refuse too many clear photographs")
    return {case: option.threshold for case, option in zip(options, found, strict=True)}


def _options(scores: Floats, already: Mask, faulty: Mask, clear: Mask, wanted: float, most: int = 9) -> list[Option]:
    """One for each number of clear photographs refused, from none on."""
    among = scores[clear]
    ordered = np.sort(among)[::-1]
    cuts = [float(ordered[0]) + 1e-6, *((ordered[i] + ordered[i + 1]) / 2 for i in range(min(most, len(ordered) - 1)))]
    return [Option(float(cut), among > cut, float(((scores > cut) | already)[faulty].mean()) - wanted) for cut in cuts]


def table_of(samples: Samples, labels: pd.DataFrame, manifest: pd.DataFrame) -> Table:
    """Samples with their labels, groups and sources."""
    known = manifest.set_index("image")
    rows = labels.set_index("image").reindex(samples.image).fillna(0)
    group = known["group"].reindex(samples.image).fillna("drawn").to_numpy(str)
    return Table(samples, rows, group, known["source"].reindex(samples.image).fillna("drawn").to_numpy(str))


def said(figures: dict[str, Any]) -> str:
    """The figures of a report, as lines of text."""
    within = figures["nested"]
    cases = (
        f"{case}: recall {about['all']['recall']}, nested {within['recall'][case]}"
        for case, about in figures["exclusions"].items()
    )
    kinds = (f"rendered {kind}: recall {about['recall']}" for kind, about in figures["rendered"].items())
    removed = (
        f"{case} removed: { ({name: value for name, value in about.items() if name != 'by_source'}) }"
        for case, about in figures["removed"].items()
    )
    refused = f"clear photographs refused: {figures['clear_refused']}, nested {within['clear_refused']}"
    return "\n".join([refused, *cases, *kinds, *removed])
