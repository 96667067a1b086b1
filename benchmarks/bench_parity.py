"""How surely the parity gate tells a good INT8 file from a poor one, by how many photographs it has.

``python benchmarks/bench_parity.py RUN BUNDLE``: a finished run and the bundle that was made of it. Draws patients from
the run's validation photographs of the eight, and lets the gate judge the bundle's file, and the same with all its
errors made two and four times as large. Only agreement, top-1 and malignant sensitivity count here.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.vision.bundle import load
from appliance.vision.runtime import Network
from training.augment import SYMMETRIES
from training.errors import StepRefused
from training.predict import Floats, Predictions, floating, int8
from training.quantisation.parity import Views, compare
from training.run import Run

Ints = NDArray[np.int64]
SIZES = (27, 60, 120)
TIMES = (1, 2, 4)
DRAWS = 60
JUDGED = ("named otherwise", "top-1 drop", "malignant")


def main() -> None:
    """Print a row for each number of photographs; without a run nothing but how to name one."""
    if len(sys.argv) < 3:
        print(f"No run is named. Usage: {sys.argv[0]} RUN BUNDLE")
        return
    run, bundle = Run.open(Path(sys.argv[1])), load(Path(sys.argv[2]))
    watched = run.photographs.of("validation").of_the_eight()
    rows = watched.rows.loc[watched.rows.index.repeat(SYMMETRIES)].reset_index(drop=True)
    views = Views(watched.folder, rows.assign(turn=np.arange(len(rows)) % SYMMETRIES))
    exact = floating(run.network(), views).logits.reshape(len(watched), SYMMETRIES, -1)
    rounded = int8(Network(bundle.model, 2, bundle.card.signature), views).logits.reshape(exact.shape)
    groups = watched.rows["group"].to_numpy(str)
    files = [exact + times * (rounded - exact) for times in TIMES]
    same = [(file.argmax(axis=2) == exact.argmax(axis=2)).mean() for file in files]
    heads = [f"{times} times the error ({share:.3f})" for times, share in zip(TIMES, same, strict=True)]
    print(f"| photographs | {' | '.join(heads)} |")
    print(f"| --- {'| --- ' * len(TIMES)}|")
    for size in SIZES:
        for sides in (1, SYMMETRIES):
            shares = [_passed(exact[:, :sides], file[:, :sides], watched.targets, groups, size) for file in files]
            seen = "each once" if sides == 1 else "from all sides"
            print(f"| {size}, {seen} | {' | '.join(f'{share:.2f}' for share in shares)} |", flush=True)


def _passed(exact: Floats, rounded: Floats, targets: Ints, groups: NDArray[np.str_], size: int) -> float:
    """Share of the draws of about ``size`` photographs, whole patients until it is full, that pass."""
    rng, passed = np.random.default_rng(0), []
    for _ in range(DRAWS):
        order = [np.flatnonzero(groups == name) for name in rng.permutation(np.unique(groups))]
        rows = np.concatenate(order)[:size]
        said = [
            Predictions(each[rows].reshape(-1, each.shape[2]), np.zeros(rows.size * each.shape[1]))
            for each in (exact, rounded)
        ]
        views = [np.repeat(each[rows], exact.shape[1]) for each in (targets, groups)]
        try:
            broken = compare(said[0], said[1], views[0], views[1], few=exact.shape[1] > 1).broken
        except StepRefused:  # no malignant photograph was drawn
            continue
        passed.append(not any(sentence.startswith(JUDGED) for sentence in broken))
    return float(np.mean(passed))


if __name__ == "__main__":
    main()
