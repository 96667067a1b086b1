"""The list of cases: what it finds, and that it looks into indexes for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import tzset
from typing import Any

import pytest

from appliance.cases.clock import Moment, local
from appliance.cases.listing import Wanted, conditions, query_of
from appliance.cases.store import Case, Intake, Store
from appliance.cases.visits import Consent

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
Made = dict[str, Case]


def document(outcome: str, grade: str | None, likeliest: str = "psoriasis") -> dict[str, Any]:
    return {
        "outcome": outcome,
        "risk": grade and {"grade": grade},
        "findings": [{"class": likeliest}] if outcome == "findings" else [],
    }


@pytest.fixture
def made(tmp_path: Path, intake: Callable[..., Intake]) -> Any:
    """Five cases on five days, and the store they are in."""
    moment = [DAY]
    with Store(tmp_path / "listed", lambda: Moment(moment[0], "synced")) as store:
        cases: Made = {}
        answers = {
            "urgent": document("findings", "urgent", "pemphigus"),
            "low": document("findings", "low", "normal_skin"),
            "none": document("none_of_these", "refer"),
            "cannot": document("cannot_assess", None),
            "waiting": None,
        }
        for number, (name, answer) in enumerate(answers.items()):
            moment[0] = DAY + timedelta(days=number)
            patient = "P4AA-2X" if name in ("low", "none") else None
            cases[name] = store.accept(intake(number, site="hand" if number % 2 else "scalp", patient=patient))
            if answer:
                store.answer(cases[name], answer, None)
        store.reviews.mark(cases["low"].number)
        store.reviews.diagnose(cases["urgent"].number, "pemphigus", "pathology")
        yield store, cases


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(), ["waiting", "cannot", "none", "low", "urgent"]),
        (Wanted(outcome="findings"), ["low", "urgent"]),
        (Wanted(outcome="waiting"), ["waiting"]),
        (Wanted(outcome="cannot_assess"), ["cannot"]),
        (Wanted(grade="refer"), ["none"]),
        (Wanted(site="hand"), ["cannot", "low"]),
        (Wanted(sites=("scalp",)), ["waiting", "none", "urgent"]),
        (Wanted(since="2026-03-03"), ["waiting", "cannot", "none"]),
        (Wanted(until="2026-03-02"), ["low", "urgent"]),
        (Wanted(since="2026-03-02", until="2026-03-02"), ["low"]),
        (Wanted(reviewed="yes"), ["low", "urgent"]),
        (Wanted(reviewed="no", site="scalp"), ["waiting", "none"]),
        (Wanted(outcome="findings", grade="low", site="scalp"), []),
        (Wanted(code="0"), []),
    ],
)
def test_all_that_is_asked_for_and_nothing_else_newest_first(made: Any, wanted: Wanted, names: list[str]) -> None:
    store, cases = made
    assert [row.code for row in store.listing.page(wanted)] == [cases[name].code for name in names]
    assert store.listing.count(wanted) == len(names)


def test_a_day_is_one_where_the_box_stands(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noon in Greenwich, when these were taken, is two in the morning of the next day on Kiritimati."""
    store, cases = made
    with monkeypatch.context() as there:
        there.setenv("TZ", "Pacific/Kiritimati")
        tzset()
        (row,) = store.listing.page(Wanted(since="2026-03-03", until="2026-03-03"))
        assert row.code == cases["low"].code
        assert local(row.taken_at).startswith("2026-03-03")
    tzset()


def test_a_code_is_found_by_its_beginning_however_it_is_typed(made: Any) -> None:
    store, cases = made
    code = cases["none"].code
    for typed in (code, code.lower(), code.replace("-", ""), f" {code[:4]}", code[:6], code[:3]):
        assert cases["none"].code in [row.code for row in store.listing.page(Wanted(code=typed))]
    assert [row.code for row in store.listing.page(Wanted(code=code))] == [code]


def test_a_patients_code_finds_all_their_cases(made: Any) -> None:
    store, cases = made
    found = [row.code for row in store.listing.page(Wanted(code="p4aa2"))]
    assert found == [cases["none"].code, cases["low"].code]


def test_the_wider_photograph_is_no_case_of_its_own(made: Any, intake: Callable[..., Intake]) -> None:
    store, _ = made
    visit = store.agree(Consent("words", "en", photo_in_letter=False))
    store.accept(intake(9, visit=visit, overview=intake(10, visit=visit, view="overview")))
    assert store.listing.count(Wanted()) == 6


def test_a_row_says_what_the_list_shows(made: Any) -> None:
    store, _ = made
    row = store.listing.page(Wanted(grade="urgent"))[0]
    shown = (row.site, row.outcome, row.grade, row.likeliest, row.reviewed, row.diagnosis)
    assert shown == ("scalp", "findings", "urgent", "pemphigus", True, "pemphigus")


def test_pages_follow_each_other(made: Any) -> None:
    store, _ = made
    numbers = [row.number for page in (1, 2, 3) for row in store.listing.page(Wanted(), page, size=2)]
    assert numbers == [5, 4, 3, 2, 1]


def test_an_answer_with_a_reservation_replaces_what_the_list_says(made: Any) -> None:
    store, cases = made
    store.reserve(cases["cannot"])
    assert store.listing.page(Wanted(outcome="waiting"))[-1].code == cases["cannot"].code
    store.answer(cases["cannot"], document("findings", "refer"), None)
    assert store.listing.page(Wanted(site="hand"))[0].grade == "refer"


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(code="K7QF-2M"), "INDEX cases_of_patient"),
        (Wanted(site="hand"), "USING INDEX cases_site"),
        (Wanted(outcome="findings"), "INDEX summaries_outcome"),
        (Wanted(grade="urgent"), "INDEX summaries_grade"),
        (Wanted(outcome="waiting"), "INDEX cases_queued"),
    ],
)
def test_what_is_asked_for_is_found_by_an_index(made: Any, wanted: Wanted, index: str) -> None:
    store, _ = made
    where, values = conditions(wanted)
    plan = [row["detail"] for row in store._database.rows(f"EXPLAIN QUERY PLAN {query_of(where)}", *values, 25, 0)]
    assert any(index in step for step in plan), plan


def test_the_whole_list_is_read_in_its_order_and_not_sorted(made: Any) -> None:
    store, _ = made
    where, _ = conditions(Wanted())
    plan = [row["detail"] for row in store._database.rows(f"EXPLAIN QUERY PLAN {query_of(where)}", 25, 0)]
    assert not any("TEMP B-TREE" in step for step in plan), plan
    assert sum("SCAN" in step for step in plan) == 1, plan
