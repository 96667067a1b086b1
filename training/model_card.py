"""MODEL_CARD.md, written from bundle.json and evaluation/."""

import json
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined

from appliance.vision.bundle import read_card
from appliance.vision.classes import CLASSES
from training.dataset import OTHER, Photographs

TEMPLATE: Final = Path(__file__).with_name("model_card.md.jinja")
LICENCES: Final = {
    "pad_ufes_20": "CC BY 4.0, Pacheco et al. 2020, doi 10.17632/zr7vgbcyr2.1",
    "dermnet_nz": "CC BY-NC-ND 3.0 NZ, DermNet New Zealand",
    "pad_ufes_20_perilesional": "CC BY 4.0, cut from pad_ufes_20",
    "hands_11k": "academic use, Afifi 2019",
    "sd198": "no open licence",
    "fitzpatrick17k_atlasderm": "annotations CC BY-NC-SA, pictures of the atlas, research only",
    "fitzpatrick17k_dermaamin": "annotations CC BY-NC-SA, pictures of the atlas, research only",
    "dermnet_com": "all rights reserved, research only",
    "smartphone_arms": "none stated",
}


def write_model_card(bundle: Path, photographs: Photographs) -> None:
    """Write the card of a calibrated bundle with the evaluations that are there; ``photographs``: all of its run."""
    files = [bundle / "evaluation" / f"{split}.json" for split in ("test", "validation")]
    reports = [json.loads(file.read_text()) for file in files if file.exists()]
    # The page is Markdown, not HTML: there is nothing to escape.
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    environment.filters["number"] = number
    page = environment.from_string(TEMPLATE.read_text()).render(
        card=read_card(bundle), reports=reports, sources=_licences(photographs), counts=_counts(photographs)
    )
    (bundle / "MODEL_CARD.md").write_text(page)


def _licences(photographs: Photographs) -> dict[str, str]:
    """Licence of each source the run used."""
    return {source: LICENCES.get(source, "not stated here") for source in sorted(set(photographs.rows["source"]))}


def _counts(photographs: Photographs) -> dict[str, dict[str, int]]:
    """Photographs by label and source, the eight first."""
    rows = photographs.rows
    by_label = {label: rows["source"][rows["label"] == label].value_counts() for label in (*CLASSES, OTHER)}
    return {label: {str(source): int(count) for source, count in each.items()} for label, each in by_label.items()}


def number(value: float | None) -> str:
    """Three decimals, or a dash where there is nothing to count."""
    return "–" if value is None else f"{value:.3f}"
