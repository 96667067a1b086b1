"""The ways to INT8 side by side: how near each stays to the float network, and how fast it runs."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from appliance.vision.preprocess import preprocess
from appliance.vision.runtime import Network
from training.golden import draw
from training.predict import floating, int8
from training.quantisation.convert import WAYS, Way, convert
from training.quantisation.parity import Views, compare
from training.quantisation.quantise import prepared, representative
from training.run import Run

ROUNDS: Final = 15
"""Runs of each file whose median counts; the files take turns, one thread."""


@dataclass(frozen=True)
class Trial:
    """One way with a number of representative photographs."""

    way: Way
    representatives: int


def trials(representatives: int, also: int) -> list[Trial]:
    """Every way with all representatives, and TensorFlow's converter with another number."""
    return [*(Trial(way, representatives) for way in WAYS), Trial("tensorflow", also)]


def compare_ways(
    run_folder: Path, asked: list[Trial], seed: int = 8, say: Callable[[str], object] = print
) -> pd.DataFrame:
    """A row per trial, on the validation photographs of the eight; the first row's latency is the peer of the ratio.

    ``say`` gets a line for each as it comes: all of them together take a while.
    """
    run = Run.open(run_folder)
    watched = Views.of_the_gate(run.photographs.of("validation").of_the_eight())
    groups = watched.rows["group"].to_numpy(str)
    exact = floating(run.network(), watched)
    files: list[Network] = []
    rows: list[dict[str, object]] = []
    for trial in asked:
        chosen = representative(run.photographs.of("train"), trial.representatives, seed)
        files.append(Network(convert(prepared(run, chosen), chosen, trial.way), threads=1))
        parity = compare(exact, int8(files[-1], watched), watched.targets, groups, watched.few)
        about = {"way": trial.way, "representatives": trial.representatives}
        rows.append({**about, **parity.figures, "gate": "; ".join(parity.broken) or "passes"})
        say(f"{trial.way}, {trial.representatives}: {parity.figures['argmax_agreement']:.3f}, {rows[-1]['gate']}")
    times = latencies(files)
    table = pd.DataFrame(rows).assign(ms=times)
    return table.assign(ratio=table["ms"] / times[0])


def latencies(networks: list[Network]) -> list[float]:
    """Median milliseconds of each, taken in turns."""
    view = preprocess(draw())
    taken: list[list[float]] = [[] for _ in networks]
    for turn in range(ROUNDS + 1):
        for network, times in zip(networks, taken, strict=True):
            start = time.perf_counter()
            network.run(view)
            if turn:  # the first round warms up
                times.append((time.perf_counter() - start) * 1000)
    return [statistics.median(times) for times in taken]
