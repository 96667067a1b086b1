"""What is known of each case's safety, where overviews lie beside the cases and two runs go on at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.cases import layout
from appliance.cases.clock import Moment
from appliance.cases.database import Database
from appliance.cases.export import export
from appliance.cases.ledger import Ledger
from appliance.cases.store import Case, Intake, Store
from appliance.cases.visits import Consent

Make = Callable[..., Intake]


def answered(store: Store, intake: Intake) -> Case:
    case = store.accept(intake)
    store.answer(case, {"case": case.code, "outcome": "findings"}, None)
    return store.case(case.code)


@pytest.fixture
def case(store: Store, intake: Make) -> Case:
    """Answered, and with an overview."""
    visit = store.agree(Consent("words", "en", photo_in_letter=False))
    made = store.accept(intake(2, visit=visit, overview=intake(1, visit=visit, view="overview")))
    store.answer(made, {"case": made.code, "outcome": "findings"}, None)
    return store.case(made.code)


def test_an_overview_is_no_case_of_its_own(folder: Path, store: Store, case: Case, tmp_path: Path) -> None:
    wider = store.overview(case)
    assert wider
    assert (store.ledger.not_backed_up(), store.ledger.unexported()) == (1, [case.number])
    with Database(folder / layout.DATABASE) as database:
        ledger = Ledger(database, store.now)
        assert export(folder, database, ledger, ledger.unexported(), tmp_path / "cases") == 1
    assert store.ledger.unexported() == []
    kept = (folder / "photos" / f"{wider.photo_id}.webp").read_bytes()
    assert (tmp_path / "cases" / case.code / "overview.webp").read_bytes() == kept


def test_an_overview_is_not_expendable_without_its_close_up(store: Store, case: Case) -> None:
    store.ledger.begin()
    store.ledger.note_exported([case.number - 1, case.number])
    assert store.ledger.expendable(0) == [case.code]
    store.delete(*store.ledger.expendable(0))
    assert store.overview(case) is None


class Clock:
    """A clock one can turn, verified or not; and the box's own seconds."""

    def __init__(self) -> None:
        self.moment = Moment(datetime(2026, 1, 1, tzinfo=UTC), "synced")
        self.worked_s = 0.0

    def jump(self, days: float, worked_days: float = 0) -> None:
        self.moment = replace(self.moment, time=self.moment.time + timedelta(days=days))
        self.worked_s += worked_days * 86400


@pytest.mark.parametrize(
    ("days", "worked_days", "verified", "gone"),
    [(9, 9, True, False), (11, 11, True, True), (400, 0, True, False), (400, 9, False, False), (-30, 11, True, True)],
)
def test_the_rule_takes_old_exported_cases_alone_whatever_the_clock_does(
    folder: Path, intake: Make, days: float, worked_days: float, verified: bool, gone: bool
) -> None:
    turned = Clock()
    with Store(folder, lambda: turned.moment, lambda: turned.worked_s) as store:
        exported, kept = answered(store, intake(1)), answered(store, intake(2))
        store.ledger.begin()
        store.ledger.note_exported([exported.number])
        turned.jump(days, worked_days)
        if not verified:
            turned.moment = replace(turned.moment, clock="unverified")
        assert store.ledger.expendable(10) == ([exported.code] if gone else [])
        assert kept.number in store.ledger.unexported()


def change(store: Store, case: Case, how: str) -> None:
    if how == "note":
        store.reviews.note(case.number, "came back")
    elif how == "answer":
        assert store.reserve(case)
        store.answer(store.case(case.code), {"case": case.code}, None)
    else:
        store.ledger.changed(case.number)


@pytest.mark.parametrize("how", ["note", "answer", "said"])
@pytest.mark.parametrize("first", ["export", "backup"])
def test_a_run_does_not_claim_what_changed_after_it_began_though_another_began_since(
    folder: Path, store: Store, case: Case, first: str, how: str
) -> None:
    with Database(folder / layout.DATABASE) as one, Database(folder / layout.DATABASE) as two:
        early, late = Ledger(one, store.now), Ledger(two, store.now)
        early.begin()
        change(store, case, how)
        late.begin()
        export, backup = (early, late) if first == "export" else (late, early)
        export.note_exported([case.number])
        backup.note_backed_up([case.number], 1)
    assert bool(store._database.rows("SELECT 1 FROM kept WHERE exported")) == (first == "backup")
    assert store.ledger.not_backed_up() == (first == "backup")
