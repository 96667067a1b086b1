"""The rule for old cases: the preview is exact, and nothing goes that was not shown and confirmed."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.cases.clock import Moment
from appliance.cases.store import Case, Intake, Store
from appliance.cases.visits import Consent
from appliance.errors import CaseUnknown
from appliance.vision.photo import Pixels
from appliance.web.services import Services
from tests.web.conftest import PIN

START = datetime(2026, 1, 1, tzinfo=UTC)


class Time:
    """Wall clock and the box's hours of work, which go together here."""

    days = 0.0

    def now(self) -> Moment:
        return Moment(START + timedelta(days=self.days), "synced")

    def ticks(self) -> float:
        return self.days * 86_400


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store(tmp_path: Path, time: Time) -> Iterator[Store]:
    with Store(tmp_path / "state", time.now, time.ticks) as opened:
        yield opened


@pytest.fixture
def cases(store: Store, time: Time, picture: Pixels, answer: Callable[..., None], laptop: FlaskClient) -> list[Case]:
    """Of days 0, 10 and 20; all but the last exported, and of the first a wider photograph; it is day 40."""
    made = []
    for day in (0, 10, 20):
        time.days = day
        about = (picture, "0" * 64, "kiosk", "hand", True, None, False)
        visit = None if day else store.agree(Consent("words", "en", photo_in_letter=False))
        wide = None if day else Intake(*about, visit=visit, view="overview")  # type: ignore[arg-type]
        made.append(store.accept(Intake(*about, visit=visit, overview=wide)))  # type: ignore[arg-type]
        answer()
    store.ledger.begin()
    store.ledger.note_exported(range(made[0].number - 1, made[1].number + 1))
    time.days = 40
    laptop.post("/staff/login", data={"pin": PIN})
    return made


@pytest.fixture
def post(laptop: FlaskClient) -> Callable[..., Any]:
    """Confirm the preview of so many days that is shown now."""

    def confirm(days: int, **other: str) -> Any:
        page = laptop.get(f"/staff/retention?days={days}").text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        mark = re.search(r'name="fingerprint" value="([^"]+)"', page)
        assert csrf
        form = {"csrf": csrf[1], "days": str(days), "fingerprint": mark[1] if mark else "", "sure": "yes"}
        return laptop.post("/staff/retention", data=form | other)

    return confirm


def shown(page: str) -> dict[str, list[str]]:
    """Codes that go, and codes that stay."""
    goes, stays = page.split("data-stays=")
    return {name: re.findall(r'data-old="([^"]+)"', part) for name, part in (("goes", goes), ("stays", stays))}


def test_the_preview_says_exactly_what_goes_and_what_stays(laptop: FlaskClient, cases: list[Case]) -> None:
    first, second, third = (case.code for case in cases)
    assert shown(laptop.get("/staff/retention?days=35").text) == {"goes": [first], "stays": []}
    assert shown(laptop.get("/staff/retention?days=15").text) == {"goes": [first, second], "stays": [third]}
    assert shown(laptop.get("/staff/retention?days=41").text) == {"goes": [], "stays": []}


def test_what_was_shown_goes_and_nothing_else(
    post: Callable[..., Any], cases: list[Case], store: Store, laptop: FlaskClient
) -> None:
    assert post(15).headers["Location"].endswith("done=2")
    assert [case.code for case in store.cases()] == [cases[2].code]
    for gone in cases[:2]:
        with pytest.raises(CaseUnknown):
            store.case(gone.code)
    log = store.audit.entries()
    assert (log[0].action, log[0].detail) == ("retention", "2")
    assert [(each.actor, each.action) for each in log[1:4]] == [("staff", "delete")] * 3
    assert "Cases that were deleted: 2" in laptop.get("/staff/retention?done=2").text


def test_a_list_that_changed_since_deletes_nothing(post: Callable[..., Any], cases: list[Case], store: Store) -> None:
    answer = post(15, fingerprint="0" * 16)
    assert answer.status_code == 409
    assert 'data-problem="preview_outdated"' in answer.text
    assert len(store.cases()) == 3


def test_a_case_that_changed_after_its_export_stays(
    laptop: FlaskClient, post: Callable[..., Any], cases: list[Case], store: Store
) -> None:
    store.reviews.note(cases[0].number, "came back")
    assert shown(laptop.get("/staff/retention?days=35").text) == {"goes": [], "stays": [cases[0].code]}
    post(35)
    assert len(store.cases()) == 3


def test_without_the_tick_nothing_is_deleted(post: Callable[..., Any], cases: list[Case], store: Store) -> None:
    assert post(15, sure="").status_code == 400
    assert len(store.cases()) == 3


def test_the_rule_is_said_and_used_where_no_days_are_asked_for(
    laptop: FlaskClient, cases: list[Case], services: Services
) -> None:
    assert 'data-rule="0"' in laptop.get("/staff/retention").text
    services.settings = services.settings.model_copy(update={"retention_days": 35})
    page = laptop.get("/staff/retention").text
    assert 'data-rule="35"' in page
    assert shown(page)["goes"] == [cases[0].code]
