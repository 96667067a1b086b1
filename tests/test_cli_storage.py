"""backup, restore, export, retention and recovery-key as a person types them, beside a kiosk that runs."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from appliance.cases import layout
from appliance.cases.copies import LOCK_SUFFIX, WORK, only_one
from appliance.cases.store import Intake, Store
from appliance.cli import main
from appliance.files import private_folder

KEY = "abcd-efgh-jkmn-pqrs-tuvw-xyz2-3456"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    (tmp_path / "key").write_text(f"{KEY}\n")
    with Store(tmp_path / "state") as store:
        for seed in range(2):
            pixels = np.full((32, 32, 3), seed, np.uint8)
            case = store.accept(Intake(pixels, str(seed), "phone_camera", "forearm", True, None, True))
            store.answer(case, {"case": case.code, "outcome": "findings"}, None)
    return tmp_path / "state"


def run(state: Path, *arguments: str | Path, status: int = 0, typed: str = "") -> str:
    environment = {"DERMKIOSK_BACKUP_KEY": str(state.with_name("key"))}
    done = CliRunner().invoke(main, [*map(str, arguments)], input=typed, env=environment)
    assert done.exit_code == status, done.output
    return done.output


def test_a_backup_made_beside_the_kiosk_is_restored_with_the_key_as_it_was_written_down(state: Path) -> None:
    stick, new = state.with_name("stick"), state.with_name("new")
    with Store(state) as store:
        assert "Cases: 2" in run(state, "backup", stick, "--state", state)
        assert store.ledger.not_backed_up() == 0
        assert store.audit.entries()[0].action == "backup"
        codes = {case.code for case in store.cases()}
    assert "recovery_key_invalid" in run(state, "restore", stick, "--state", new, typed="abcd\n", status=1)
    assert "backup_missing" in run(state, "restore", stick, "--state", new, typed=f"{KEY[:-1]}7\n", status=1)
    assert "store_fault" in run(state, "restore", stick, "--state", "/dev/null/new", typed=f"{KEY}\n", status=1)
    assert "Photographs: 2" in run(state, "restore", stick, "--state", new, typed=f"{KEY.upper()}\n")
    with Store(new) as store:
        assert {case.code for case in store.cases()} == codes
        assert store.audit.entries()[0].action == "restore"
    assert "restore_target_taken" in run(state, "restore", stick, "--state", new, typed=f"{KEY}\n", status=1)


def test_what_of_a_backup_is_damaged_is_said_when_it_is_restored(state: Path) -> None:
    stick, new = state.with_name("stick"), state.with_name("new")
    for _ in range(2):
        run(state, "backup", stick, "--state", state)
    for sealed in (max(stick.glob("*/generations/*")), next(stick.glob("*/photographs/*/*.sealed"))):
        content = bytearray(sealed.read_bytes())
        content[len(content) // 2] ^= 1
        sealed.write_bytes(content)
    said = run(state, "restore", stick, "--state", new, typed=f"{KEY}\n")
    assert "Photographs: 1" in said
    assert "Newer backups on the stick that are damaged: 1" in said
    assert "did not come back: 1" in said


def test_a_folder_on_which_nothing_is_mounted_is_no_stick(state: Path) -> None:
    stick = state.with_name("stick")
    assert "stick_missing" in run(state, "backup", stick, "--mounted", "--state", state, status=1)
    assert not list(stick.iterdir())
    with Store(state) as store:
        assert store.audit.entries()[0].detail == "stick_missing"


def test_another_backup_that_is_under_way_is_not_said_to_have_failed(state: Path) -> None:
    lock = private_folder(state / layout.COPIES) / f"{WORK}{LOCK_SUFFIX}"
    with Store(state) as store, only_one(lock):
        store.ledger.begin_backup()
        assert "backup_under_way" in run(state, "backup", state.with_name("stick"), "--state", state, status=1)
        assert store.audit.entries()[0].action == "backup_begun"


def test_exported_cases_alone_end_by_the_rule(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(state) as store:
        first = store.cases()[1].code
        assert ": 1." in run(state, "export", state.with_name("one.zip"), first, "--state", state)
        assert [each.action for each in store.audit.entries()] == ["export"]
        assert "No time limit" in run(state, "retention", "--state", state)
        with store._database.transaction() as connection:
            connection.execute("UPDATE heartbeat SET age_s = 999999")
        monkeypatch.setenv("DERMKIOSK_RETENTION_DAYS", "10")
        assert ": 1." in run(state, "retention", "--state", state)
        assert first not in {case.code for case in store.cases()}
        assert len(store.cases()) == 1
        assert ": 1." in run(state, "export", state.with_name("rest"), "--state", state)
        assert ": 0." in run(state, "export", state.with_name("none"), "--state", state)
        assert ": 1." in run(state, "export", state.with_name("all"), "--all", "--state", state)


def test_an_export_counts_and_is_logged_in_one_step(state: Path) -> None:
    with Store(state) as store:
        with store._database.transaction() as connection:
            connection.execute("CREATE TRIGGER cut BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'cut'); END")
        assert len(store.ledger.unexported()) == 2
        run(state, "export", state.with_name("all.zip"), "--state", state, status=1)
        assert len(store.ledger.unexported()) == 2


def test_what_is_missing_is_said_plainly(state: Path) -> None:
    stick, nowhere = state.with_name("stick"), state.with_name("nowhere")
    assert "stick_missing" in run(state, "backup", nowhere, "--state", state, status=1)
    assert "database_missing" in run(state, "backup", stick, "--state", nowhere, status=1)
    assert "recovery_key_missing" in run(state, "backup", stick, "--state", state, "--key-file", nowhere, status=1)
    told = run(state, "export", state.with_name("none.zip"), "K7QF-2M", "--state", state, status=1)
    assert "case_not_exportable" in told
    assert "K7QF-2M" in told
    assert not state.with_name("none.zip").exists()
    assert KEY in run(state, "recovery-key")
