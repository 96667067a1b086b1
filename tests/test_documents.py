"""The documents lead somewhere: every link to a file, and to a heading in one, finds it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _links(document: Path) -> Iterator[tuple[Path, str]]:
    """File and heading of each link that leaves the document for another place in the repository."""
    for link in LINK.findall(BLOCK.sub("", document.read_text(encoding="utf-8"))):
        if not link.startswith(("http:", "https:")):
            file, _, heading = link.partition("#")
            yield document.parent / file if file else document, heading


def _anchors(document: Path) -> set[str]:
    """As GitHub makes them."""
    headings = HEADING.findall(BLOCK.sub("", document.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", _documents(), ids=lambda path: path.stem)
def test_its_links_lead_somewhere(document: Path) -> None:
    lost = [
        f"{file.name}#{heading}"
        for file, heading in _links(document)
        if not file.exists() or (heading and heading not in _anchors(file))
    ]
    assert lost == []


def test_the_readme_leads_to_every_document() -> None:
    led_to = {file.resolve() for file, _ in _links(ROOT / "README.md")}
    assert [path.name for path in sorted((ROOT / "docs").glob("*.md")) if path.resolve() not in led_to] == []
