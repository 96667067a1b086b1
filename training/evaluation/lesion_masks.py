"""How well the lesion is found, against drawn masks."""

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from appliance.vision import lesion
from appliance.vision.lesion import Lesion, Mask
from appliance.vision.photo import decode
from appliance.vision.preprocess import central_square, preprocess, resample
from training.dataset import Photographs, read_manifest
from training.errors import StepRefused

MARGIN: Final = 0.05
"""By which the box is widened before its recall of the mask is taken, as a share of the view's side."""


def against_masks(photographs: Photographs) -> dict[str, float]:
    """Dice (mean, median) and the crop's recall of the mask, over the photographs that have one in column ``mask``."""
    named = photographs.where((photographs.rows["mask"] != "").to_numpy())
    pairs = [_pair(named, position) for position in range(len(named))]
    dice = np.array([_dice(found.mask, mask) for found, mask in pairs])
    recall = np.array([_crop_recall(found, mask) for found, mask in pairs])
    return {
        "masks": len(pairs),
        "dice_mean": float(dice.mean()),
        "dice_median": float(np.median(dice)),
        "crop_recall_mean": float(recall.mean()),
        "crop_recall_over_0.9": float((recall > 0.9).mean()),
    }


def _pair(photographs: Photographs, position: int) -> tuple[Lesion, Mask]:
    pixels = photographs.pixels(position)
    found = lesion.find(preprocess(pixels))
    drawn = decode((photographs.folder / str(photographs.rows["mask"].iloc[position])).read_bytes())
    view = Image.fromarray(resample(drawn, central_square(drawn))).convert("L")
    small = view.resize((len(found.mask), len(found.mask)), Image.Resampling.BOX)
    return found, np.asarray(small) > 127


def _dice(found: Mask, drawn: Mask) -> float:
    both = found.sum() + drawn.sum()
    return float(2 * (found & drawn).sum() / both) if both else 1.0


def _crop_recall(found: Lesion, drawn: Mask) -> float:
    if not drawn.any():
        return 1.0
    left, top, right, bottom = (round(side * len(drawn)) for side in lesion.dilated(found, MARGIN))
    return float(drawn[top:bottom, left:right].sum() / drawn.sum())


def read(manifest: Path) -> Photographs:
    """A manifest with a column ``mask``. Raises ``StepRefused`` where it has none."""
    photographs = read_manifest(manifest)
    if "mask" not in photographs.rows:
        raise StepRefused(f"{manifest} has no column mask")
    return photographs
