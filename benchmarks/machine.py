"""What machine the figures are from, and how they are taken: interleaved runs, medians, ratios against a named peer."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROUNDS = 15


def describe() -> str:
    """Processor and number of cores."""
    cpuinfo = Path("/proc/cpuinfo").read_text(errors="replace") if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":", 1)[1].strip() for line in cpuinfo.splitlines() if line.startswith(("model name", "Model"))]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def compare(title: str, peer: str, jobs: Mapping[str, Callable[[], object]]) -> None:
    """Time the jobs in turn, A B C A B C …, and print each median and its ratio to the peer's."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(ROUNDS + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if turn:  # the first round warms up
                times[name].append((time.perf_counter() - start) * 1000)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"\n{title} ({describe()}; median of {ROUNDS})")
    for name, median in medians.items():
        print(f"  {name:<44}{median:9.1f} ms   {median / medians[peer]:6.2f} × {peer}")
