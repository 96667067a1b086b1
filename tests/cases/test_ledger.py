"""What is known of each case's safety, where overviews lie beside the cases and two runs go on at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cases import layout
from appliance.cases.database import Database
from appliance.cases.export import export
from appliance.cases.ledger import Ledger
from appliance.cases.store import Case, Intake, Store
from appliance.cases.visits import Consent

Make = Callable[..., Intake]


@pytest.fixture
def case(store: Store, intake: Make) -> Case:
    """Answered, and with an overview."""
    visit = store.agree(Consent("words", "en", photo_in_letter=False))
    made = store.accept(intake(2, visit=visit, overview=intake(1, visit=visit, view="overview")))
    store.answer(made, {"case": made.code, "outcome": "findings"}, None)
    return store.case(made.code)


def test_an_overview_is_no_case_of_its_own(folder: Path, store: Store, case: Case, tmp_path: Path) -> None:
    assert store.overview(case)
    assert (store.ledger.not_backed_up(), store.ledger.unexported()) == (1, [case.number])
    with Database(folder / layout.DATABASE) as database:
        ledger = Ledger(database, store.now)
        assert export(folder, database, ledger, ledger.unexported(), tmp_path / "cases") == 1
    assert store.ledger.unexported() == []


def test_an_overview_is_not_expendable_without_its_close_up(store: Store, case: Case) -> None:
    store.ledger.begin()
    store.ledger.note_exported([case.number - 1, case.number])
    assert store.ledger.expendable(0) == [case.code]
    store.delete(*store.ledger.expendable(0))
    assert store.overview(case) is None
