"""Staff: the directory is seen before it is kept, the pathway stays safe, and every print and export is in the log."""

import html
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.cases.directory import MAX_BYTES, read
from appliance.cases.pathway import DEFAULTS
from appliance.messages import text
from appliance.web.services import Services

PIN = "482915"
GOOD = 'name,district,level,phone\n"Hospital, North",North,county,0871-1\n<b>&"Clinic"</b>,,county,\n'.replace(
    ",,c", ",x,c"
)
WRONG = "name,district,level\nA,x,palace\n"


@pytest.fixture
def csrf(laptop: FlaskClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', laptop.get("/staff/directory").text)
    assert found
    return found[1]


def previewed(laptop: FlaskClient, csrf: str, data: bytes) -> str:
    form = {"csrf": csrf, "file": (io.BytesIO(data), "places.csv")}
    return laptop.post("/staff/directory/preview", data=form).text


def actions(services: Services) -> list[tuple[str, int | None, str]]:
    return [(each.action, each.case_number, each.detail) for each in services.store.audit.entries()]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_file_is_seen_before_it_is_kept(laptop: FlaskClient, services: Services, csrf: str, encoding: str) -> None:
    page = previewed(laptop, csrf, (GOOD + "青山医院,青山,县,\n").encode(encoding))
    assert "Hospital, North" in page
    assert services.store.directory.places() == ()
    carried = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert carried
    form = {"csrf": csrf, "csv": html.unescape(carried[1])}
    kept = laptop.post("/staff/directory/keep", data=form, follow_redirects=True).text
    assert text("en", "directory.kept", count=3) in kept
    assert [each.name for each in services.store.directory.places()] == [
        "Hospital, North",
        '<b>&"Clinic"</b>',
        "青山医院",
    ]
    assert "<b>&" not in kept
    assert actions(services)[0] == ("directory", None, "3")


def test_the_largest_file_that_the_preview_takes_can_be_kept(
    laptop: FlaskClient, services: Services, csrf: str
) -> None:
    rows = [f"医院{number},{'青' * 60},county,{'路' * 62}" for number in range(1000)]
    file = "\n".join(["name,district,level,address", *rows]).encode("gb18030")
    room = MAX_BYTES - len(file)
    assert 0 < room < len(file) / 8
    page = previewed(laptop, csrf, file + b"\n" * min(room, 1000))
    carried = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert carried
    form = {"csrf": csrf, "csv": html.unescape(carried[1]).replace("\n", "\r\n")}  # as browsers send it
    sent = laptop.post("/staff/directory/keep", data=form, content_type=re.findall(r'enctype="([^"]+)"', page)[-1])
    assert sent.status_code == 303
    assert len(services.store.directory.places()) == 1000


def test_a_file_with_mistakes_names_the_lines_and_changes_nothing(
    laptop: FlaskClient, services: Services, csrf: str
) -> None:
    services.store.directory.replace(read(GOOD.encode()))
    page = previewed(laptop, csrf, WRONG.encode())
    assert 'data-line="2"' in page
    assert "palace" in page
    assert "<textarea" not in page
    assert laptop.post("/staff/directory/keep", data={"csrf": csrf, "csv": WRONG}).status_code == 422
    assert len(services.store.directory.places()) == 2


def test_the_pathway_is_changed_and_logged(laptop: FlaskClient, services: Services, csrf: str) -> None:
    form = {f"{step.grade}_{part}": str(getattr(step, part)) for step in DEFAULTS for part in ("level", "days")}
    changed = form | {"csrf": csrf, "refer_level": "city", "refer_days": "7", "low_days": ""}
    assert laptop.post("/staff/directory/pathway", data=changed).status_code == 303
    assert [(step.level, step.days) for step in services.store.pathway.steps()] == [
        ("self_care", None),
        ("city", 7),
        ("county", 0),
    ]
    assert actions(services)[0] == ("settings", None, "pathway")


@pytest.mark.parametrize("wrong", [{"urgent_days": "30"}, {"refer_level": "self_care"}, {"refer_days": "soon"}])
def test_an_unsafe_pathway_is_refused_with_the_range(
    laptop: FlaskClient, services: Services, csrf: str, wrong: dict[str, str]
) -> None:
    form = {f"{step.grade}_{part}": str(getattr(step, part)) for step in DEFAULTS for part in ("level", "days")}
    refused = laptop.post("/staff/directory/pathway", data=form | {"csrf": csrf} | wrong)
    assert refused.status_code == 422
    assert "at most" in refused.text
    assert services.store.pathway.steps() == DEFAULTS


def test_each_sheet_and_each_export_is_in_the_log(
    laptop: FlaskClient, services: Services, sent: dict[str, Any], answer: Callable[..., None]
) -> None:
    answer(top="pemphigus")
    base, number = f"/staff/cases/{sent['case']}", services.store.case(sent["case"]).number
    for path in ("print", "letter", "letter.pdf"):
        assert laptop.get(f"{base}/{path}").status_code == 200
    logged = [("export", number, "letter"), ("print", number, "letter"), ("print", number, "result")]
    assert actions(services)[:3] == logged


@pytest.mark.parametrize("path", ["print", "letter", "result.pdf", "letter.pdf"])
def test_without_the_pin_there_is_no_paper(phone: FlaskClient, sent: dict[str, Any], answer: Any, path: str) -> None:
    answer()
    told = phone.get(f"/staff/cases/{sent['case']}/{path}")
    assert told.status_code in (302, 303, 401)
    assert b"%PDF" not in told.data
    assert b"Psoriasis" not in told.data
