"""Plots of what the networks answered: reliability, confusion, ROC, and errors against silence."""

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from appliance.vision.classes import CLASSES
from training.evaluation.bootstrap import LEVELS, draws
from training.evaluation.metrics import PSORIASIS, Answers, area, is_malignant, malignancy, right
from training.evaluation.plot_style import COLOURS, GREY, INT8, LINES, NAMES, english, sheet
from training.predict import Floats

Report = dict[str, Any]
Networks = dict[str, Answers]

BINS: Final = 10
DRAWS: Final = 300
"""Resamples behind a band: enough for a line, a third of those behind a figure."""


def reliability(networks: Networks) -> Sheet:
    """How often the likeliest class is right against how sure the model says it is, with how many photographs."""
    figure, (upper, lower) = sheet(2, 1, 5.6, 6.2, height_ratios=[4, 1], sharex=True)
    upper.plot([0, 1], [0, 1], color=GREY, lw=1, label="perfectly calibrated")
    for name, answers in networks.items():
        _reliability_of(upper, lower, name, answers.eight, list(networks).index(name))
    upper.set(ylabel="Share that is right", ylim=(0, 1.02), xlim=(0, 1), title="Is the stated confidence true?")
    upper.legend(loc="upper left")
    lower.set(xlabel="Stated probability of the likeliest class", ylabel="Photographs")
    return figure


def _reliability_of(upper: Axes, lower: Axes, name: str, eight: Answers, place: int) -> None:
    confidence, correct = eight.probability.max(axis=1), right(eight).astype(np.float64)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    there = [b for b in range(BINS) if (bins == b).any()]
    at = np.array([confidence[bins == b].mean() for b in there])
    seen = np.array([correct[bins == b].mean() for b in there])
    low, high = _bars(correct, bins, there, eight.groups)
    bars = np.abs(np.array([seen - low, high - seen]))
    upper.errorbar(at, seen, bars, fmt="o", ls=LINES[name], color=COLOURS[name], ms=5, lw=1.5, elinewidth=1, capsize=2)
    upper.plot([], [], "o", ls=LINES[name], color=COLOURS[name], label=f"{NAMES[name]}, with 95 % interval")
    counts = [int((bins == b).sum()) for b in range(BINS)]
    lower.bar((np.arange(BINS) + 0.3 + 0.4 * place) / BINS, counts, width=0.4 / BINS, color=COLOURS[name])


def _bars(correct: Floats, bins: Any, there: list[int], groups: NDArray[np.object_]) -> tuple[Floats, Floats]:
    """95 % interval of the share right in each bin, by bootstrap over groups."""
    values = np.full((DRAWS, len(there)), np.nan)
    for number, rows in enumerate(draws(groups, count=DRAWS)):
        for column, b in enumerate(there):
            inside = rows[bins[rows] == b]
            values[number, column] = correct[inside].mean() if len(inside) else np.nan
    spread = [values[~np.isnan(values[:, column]), column] for column in range(len(there))]
    ends = np.array([np.quantile(each, LEVELS) if len(each) else (np.nan, np.nan) for each in spread])
    return ends[:, 0], ends[:, 1]


