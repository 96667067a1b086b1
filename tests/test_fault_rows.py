"""Each row of each fault table names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    (page.name, line)
    for page in sorted((ROOT / "docs").glob("faults*.md"))
    for line in page.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and "`tests/" in line
]


def test_every_page_of_faults_has_rows() -> None:
    assert {page for page, _ in ROWS} == {page.name for page in (ROOT / "docs").glob("faults*.md")}


@pytest.mark.parametrize(("page", "line"), ROWS, ids=lambda text: text[:40])
def test_a_row_names_tests_that_exist(page: str, line: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", line)
    assert named, page
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)], (page, file, name)
