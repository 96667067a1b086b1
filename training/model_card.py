"""MODEL_CARD.md, written from bundle.json and evaluation/."""

import json
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined

from appliance.vision.bundle import read_card

TEMPLATE: Final = Path(__file__).with_name("model_card.md.jinja")
SOURCES: Final = {
    "pad_ufes_20": "CC BY 4.0, Pacheco et al. 2020, doi 10.17632/zr7vgbcyr2.1",
    "dermnet_nz": "CC BY-NC-ND 3.0 NZ, DermNet New Zealand",
    "hands_11k": "academic use, Afifi 2019",
    "sd198": "no open licence",
    "fitzpatrick17k": "annotations CC BY-NC-SA, pictures of the atlases, research only",
    "smartphone_arms": "none stated",
}


def write_model_card(bundle: Path) -> None:
    """Write the card of a calibrated bundle, with the evaluations that are there: test first, then validation."""
    files = [bundle / "evaluation" / f"{split}.json" for split in ("test", "validation")]
    reports = [json.loads(file.read_text()) for file in files if file.exists()]
    # The page is Markdown, not HTML: there is nothing to escape.
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    environment.filters["number"] = number
    page = environment.from_string(TEMPLATE.read_text()).render(
        card=read_card(bundle), reports=reports, sources=SOURCES
    )
    (bundle / "MODEL_CARD.md").write_text(page)


def number(value: float | None) -> str:
    """Three decimals, or a dash where there is nothing to count."""
    return "–" if value is None else f"{value:.3f}"
