"""Plots of what a pooled figure hides: classes, sources, skin tones, conditions outside the eight, and the maps."""

from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Patch

from appliance.vision.classes import CLASSES
from training.evaluation.plot_style import COLOURS, GREEN, GREY, INT8, NAMES, english, sheet

Report = dict[str, Any]
MAPS: Final = {"class map": (INT8, "solid"), "centre": (GREEN, "dashed"), "random": (GREY, "dotted")}
SKY: Final = "#56B4E9"
SHOWN: Final = 20
"""So many conditions outside the eight: melanomas, then the most frequent ones."""


def recalls(report: Report) -> Sheet:
    """Recall of each class, float and INT8, with intervals."""
    classes = [name for name in CLASSES if report["by_class"][name]["photographs"]]
    labels = [f"{english(name)} ({report['by_class'][name]['photographs']})" for name in classes]
    figure, ax = sheet(1, 1, 7.6, 0.55 * len(classes) + 1.2)
    _forest(ax, labels, [report["by_class"][name]["recall"] for name in classes])
    ax.set(title="Recall by class", xlabel="Share of the class's photographs named right (95 % interval)")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def within(report: Report) -> Sheet:
    """Top-1 within each source and each skin tone beside the pooled one."""
    figure, axes = sheet(1, 2, 12.6, 4.4)
    for ax, kind, title in (
        (axes[0], "by_source", "Within each source"),
        (axes[1], "by_tone", "Within each skin tone"),
    ):
        parts = {name: each for name, each in report[kind].items() if each["eight"]}
        labels = ["pooled", *(f"{_tone(name, kind)} ({each['eight']})" for name, each in parts.items())]
        _forest(ax, labels, [report["figures"]["top-1"], *(each["figures"]["top-1"] for each in parts.values())])
        ax.axvline(report["figures"]["top-1"]["int8"], color=GREY, lw=0.8, ls="dotted")
        ax.set(title=f"{title} (photographs)", xlabel="Top-1 among the eight (95 % interval)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _tone(name: str, kind: str) -> str:
    return f"Fitzpatrick {name}" if kind == "by_tone" and name != "unknown" else name


def _forest(ax: Axes, labels: list[str], entries: list[Report]) -> None:
    """One line an entry, float above INT8; no bar where there is no interval."""
    for name, lift in (("float", 0.14), ("int8", -0.14)):
        for row, entry in enumerate(entries):
            height = len(entries) - 1 - row + lift
            if entry[f"{name}_95"] is not None:
                ax.plot(entry[f"{name}_95"], [height, height], color=COLOURS[name], lw=2, alpha=0.55)
            mark = "o" if name == "int8" else "s"
            ax.plot(entry[name], height, mark, color=COLOURS[name], ms=5, label=NAMES[name] if row == 0 else None)
    ax.set_yticks(range(len(labels)), labels[::-1])
    ax.set(xlim=(0, 1.01), ylim=(-0.6, len(labels) - 0.4))


def conditions(report: Report) -> Sheet:
    """What becomes of the conditions outside the eight, and of normal skin beside them."""
    by_name = sorted(report["by_condition"].items(), key=lambda item: "melanoma" not in item[0])
    others = dict(by_name[:SHOWN])
    figure, ax = sheet(1, 1, 8.6, 0.32 * (len(others) + 1) + 1.5)
    rows = [(f"{name.replace('_', ' ')} ({each['photographs']})", each) for name, each in others.items()]
    rows.append(("normal skin, for comparison", {"sent to a doctor": _of_normal(report), "none_of_these": None}))
    for height, (_, each) in enumerate(reversed(rows)):
        ax.barh(height, each["sent to a doctor"] or 0, color=SKY, height=0.7)
        if each["none_of_these"] is not None:
            ax.barh(height, each["none_of_these"], color=INT8, height=0.35)
    ax.set_yticks(range(len(rows)), [label for label, _ in rows[::-1]])
    ax.set(xlabel="Share of the photographs, INT8", title="Conditions outside the eight (photographs)")
    ax.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
    said = {"sent to a doctor by any rule": SKY, "called none_of_these": INT8}
    patches = [Patch(color=colour, label=label) for label, colour in said.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=2)
    return figure


def _of_normal(report: Report) -> float | None:
    found: float | None = report["figures"]["normal skin sent to a doctor"]["int8"]
    return found


def faithfulness(report: Report) -> Sheet:
    """Deletion and insertion curves, and the share of the maps inside the lesion's outline."""
    figure, axes = sheet(1, 3, 12.6, 4.2)
    found = report["faithfulness"]
    for ax, test, told in ((axes[0], "deletion", "taken away"), (axes[1], "insertion", "given back")):
        for name, (colour, line) in MAPS.items():
            each = found[test][name]
            label = f"{name}, area {each['area']['value']:.3f}"
            ax.plot(found["share"], each["curve"], color=colour, ls=line, lw=1.8, label=label)
        better = "lower is better" if test == "deletion" else "higher is better"
        ax.set(title=f"{test.capitalize()} ({better})", xlabel=f"Share of the picture {told}", xlim=(0, 1), ylim=(0, 1))
        ax.set_ylabel("Probability of the likeliest class")
        ax.legend(loc="best", fontsize=8.5)
    _masks(axes[2], report["masks"])
    return figure


def _masks(ax: Axes, masks: Report) -> None:
    names = ("class map", "centre", "random", "uniform")
    ax.set(title="Inside the lesion's outline", xlabel="Share of the map inside (95 % interval)", xlim=(0, 1))
    if not masks["photographs"]:
        ax.text(0.5, 0.5, "no photograph with an outline", ha="center", va="center", transform=ax.transAxes)
        return
    for height, name in enumerate(reversed(names)):
        each = masks[name]
        ax.barh(height, each["value"], color=MAPS.get(name, ("#bbbbbb", ""))[0], height=0.6)
        if each["value_95"] is not None:
            ax.plot(each["value_95"], [height, height], color="black", lw=1.5)
    ax.set_yticks(range(len(names)), names[::-1])
