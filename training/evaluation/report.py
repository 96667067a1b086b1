"""One HTML file with everything in it, to read, to mail and to print: figures, plots and example photographs."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from appliance.vision.bundle import Card
from training.dataset import Photographs
from training.evaluation import examples
from training.evaluation.faithfulness import Looker
from training.evaluation.metrics import Answers
from training.evaluation.plot_style import english
from training.evaluation.words import FILTERS, WORDS

TEMPLATE: Final = Path(__file__).with_name("report.html.jinja")

Shown = tuple[Looker, Answers, Photographs]
"""The network, what it answered, and the photographs to choose examples from."""


def write_report(folder: Path, report: dict[str, Any], card: Card, plots: list[Path], shown: Shown) -> Path:
    """Write ``<split>.html`` and the example pictures into ``folder``; returns the page."""
    split = report["split"]
    pictures = folder / f"{split}-examples"
    chosen = examples.write(*shown, pictures)
    page = render(
        report=report,
        card=card,
        plots={file.stem.removeprefix(f"{split}-"): inline(file) for file in plots},
        examples=[{**each, "picture": inline(pictures / each["file"])} for each in chosen],
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
    )
    file = folder / f"{split}.html"
    file.write_text(page)
    return file


def render(**values: Any) -> str:
    """The page; every value is escaped."""
    environment = Environment(undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(FILTERS, english=english)
    return environment.from_string(TEMPLATE.read_text()).render(words=WORDS, **values)


def inline(file: Path) -> str:
    """A PNG as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
