"""A language that is written from right to left needs a catalogue and nothing else."""

import re
from pathlib import Path

import pytest

from appliance import web
from appliance.messages import LANGUAGES, Language, text

FOLDER = Path(web.__file__).parent
PHYSICAL = re.compile(r"(margin|padding|border)-(left|right)|text-align: *(left|right)")
FOR_RIGHT_TO_LEFT = re.compile(r'^\[dir="rtl"\].*$', re.MULTILINE)
"""Rules for such a language alone: numbers keep their own direction, so that start and end would be theirs."""
PAPER = "paper.css"
"""Made into a PDF by a library that lays out physical sides alone."""


def test_no_style_sheet_of_a_screen_knows_left_and_right() -> None:
    sheets = [sheet for sheet in (FOLDER / "static").glob("*.css") if sheet.name != PAPER]
    assert len(sheets) > 5
    rules = {sheet.name: FOR_RIGHT_TO_LEFT.sub("", sheet.read_text("utf-8")) for sheet in sheets}
    found = [(name, said.group()) for name, each in rules.items() for said in PHYSICAL.finditer(each)]
    assert not found


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_catalogue_says_which_way_its_language_is_written(language: Language) -> None:
    assert text(language, "direction") in ("ltr", "rtl")


def test_each_page_says_it() -> None:
    for page in (FOLDER / "templates").glob("*.html"):
        assert page.read_text("utf-8").count("<html") == page.read_text("utf-8").count("dir=\"{{ t('direction') }}\"")
