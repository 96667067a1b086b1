"""What each choice is worth: cross-validated on frozen features, each change against the same base, in pairs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from training.dataset import Photographs
from training.evaluation.bootstrap import between, draws
from training.evaluation.crossvalidate import crossvalidate, judged
from training.evaluation.learners import FrozenFeatures, Switches
from training.evaluation.metrics import RANKED, Answers
from training.evaluation.stepped import Steps

MARKED: Final = "dermnet_com"
"""The source that writes its name across its pictures."""
SHOWN: Final = ("top-1", "balanced accuracy", "macro AUROC", "malignant AUROC", "none_of_these AUROC")
Report = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """One change: the switches, and whether the marked source teaches."""

    name: str
    switches: Switches
    marked: bool = False


def variants(base: Switches, views: int) -> tuple[Variant, ...]:
    """The base first, then one change at a time. ``views``: so many augmented views; 0 leaves that one out."""
    rows = [
        Variant("base", base),
        Variant(f"with {MARKED}", base, marked=True),
        Variant("classes not weighed alike", replace(base, balanced=False)),
        Variant("shades of grey", replace(base, constancy=True)),
        *(Variant(f"{'+'.join(layers)} alone", replace(base, layers=layers)) for layers in LAYERS),
    ]
    return (*rows, *([Variant(f"{views} augmented views", replace(base, views=views))] if views else []))


def variants_of_steps(base: Switches) -> tuple[Variant, ...]:
    """A head learned in steps first, then with one thing at a time that fine-tuning may do in its steps."""
    return tuple(Variant(name, replace(base, steps=steps)) for name, steps in STEPS.items())


STEPS: Final = {
    "in steps": Steps(),
    "label smoothing 0.05": Steps(smoothing=0.05),
    "mixup of half": Steps(mixing=0.5),
    "exposure 0.1": Steps(exposure=0.1),
    "exposure 0.5": Steps(exposure=0.5),
    "averaging 0.99": Steps(averaging=0.99),
    "all four": Steps(smoothing=0.05, mixing=0.5, exposure=0.1, averaging=0.99),
}
LAYERS: Final = (("mixed5",), ("mixed8",), ("mixed10",), ("mixed8", "mixed10"))


def ablate(
    photographs: Photographs, learner: FrozenFeatures, chosen: tuple[Variant, ...], say: Callable[[str], object]
) -> Report:
    """Figures of each variant and, for all but the first, the paired difference from it with its interval.

    Every variant is judged on the same photographs, none of the marked source.
    """
    answers: dict[str, Answers] = {}
    for variant in chosen:
        say(variant.name)
        seen = photographs if variant.marked else photographs.where(~_marked(photographs))
        asked = replace(learner, switches=variant.switches)
        answers[variant.name] = crossvalidate(seen, asked, (MARKED,))
    base = answers[chosen[0].name]
    resamples = draws(base.groups)
    return {
        "photographs": len(judged(photographs, (MARKED,))),
        "variants": {name: _row(each, base, resamples) for name, each in answers.items()},
    }


def _marked(photographs: Photographs) -> Any:
    return (photographs.rows["source"] == MARKED).to_numpy()


def _row(answers: Answers, base: Answers, resamples: list[Any]) -> Report:
    row: Report = {}
    for name in SHOWN:
        figure = RANKED[name]
        drawn = np.array([figure(answers.at(rows)) - figure(base.at(rows)) for rows in resamples])
        row[name] = {
            "value": figure(answers),
            "difference": figure(answers) - figure(base),
            "difference_95": between(drawn),
        }
    return row


def table(report: Report) -> str:
    """As a Markdown table: each figure, and below it the paired difference from the base."""
    base = next(iter(report["variants"]))
    head = f"| variant | {' | '.join(SHOWN)} |\n| --- |{' --- |' * len(SHOWN)}"
    return "\n".join([head, *(_line(name, row, base) for name, row in report["variants"].items())])


def _line(name: str, row: Report, base: str) -> str:
    return f"| {name} | {' | '.join(_cell(row[figure], name == base) for figure in SHOWN)} |"


def _cell(entry: Report, is_base: bool) -> str:
    if is_base or entry["difference_95"] is None:
        return f"{entry['value']:.3f}"
    low, high = entry["difference_95"]
    return f"{entry['value']:.3f} ({low:+.3f} … {high:+.3f})"
