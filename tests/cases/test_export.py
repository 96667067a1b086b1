"""Exports into real folders and zip files."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cases import layout
from appliance.cases.database import Database
from appliance.cases.export import export
from appliance.cases.ledger import Ledger
from appliance.cases.store import Case, Intake, Store
from appliance.errors import CaseNotExportable, ExportTargetTaken

Make = Callable[..., Intake]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def answered(store: Store, intake: Intake) -> Case:
    case = store.accept(intake)
    store.answer(case, {"case": case.code, "outcome": "findings"}, None)
    return store.case(case.code)


@pytest.mark.parametrize("name", ["cases", "cases.zip"])
def test_an_export_has_result_photograph_and_what_was_added(
    folder: Path, store: Store, intake: Make, tmp_path: Path, name: str
) -> None:
    case = answered(store, intake(1, idempotency_key="secret"))
    store.accept(intake(2))
    with Database(folder / layout.DATABASE) as database:
        ledger = Ledger(database, store.now)
        assert export(folder, database, ledger, ledger.unexported(), tmp_path / name) == 1
        with pytest.raises(ExportTargetTaken):
            export(folder, database, ledger, [case.number], tmp_path / name)
        with pytest.raises(CaseNotExportable):
            export(folder, database, ledger, [999], tmp_path / "other")
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name) as archive:
            found = {each: archive.read(each) for each in archive.namelist()}
    else:
        found = files(tmp_path / name)
    assert set(found) == {"cases.csv"} | {
        f"{case.code}/{each}" for each in ("result.json", "case.json", "photograph.webp")
    }
    assert json.loads(found[f"{case.code}/result.json"]) == store.document(case)
    assert found[f"{case.code}/photograph.webp"] == (folder / "photos" / f"{case.photo_id}.webp").read_bytes()
    about = json.loads(found[f"{case.code}/case.json"])
    assert (about["site"], about["consent"], about["notes"]) == ("forearm", 1, [])
    assert b"secret" not in b"".join(found.values())
    assert case.code in found["cases.csv"].decode()
    assert store.ledger.unexported() == []
    assert not list(tmp_path.glob(".*"))
