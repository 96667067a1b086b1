"""How often this box was right, from the diagnoses its own clinicians wrote down."""

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template

from appliance.cases.figures import ANSWERS, TOO_FEW, TRUTHS, Bin, Share, figures
from appliance.cases.reviews import EVIDENCE, Judged
from appliance.web.services import services

staff_figures = Blueprint("staff_figures", __name__, url_prefix="/staff/figures")

SIDE: Final = 300
"""Of the reliability drawing, in its own units."""


@dataclass(frozen=True)
class Bar:
    """One bin in the drawing: its dot and its interval, y from the top."""

    x: int
    y: int
    top: int
    bottom: int


@staff_figures.get("")
def page() -> str:
    """Confusion, calibration and coverage; honest where there is too little."""
    judged = services().store.reviews.judged(simulated=services().station.simulated)
    found = figures(judged)
    return render_template(
        "staff_figures.html",
        figures=found,
        truths=[each for each in TRUTHS if any(found.confusion.get((each, answer)) for answer in ANSWERS)],
        answers=ANSWERS,
        evidence=EVIDENCE,
        too_few=TOO_FEW,
        promised=_promised(judged),
        percent=percent,
        spread=spread,
        bars=[(each, _bar(each)) for each in found.bins],
        side=SIDE,
    )


def percent(value: float) -> str:
    """Whole percents."""
    return f"{round(value * 100)} %"


def spread(share: Share) -> str:
    """The interval, in whole percents."""
    low, high = share.interval
    return f"{round(low * 100)}–{round(high * 100)} %"


def _promised(judged: list[Judged]) -> str | None:
    """How often the set should hold the truth, if all answers were given with one and the same promise."""
    levels = {each.document["model"].get("thresholds", {}).get("set_level") for each in judged}
    return percent(levels.pop()) if len(levels) == 1 and None not in levels else None


def _bar(each: Bin) -> Bar:
    low, high = each.share.interval
    return Bar(round(each.said * SIDE), _y(each.share.value), _y(high), _y(low))


def _y(share: float) -> int:
    return round((1 - share) * SIDE)
