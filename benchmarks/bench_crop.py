"""Whether the network should see the whole photograph or a crop around the lesion that the box finds.

``python benchmarks/bench_crop.py PHOTOS/manifest.csv training/skin8-split.csv``: the INT8 network's answers to the
validation photographs, whole, cropped to squares of so many times the lesion's longer side, and as the mean of both.
The temperature is fitted for each way, since it is for what ships.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from validation import validation

from appliance.vision.bundle import load
from appliance.vision.classes import CLASSES
from appliance.vision.lesion import find
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import central_square, preprocess, resample
from appliance.vision.runtime import Network
from training.evaluation.bootstrap import LEVELS, draws
from training.predict import Predictions
from training.soup import figures

BUNDLE = Path(__file__).parents[1] / "models/skin8-inceptionv3"
TIMES = (1.5, 2.0, 3.0)
SMALLEST = 1 / 3
"""Of the photograph's shorter side: a crop from fewer pixels is blurred."""
COLUMNS = ("top-1", "balanced", "log loss", "none_of_these AUROC")
RESAMPLES = 300


def main() -> None:
    """Print a row for each way; without photographs nothing but how to give some."""
    rows, photographs = validation()
    number = {name: index for index, name in enumerate(CLASSES)}
    targets = np.array([number.get(label, -1) for label in rows["label"]])
    resamples = draws(rows["group"].to_numpy(object), count=RESAMPLES)
    print(f"{(targets >= 0).sum()} of the eight, {(targets < 0).sum()} others")
    print(f"| view | {' | '.join(COLUMNS)} |\n| --- {'| --- ' * len(COLUMNS)}|")
    bundle = load(BUNDLE)
    network = Network(bundle.model, 1, bundle.card.signature)
    whole = _said(network, [preprocess(pixels) for pixels in photographs])
    _row("whole", whole, whole, targets, resamples)
    for times in TIMES:
        cropped = _said(network, [_crop(pixels, times) for pixels in photographs])
        _row(f"crop, {times} times the lesion", cropped, whole, targets, resamples)
        both = Predictions((whole.logits + cropped.logits) / 2, (whole.outlier + cropped.outlier) / 2)
        _row("mean of whole and crop", both, whole, targets, resamples)


def _crop(pixels: Pixels, times: float) -> Pixels:
    """A square around the lesion that is found, within the central square; all of it where nothing stands out."""
    left, top, right, _ = central_square(pixels)
    side, box = right - left, find(preprocess(pixels)).box
    if box is None:
        return preprocess(pixels)
    cut = side * min(1.0, max(SMALLEST, times * max(box[2] - box[0], box[3] - box[1])))
    x = left + min(max(side * (box[0] + box[2]) / 2 - cut / 2, 0.0), side - cut)
    y = top + min(max(side * (box[1] + box[3]) / 2 - cut / 2, 0.0), side - cut)
    return resample(pixels, (x, y, x + cut, y + cut))


def _said(network: Network, views: list[Pixels]) -> Predictions:
    outputs = [network.run(view) for view in views]
    logits, outlier = (np.array([each[name] for each in outputs], np.float64) for name in ("logits", "outlier"))
    return Predictions(logits, outlier.reshape(-1))


def _row(
    name: str, said: Predictions, whole: Predictions, targets: NDArray[np.int64], resamples: list[NDArray[np.int64]]
) -> None:
    """The figures, and behind each the 95 % interval of its difference from the whole, in pairs."""
    here = figures(said, targets)
    apart = [_apart(said, whole, targets, rows) for rows in resamples] if said is not whole else []
    cells = [f"{here[column]:.3f}" for column in COLUMNS]
    if apart:
        low, high = np.quantile(apart, LEVELS, axis=0)
        cells = [f"{cell} ({_signed(a)} … {_signed(b)})" for cell, a, b in zip(cells, low, high, strict=True)]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _signed(difference: float) -> str:
    return f"{difference:+.3f}".replace("-", "−")


def _apart(said: Predictions, whole: Predictions, targets: NDArray[np.int64], rows: NDArray[np.int64]) -> list[float]:
    chosen = [figures(Predictions(each.logits[rows], each.outlier[rows]), targets[rows]) for each in (said, whole)]
    return [chosen[0][column] - chosen[1][column] for column in COLUMNS]


if __name__ == "__main__":
    main()
