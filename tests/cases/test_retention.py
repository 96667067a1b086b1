"""The daily rule as the timer runs it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.cases.store import Intake, Store
from appliance.cli import main


def test_old_cases_go_in_one_deletion_and_none_where_there_is_none(
    folder: Path, store: Store, intake: Callable[..., Intake], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [store.accept(intake(seed)) for seed in range(3)]
    for case in cases:
        store.answer(case, {"case": case.code}, None)
    store.ledger.begin()
    store.ledger.note_exported(case.number for case in cases[:2])
    with store._database.transaction() as connection:
        connection.execute("UPDATE heartbeat SET age_s = 999999")
    calls: list[tuple[str, ...]] = []
    real = Store.delete

    def counted(self: Store, *codes: str, by: str) -> None:
        calls.append(codes)
        real(self, *codes, by=by)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "delete", counted)
    monkeypatch.setenv("DERMKIOSK_RETENTION_DAYS", "10")
    for count in (2, 0):
        done = CliRunner().invoke(main, ["retention", "--state", str(folder)])
        assert done.exit_code == 0, done.output
        assert f"deleted: {count}." in done.output
    assert calls == [(cases[0].code, cases[1].code)]
    assert [case.code for case in store.cases()] == [cases[2].code]
