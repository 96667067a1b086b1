"""What a coloured lamp does to the answer, and how much of that the gate stops.

``python benchmarks/bench_lamps.py PHOTOS/manifest.csv training/skin8-split.csv``. The INT8 network's answers to the
validation photographs as they are, and under each lamp of ``training.gate.faults``, whole and half made up for;
and under one that neither the network nor the check learned from.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from validation import validation

from appliance.vision.assessment import Assessment
from appliance.vision.assessor import Assessor
from appliance.vision.classes import MALIGNANT
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from training.gate.faults import HALVED, LAMPS, under

BUNDLE = Path(__file__).parents[1] / "models/skin8-inceptionv3"
WHITE = (1.0, 1.0, 1.0)
UNLEARNED = {"4,000 K, half": (1.0, 0.81, 0.61), "4,000 K": (1.0, 0.654, 0.377)}
"""A black body's light in linear sRGB: no lamp that the network or the check learned from."""
WAYS = {"as it is": WHITE, **{f"{name}, half": lamp for name, lamp in HALVED.items()}, **LAMPS, **UNLEARNED}
COLUMNS = ("same class", "top-1", "malignant sensitivity", "none_of_these", "refused", "missed and not refused")


class Answers(NamedTuple):
    """One a photograph."""

    likeliest: NDArray[np.str_]
    malignant: NDArray[np.bool_]
    """Above the operating point."""
    none_of_these: NDArray[np.bool_]
    refused: NDArray[np.bool_]
    """For the colour of the light."""


def main() -> None:
    """Print a row for each lamp; without photographs nothing but how to give some."""
    rows, photographs = validation()
    views = [preprocess(pixels) for pixels in photographs]
    label = rows["label"].to_numpy(str)
    eight, cancer = label != "other", np.isin(label, list(MALIGNANT))
    print(f"{eight.sum()} of the eight, {cancer.sum()} malignant, {(~eight).sum()} others")
    print(f"| lamp | {' | '.join(COLUMNS)} |\n| --- {'| --- ' * len(COLUMNS)}|")
    assessor, plain = Assessor.open(BUNDLE, threads=1), None
    for way, lamp in WAYS.items():
        said = _answers(assessor, [view if lamp == WHITE else _lit(view, lamp) for view in views])
        plain = plain or said
        figures = (
            (said.likeliest == plain.likeliest)[eight].mean(),
            (said.likeliest == label)[eight].mean(),
            said.malignant[cancer].mean(),
            said.none_of_these[~eight].mean(),
            said.refused.mean(),
        )
        missed = int((cancer & ~said.malignant & ~said.refused).sum())
        print(f"| {way} | {' | '.join(f'{each:.2f}' for each in figures)} | {missed} |", flush=True)


def _lit(view: Pixels, lamp: tuple[float, float, float]) -> Pixels:
    light = under((view.astype(np.float32) / 255) ** 2.2, lamp)
    return (np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def _answers(assessor: Assessor, views: list[Pixels]) -> Answers:
    found = [assessor.assess(view, use_gate=False) for view in views]
    return Answers(
        np.array([each.findings[0].class_id for each in found]),
        np.array(["malignancy" in each.above for each in found]),
        np.array([each.outcome == "none_of_these" for each in found]),
        np.array([_refused(each) for each in found]),
    )


def _refused(assessment: Assessment) -> bool:
    return any(check.id == "colour_cast" and not check.ok for check in assessment.quality.checks)


if __name__ == "__main__":
    main()
