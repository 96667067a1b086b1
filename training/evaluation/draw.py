"""Every plot without photographs, as files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Sheet

from training.evaluation import plots
from training.evaluation import plots_of_parts as parts
from training.evaluation.metrics import Answers
from training.evaluation.plot_style import DPI, STYLE


def draw_all(networks: dict[str, Answers], report: dict[str, Any], folder: Path, split: str) -> list[Path]:
    """Every plot without photographs, as ``<split>-<name>.png`` in ``folder``; the answers have decisions."""
    drawings: dict[str, Callable[[], Sheet]] = {
        "classes": lambda: parts.recalls(report),
        "confusion": lambda: plots.confusion(report),
        "roc": lambda: plots.curves(networks, report),
        "reliability": lambda: plots.reliability(networks),
        "selective": lambda: plots.selective(networks),
        "parts": lambda: parts.within(report),
        "none-of-these": lambda: parts.conditions(report),
        "faithfulness": lambda: parts.faithfulness(report),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        return [save(make(), folder / f"{split}-{name}.png") for name, make in drawings.items()]


def save(sheet: Sheet, file: Path) -> Path:
    """Write a PNG without creation date or version of the library: the same figures make the same bytes."""
    sheet.savefig(file, dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    return file
