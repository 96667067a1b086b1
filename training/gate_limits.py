"""Where the gate's limits come from: what each check refuses, by source, and of photographs blurred on purpose."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from appliance.vision.preprocess import preprocess
from appliance.vision.quality import gate
from training.dataset import Photographs
from training.run import Run

SAMPLE: Final = 600
BLURS_PX: Final = (0.0, 1.5, 2.5, 4.0)
"""Standard deviations of the blur, in pixels of the network's view."""


def table(run: Path, seed: int = 8) -> str:
    """Share refused by each check, per blur and per source, as text. Test photographs are left out."""
    photographs = Run.open(run).photographs
    seen = photographs.where((photographs.rows["split"] != "test").to_numpy())
    chosen = np.random.default_rng(seed).permutation(len(seen))[:SAMPLE]
    rows = pd.DataFrame([row for position in chosen for row in _judged(seen, int(position))])
    sharp = rows[rows["blur_px"] == 0].groupby("source").mean(numeric_only=True).drop(columns="blur_px")
    blurred = rows.groupby("blur_px").mean(numeric_only=True)
    return (
        f"Share refused of {len(chosen)} training and validation photographs, by blur\n{blurred.round(3)}\n\n"
        f"Not blurred, by source\n{sharp.round(3)}"
    )


def _judged(photographs: Photographs, position: int) -> list[dict[str, object]]:
    view = Image.fromarray(preprocess(photographs.pixels(position)))
    source = photographs.rows["source"].iloc[position]
    verdicts = {blur: gate.judge(np.asarray(view.filter(ImageFilter.GaussianBlur(blur)))) for blur in BLURS_PX}
    return [
        {"source": source, "blur_px": blur, **{check.id: float(not check.ok) for check in quality.checks}}
        for blur, quality in verdicts.items()
    ]