def confusion(report: Report) -> Sheet:
    """What each class is called by INT8, as counts and as a share of its row."""
    counts = np.array(report["confusion"]["int8"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = sheet(1, 1, 8.2, 6.4)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if shares[row, column] > 0.55 else "#222222"
            axes.text(column, row, f"{count}\n{shares[row, column]:.0%}", ha="center", va="center", color=ink, size=8)
    truths = [*(english(name) for name in CLASSES), "none of the eight"]
    totals = counts.sum(axis=1)
    axes.set_xticks(range(len(CLASSES)), [english(name) for name in CLASSES], rotation=35, ha="right")
    axes.set_yticks(range(len(truths)), [f"{name} ({total})" for name, total in zip(truths, totals, strict=True)])
    axes.axhline(len(CLASSES) - 0.5, color="#222222", lw=1)
    axes.set(xlabel="Likeliest class, INT8", ylabel="Truth (photographs)", title="What is taken for what")
    axes.grid(visible=False)
    figure.colorbar(picture, ax=axes, label="Share of the row", shrink=0.8)
    return figure


def curves(networks: Networks, report: Report) -> Sheet:
    """ROC curves of the three questions asked of a photograph, each with its operating point."""
    figure, axes = sheet(1, 3, 12.6, 4.6)
    questions = {
        "Malignant, among the eight": lambda a: (is_malignant(a.eight), malignancy(a.eight)),
        "Psoriasis, among the eight": lambda a: (a.eight.targets == PSORIASIS, a.eight.probability[:, PSORIASIS]),
        "None of these, others against the eight": lambda a: (a.targets < 0, a.outlier),
    }
    points = [
        ("malignant specificity", "malignant sensitivity"),
        ("psoriasis specificity", "psoriasis sensitivity"),
        ("eight called none_of_these", "others called none_of_these"),
    ]
    for ax, (title, ask), point in zip(axes, questions.items(), points, strict=True):
        for name, answers in networks.items():
            _roc(ax, name, ask, answers)
        _point(ax, report, *point)
        ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="dotted")
        ax.set(title=title, xlabel="1 − specificity", xlim=(-0.01, 1), ylim=(0, 1.01), aspect="equal")
        ax.legend(loc="lower right", fontsize=8.5)
    axes[0].set_ylabel("Sensitivity")
    return figure


def _roc(ax: Axes, name: str, ask: Any, answers: Answers) -> None:
    positive, score = ask(answers)
    if not 0 < positive.sum() < len(positive):
        return
    wrong, found, _ = roc_curve(positive, score)
    label = f"{NAMES[name]}, AUROC {area(positive, score):.3f}"
    ax.plot(wrong, found, color=COLOURS[name], ls=LINES[name], lw=1.6, label=label)
    if name == "int8":
        grid = np.linspace(0, 1, 101)
        resampled = [_sensitivity(ask(answers.at(rows)), grid) for rows in draws(answers.groups, count=DRAWS)]
        _band(ax, grid, [values for values in resampled if values is not None], COLOURS[name])


def _sensitivity(asked: tuple[Any, Floats], grid: Floats) -> Floats | None:
    positive, score = asked
    if not 0 < positive.sum() < len(positive):
        return None
    wrong, found, _ = roc_curve(positive, score)
    return np.asarray(np.interp(grid, wrong, found))


def _band(ax: Axes, grid: Floats, resampled: list[Floats], colour: str) -> None:
    if resampled:
        low, high = np.quantile(np.stack(resampled), LEVELS, axis=0)
        ax.fill_between(grid, low, high, color=colour, alpha=0.15, lw=0, label="95 % interval, INT8")


def _point(ax: Axes, report: Report, across: str, up: str) -> None:
    figures = report["figures"]
    wrong, found = figures[across]["int8"], figures[up]["int8"]
    if wrong is None or found is None:
        return
    wrong = 1 - wrong if "specificity" in across else wrong
    ax.plot(
        wrong, found, "D", color="black", ms=6, mfc="white", mew=1.5, label=f"threshold: {found:.2f} at {wrong:.2f}"
    )


def selective(networks: Networks) -> Sheet:
    """Errors among the photographs that are answered, if only the surest are answered."""
    figure, ax = sheet(1, 1, 5.6, 4.2)
    for name, answers in networks.items():
        share, error = risk_coverage(answers.eight)
        ax.plot(share, error, color=COLOURS[name], ls=LINES[name], lw=1.6, label=NAMES[name])
    shipped = networks["int8"].eight
    grid = np.linspace(0.05, 1, 96)
    resampled = [np.interp(grid, *risk_coverage(shipped.at(rows))) for rows in draws(shipped.groups, count=DRAWS)]
    _band(ax, grid, resampled, INT8)
    ax.set(xlabel="Share of photographs answered, the surest first", ylabel="Share of the answers that is wrong")
    ax.set(xlim=(0, 1), ylim=(0, None), title="What silence would buy")
    ax.legend(loc="upper left")
    return figure


def risk_coverage(eight: Answers) -> tuple[Floats, Floats]:
    """Share answered and error among those, one point a photograph (Geifman and El-Yaniv 2017, arXiv 1705.08500)."""
    order = np.argsort(-eight.probability.max(axis=1), kind="stable")
    count = np.arange(1, len(order) + 1)
    return count / len(order), np.cumsum(~right(eight)[order]) / count
