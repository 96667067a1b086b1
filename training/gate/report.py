"""What the gate's limits do: recall by case and by source, and of rendered faults; all out of fold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from appliance.vision.quality.limits import EXCLUSIONS
from training.gate.faults import FAULTS
from training.gate.removal import KINDS as REMOVED
from training.gate.samples import BASIC, COVERED, DRAWN, PLAIN, UNMARKED, Samples, clear

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
HIGH_IS_BAD: Final = ("exposure", "colour_cast", "uneven_light")


@dataclass(frozen=True)
class Table:
    """Samples with what is known of them."""

    samples: Samples
    labels: pd.DataFrame
    """Rows of quality.csv, one a sample; zeros for drawn pictures."""
    group: NDArray[np.str_]
    source: NDArray[np.str_]

    @property
    def plain(self) -> Mask:
        """The photographs as they are."""
        return np.asarray(self.turned & (self.samples.turn == 0))

    @property
    def turned(self) -> Mask:
        """The photographs as they are, and turned: to learn from."""
        return np.asarray(self.samples.kind == PLAIN)

    @property
    def clear(self) -> Mask:
        """Photographs as they are, without any label."""
        return np.asarray(self.plain & clear(self.labels))

    @property
    def certain(self) -> Mask:
        """Clear photographs of which the reader was certain."""
        doubted = self.labels["uncertain"].to_numpy() == 1 if "uncertain" in self.labels else False
        return np.asarray(self.clear & ~doubted) if isinstance(doubted, np.ndarray) else self.clear

    def faulty(self, case: str) -> Mask:
        """Photographs as they are that bear the label ``case``."""
        return np.asarray(self.plain & self.labelled(case))

    def labelled(self, case: str) -> Mask:
        """Photographs that bear the label ``case``, as they are and turned."""
        return np.asarray(self.turned & (self.labels[case].to_numpy() == 1))

    def rendered(self, check: str) -> Mask:
        """Pictures with a fault that is meant for ``check``."""
        return np.isin(self.samples.kind, [name for name, (_, meant) in FAULTS.items() if meant == check])

    def untouched(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the photographs as they are that the pictures ``rows`` were made of, in their order."""
        plain = {str(name): row for row, name in enumerate(self.samples.image) if self.plain[row]}
        return np.array([plain[str(name)] for name in self.samples.image[rows]], np.int64)

    def simulated(self, case: str) -> Mask:
        """Captures of the synthetic camera with a covering that is one of ``case``."""
        return np.isin(self.samples.kind, [name for name, meant in COVERED.items() if meant == case])

    @property
    def unmarked(self) -> Mask:
        """Photographs of other groups that are known to bear neither ink nor much hair: to learn from."""
        return np.asarray(self.samples.kind == UNMARKED)

    @property
    def drawn(self) -> Mask:
        """Drawn pictures of skin."""
        return np.asarray(self.samples.kind == DRAWN)

    @property
    def with_features(self) -> Mask:
        """What is judged and learned from.

        All but the faults of light and focus, for which the network was not asked, the photographs whose fault was
        taken off, and the unmarked ones.
        """
        others = [kind for kind, (_, check) in FAULTS.items() if check in BASIC]
        return ~np.isin(self.samples.kind, (*others, *REMOVED, UNMARKED))


def refused_by_basic(table: Table, limits: dict[str, float]) -> Mask:
    """Which samples the checks of light, focus and skin refuse; a check that is not in ``limits`` has no say."""
    refused = np.zeros(len(table.group), np.bool_)
    for name, limit in limits.items():
        values = table.samples.basic[:, BASIC.index(name)]
        refused |= values > limit if name in HIGH_IS_BAD else values < limit
    return refused


def report(table: Table, margins: dict[str, Floats], basic: dict[str, float]) -> dict[str, Any]:
    """All figures. ``margins``: per exclusion case, above 0 where refused; ``basic``: the other checks' limits."""
    verdicts = {case: (margins[case] > 0) & table.with_features for case in EXCLUSIONS}
    gate = np.logical_or.reduce([refused_by_basic(table, basic), *verdicts.values()])
    sources = sorted(set(table.source[table.plain]))
    return {
        "method": "out of fold by group, at the limits that ship",
        "photographs": int(table.plain.sum()),
        "clear": int(table.clear.sum()),
        "clear_refused": _share(gate, table.clear),
        "clear_and_certain_refused": _share(gate, table.certain),
        "clear_refused_by_source": {name: _share(gate, table.clear & (table.source == name)) for name in sources},
        "clear_refused_by_check": {
            **{name: _share(refused_by_basic(table, {name: limit}), table.clear) for name, limit in basic.items()},
            **{case: _share(verdicts[case], table.clear) for case in EXCLUSIONS},
        },
        "drawn_refused": _share(gate, table.drawn),
        "exclusions": {case: _case(table, case, margins[case], verdicts[case], sources) for case in EXCLUSIONS},
        "removed": {case: _removed(table, case, margins[case], "no") for case in EXCLUSIONS},
        "removed_control": {case: _removed(table, case, margins[case], "control") for case in EXCLUSIONS},
        "rendered": {kind: _rendered(table, kind, verdicts, basic, gate) for kind in FAULTS},
    }


