import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from appliance.cases.links import hash_of
from appliance.cases.photos import Photos
from appliance.cases.store import Case, Intake, Store
from appliance.errors import CaseUnknown, ErasureUnfinished

Make = Callable[..., Intake]


def full_case(folder: Path, store: Store, intake: Intake) -> tuple[Case, list[bytes]]:
    """A case with all it can have, and what must not be found once it is gone."""
    case = store.accept(intake)
    link = hash_of(store.link(case, 72).token)
    store.answer(case, {"case": case.code, "secret": f"answer {case.number}"}, np.ones((8, 8, 8), np.float32))
    words = [case.code, case.photo_id, case.sha256, str(intake.idempotency_key), f"answer {case.number}", link]
    return case, [*(word.encode() for word in words), photo_bytes(folder, case)[100:164]]


def photo_bytes(folder: Path, case: Case) -> bytes:
    return (folder / "photos" / f"{case.photo_id}.webp").read_bytes()


def found(folder: Path, words: list[bytes]) -> list[bytes]:
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return [word for word in words if word in content]


def audit(folder: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "cases.sqlite3")) as connection:
        return connection.execute("SELECT case_number, clock, erased FROM deletions").fetchall()


def test_no_byte_of_a_deleted_case_is_left_while_the_store_is_open(folder: Path, store: Store, intake: Make) -> None:
    deleted, gone = full_case(folder, store, intake(1, side=64, idempotency_key="sender of the first"))
    kept, there = full_case(folder, store, intake(2, side=64, idempotency_key="sender of the second"))
    assert found(folder, gone) == gone
    store.delete(deleted.code)
    assert found(folder, gone) == []
    assert found(folder, there) == there
    assert store.cases() == [store.case(kept.code)]
    assert np.array_equal(store.photo(kept), intake(2, side=64).pixels)
    with pytest.raises(CaseUnknown):
        store.delete(deleted.code)


def test_a_line_in_the_audit_says_that_something_was_deleted(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        case, _ = full_case(folder, store, intake())
        store.delete(case.code)
    assert audit(folder) == [(case.number, case.clock, 1)]


def test_deleting_leaves_room_for_the_same_photo_again(folder: Path, store: Store, intake: Make) -> None:
    case, _ = full_case(folder, store, intake(idempotency_key="k"))
    store.delete(case.code)
    again = store.accept(intake(idempotency_key="k"))
    assert (again.state, store.document(again)) == ("queued", None)


def test_a_deletion_cut_before_the_photo_is_finished_at_the_next_start(
    folder: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Photos, photo_id: str) -> None:
        raise OSError(5, "the card does not answer")

    with Store(folder) as store, monkeypatch.context() as patch:
        case, gone = full_case(folder, store, intake(side=64, idempotency_key="the sender"))
        patch.setattr(Photos, "delete", broken)
        with pytest.raises(ErasureUnfinished):
            store.delete(case.code)
        assert store.cases() == []
    assert audit(folder) == [(case.number, case.clock, 0)]
    with Store(folder) as store:
        assert store.cases() == []
        assert found(folder, gone) == []
    assert audit(folder) == [(case.number, case.clock, 1)]


def test_traces_that_a_reader_protects_are_erased_at_the_next_start(
    folder: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.cases.database.BUSY_S", 0.05)
    with Store(folder) as store:
        case, gone = full_case(folder, store, intake(side=64, idempotency_key="the sender"))
        with closing(sqlite3.connect(folder / "cases.sqlite3", isolation_level=None)) as backup:
            backup.execute("BEGIN")
            backup.execute("SELECT * FROM cases").fetchall()
            with pytest.raises(ErasureUnfinished):
                store.delete(case.code)
            assert store.cases() == []
    with Store(folder):
        assert found(folder, gone) == []
    assert audit(folder) == [(case.number, case.clock, 1)]
