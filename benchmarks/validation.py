"""The validation photographs that a benchmark of the shipped network is run on."""

import sys
from pathlib import Path

import pandas as pd

from appliance.vision.photo import Pixels, decode


def validation() -> tuple[pd.DataFrame, list[Pixels]]:
    """Rows and pixels, as the command line names them: ``PHOTOS/manifest.csv SPLIT.csv``; else exit and say so."""
    if len(sys.argv) < 3:
        print(f"No photographs are named. Usage: {sys.argv[0]} PHOTOS/manifest.csv SPLIT.csv")
        sys.exit()
    manifest, split = map(Path, sys.argv[1:3])
    rows = pd.read_csv(manifest).merge(pd.read_csv(split)[["image", "split"]], on="image")
    rows = rows[rows["split"] == "validation"].reset_index(drop=True)
    return rows, [decode((manifest.parent / name).read_bytes()) for name in rows["image"]]