def nested(table: Table, refused: Mask, partitions: list[dict[str, Floats]]) -> dict[str, Any]:
    """What to expect of photographs that had no say in the limits either.

    ``partitions``: margins by thresholds chosen without the photograph's fold, one for each way of parting the groups
    into folds; the scores were out of fold before. The mean over them, and the least and most.
    """
    judged = {
        **{case: table.faulty(case) for case in EXCLUSIONS},
        "clear_refused": table.clear,
        "clear_and_certain_refused": table.certain,
    }
    among = {name: rows for name, rows in judged.items() if rows.any()}
    found = np.array([_shares(table, refused, margins, among) for margins in partitions])
    mean = dict(zip(among, found.mean(axis=0).round(3).tolist(), strict=True))
    ends = np.stack([found.min(axis=0), found.max(axis=0)], axis=1).round(3).tolist()
    return {
        "method": "thresholds of each fold chosen on the other folds' out-of-fold scores; mean over partitions",
        "partitions": len(partitions),
        "recall": {case: mean.get(case) for case in EXCLUSIONS},
        "clear_refused": mean.get("clear_refused"),
        "clear_and_certain_refused": mean.get("clear_and_certain_refused"),
        "least_and_most": dict(zip(among, ends, strict=True)),
    }


def _shares(table: Table, refused: Mask, margins: dict[str, Floats], among: dict[str, Mask]) -> list[float]:
    """Of each of ``among`` what its own case refuses, or the whole gate where it is named after none."""
    verdicts: dict[str, Mask] = {case: (margins[case] > 0) & table.with_features for case in EXCLUSIONS}
    gate: Mask = np.logical_or.reduce([refused, *verdicts.values()])
    return [float(verdicts.get(name, gate)[rows].mean()) for name, rows in among.items()]


def _case(table: Table, case: str, margin: Floats, verdict: Mask, sources: list[str]) -> dict[str, Any]:
    rows = {"all": np.ones(len(verdict), np.bool_), **{name: table.source == name for name in sources}}
    return {
        name: {
            "faulty": int((table.faulty(case) & among).sum()),
            "recall": _share(verdict, table.faulty(case) & among),
            "clear_refused": _share(verdict, table.clear & among),
            "auroc_against_clear": _auroc(margin, table.faulty(case) & among, table.clear & among),
        }
        for name, among in rows.items()
    }


def _rendered(
    table: Table, kind: str, verdicts: dict[str, Mask], basic: dict[str, float], gate: Mask
) -> dict[str, Any]:
    """What is found of a fault put onto photographs that are clear, and what of the same photographs without it."""
    check, rows = FAULTS[kind][1], np.flatnonzero(table.samples.kind == kind)
    own = verdicts[check] if check in verdicts else refused_by_basic(table, {check: basic[check]})
    without = table.untouched(rows)

    def among(chosen: Mask) -> dict[str, Any]:
        """Of the chosen pictures."""
        return {
            "pictures": int(chosen.sum()),
            "recall": _share(own[rows], chosen),
            "refused_without": _share(own[without], chosen),
            "recall_of_gate": _share(gate[rows], chosen),
        }

    return {"check": check, **_and_by_source(table.source[without], among)}


def _removed(table: Table, case: str, margin: Floats, way: str) -> dict[str, Any]:
    """How the evidence falls when the fault is taken off the same photograph, or as the control of that; in pairs."""
    rows = np.flatnonzero(table.samples.kind == f"{way} {case}")
    untouched = table.untouched(rows)

    def among(chosen: Mask) -> dict[str, Any]:
        """Of the chosen pairs."""
        before, after = margin[untouched[chosen]], margin[rows[chosen]]
        everything = np.ones(len(after), np.bool_)
        return {
            "pairs": len(after),
            "refused_before": _share(before > 0, everything),
            "refused_after": _share(after > 0, everything),
            "evidence_falls": _share(after < before, everything),
            "median_fall": round(float(np.median(before - after)), 3),
            "no_longer_refused": _share(after <= 0, before > 0),
        }

    return _and_by_source(table.source[untouched], among) if len(rows) else {"pairs": 0}


def _and_by_source(source: NDArray[np.str_], among: Callable[[Mask], dict[str, Any]]) -> dict[str, Any]:
    """Figures of all pairs of pictures, and of those of each source: a check that knows but the source finds none."""
    within = {str(name): among(source == name) for name in sorted(set(source))}
    return {**among(np.ones(len(source), np.bool_)), "by_source": within}


def _auroc(scores: Floats, faulty: Mask, good: Mask) -> float | None:
    if not faulty.any() or not good.any():
        return None
    return round(float(roc_auc_score(faulty[faulty | good], scores[faulty | good])), 3)


def _share(what: Mask, among: Mask) -> float | None:
    return round(float(what[among].mean()), 3) if among.any() else None
