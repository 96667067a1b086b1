"""The log of who did what: it grows, and says nothing of a patient."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.cases.store import Intake, Store
from appliance.errors import StoreError


def test_newest_first_page_by_page_and_of_one_case(store: Store) -> None:
    for number in range(1, 6):
        store.audit.record("staff", "look", number % 2, detail=f"n{number}")
    first = store.audit.entries(limit=2)
    assert [each.detail for each in first] == ["n5", "n4"]
    assert [each.detail for each in store.audit.entries(first[-1].number, limit=2)] == ["n3", "n2"]
    assert [each.detail for each in store.audit.entries(case=0)] == ["n4", "n2"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'box'", "DELETE FROM audit"])
def test_no_line_is_changed_or_removed(folder: Path, store: Store, statement: str) -> None:
    store.audit.record("staff", "look", 1)
    with closing(sqlite3.connect(folder / "cases.sqlite3")) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    assert len(store.audit.entries()) == 1


@pytest.mark.parametrize("detail", ["K7QF-2M", "Herr Wang", "王"])
def test_a_detail_has_no_room_for_a_patient(store: Store, detail: str) -> None:
    with pytest.raises((StoreError, sqlite3.IntegrityError)):
        store.audit.record("staff", "look", 1, detail)


def test_of_a_deleted_case_its_number_and_who_did_it_stay(store: Store, intake: Callable[..., Intake]) -> None:
    case = store.accept(intake())
    store.audit.record("staff", "look", case.number)
    store.delete(case.code, by="link")
    assert [(each.actor, each.action) for each in store.audit.entries(case=case.number)] == [
        ("link", "delete"),
        ("staff", "look"),
    ]
