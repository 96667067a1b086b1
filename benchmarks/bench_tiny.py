"""Whom the size of the lesion alone refuses: ``python benchmarks/bench_tiny.py PHOTOS/manifest.csv``.

By the label of the manifest, and of the photographs that ``quality.csv`` beside it calls clear or too small.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from appliance.vision import lesion
from appliance.vision.photo import decode
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.too_small import is_tiny
from training.gate.limits import TOO_SMALL_SHARE
from training.gate.samples import LABELS

ANY = 1.0


def main() -> None:
    """Print the table."""
    manifest = Path(sys.argv[1])
    rows = pd.read_csv(manifest, dtype=str, keep_default_na=False).set_index("image")
    found = [lesion.find(preprocess(decode((manifest.parent / name).read_bytes()))) for name in rows.index]
    tiny = pd.Series([is_tiny(each, TOO_SMALL_SHARE) for each in found], rows.index)
    plain = pd.Series([each.diameter(1.0) if is_tiny(each, ANY) else np.nan for each in found], rows.index)
    quality = pd.read_csv(manifest.with_name("quality.csv")).set_index("image")
    clear = quality.index[quality[list(LABELS)].sum(axis=1) == 0]
    groups = {"all": rows.index, **rows.groupby("label").groups, "clear": clear}
    groups["too small"] = quality.index[quality["too_small"] == 1]
    print("| photographs | refused | of | smallest plain diameter |\n| --- | --- | --- | --- |")
    for name, images in groups.items():
        print(f"| {name} | {tiny[images].sum()} | {len(images)} | {plain[images].min():.2f} |")


if __name__ == "__main__":
    main()
