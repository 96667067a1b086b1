"""MODEL_CARD.md, written from bundle.json, evaluation/ and the run's photographs: no figure is typed by hand."""

import json
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from appliance.vision.bundle import Card, read_card
from appliance.vision.classes import CLASSES
from appliance.vision.quality.limits import FILE as GATE_FILE
from appliance.vision.skin_tone import FEW, TYPES, evidence
from training.about import About
from training.bundle_files import sha256_of
from training.dataset import OTHER, Photographs
from training.evaluation.judge import tones
from training.evaluation.looked import Look, looks
from training.evaluation.plot_style import english
from training.evaluation.words import FILTERS, WORDS

TEMPLATE: Final = Path(__file__).with_name("model_card.md.jinja")
FORMAT: Final = "dermkiosk.evaluation/2"


def write_model_card(bundle: Path, photographs: Photographs) -> None:
    """Write the card of a calibrated bundle with the evaluations that are there; ``photographs``: all of its run."""
    card = read_card(bundle)
    about = About.of(card)
    # The page is Markdown, not HTML: there is nothing to escape.
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    environment.filters.update(FILTERS, english=english, evidence=evidence)
    page = environment.from_string(TEMPLATE.read_text()).render(
        card=card,
        about=about,
        reports=reports(bundle, card),
        words=WORDS,
        sources=_licences(photographs, about),
        counts=_counts(photographs),
        groups=_groups(photographs),
        biopsied=_biopsied(photographs),
        tones=_tones(photographs),
        types=TYPES,
        few=FEW,
        test_looks=_test_looks(bundle),
        gate_sha256=sha256_of(bundle / GATE_FILE),
    )
    (bundle / "MODEL_CARD.md").write_text(page)


def reports(bundle: Path, card: Card) -> list[dict[str, Any]]:
    """The evaluations of the very network in the bundle, the test first; those of an earlier one are left out."""
    model = sha256_of(bundle / card.model)
    files = [bundle / "evaluation" / f"{split}.json" for split in ("test", "validation")]
    found = [json.loads(file.read_text()) for file in files if file.exists()]
    return [each for each in found if each.get("format") == FORMAT and each["model_sha256"] == model]


def _test_looks(bundle: Path) -> tuple[Look, ...]:
    return tuple(look for look in looks((bundle / "evaluation",)) if look.split == "test")


def _licences(photographs: Photographs, about: About) -> dict[str, str]:
    """Licence of each source the run used."""
    return {source: about.sources.get(source, "not stated here") for source in sorted(set(photographs.rows["source"]))}


def _counts(photographs: Photographs) -> dict[str, dict[str, int]]:
    """Photographs by label and source, the eight first."""
    rows = photographs.rows
    by_label = {label: rows["source"][rows["label"] == label].value_counts() for label in (*CLASSES, OTHER)}
    return {label: {str(source): int(count) for source, count in each.items()} for label, each in by_label.items()}


def _groups(photographs: Photographs) -> dict[str, int]:
    """Groups by label."""
    rows = photographs.rows
    return {label: int(rows["group"][rows["label"] == label].nunique()) for label in (*CLASSES, OTHER)}


def _biopsied(photographs: Photographs) -> dict[str, int]:
    """Photographs of each label whose source states a biopsy."""
    rows = photographs.rows
    stated = rows["biopsied"] == "yes" if "biopsied" in rows else rows["label"] != rows["label"]
    return {label: int((stated & (rows["label"] == label)).sum()) for label in (*CLASSES, OTHER)}


def _tones(photographs: Photographs) -> dict[str, int]:
    """Photographs by group of skin tones."""
    found = tones(photographs)
    return {tone: int((found == tone).sum()) for tone in sorted(set(found))}
