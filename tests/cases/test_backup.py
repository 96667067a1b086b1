"""Backups onto real folders and a real small file system, restored onto a new box."""

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from appliance.cases import backup, clock, layout
from appliance.cases.backup import Made, back_up
from appliance.cases.clock import Moment
from appliance.cases.database import Database
from appliance.cases.export import export
from appliance.cases.ledger import Ledger
from appliance.cases.restore import restore
from appliance.cases.sealed import RecoveryKey
from appliance.cases.stick import Stick
from appliance.cases.store import Case, Intake, Store
from appliance.errors import (
    BackupDamaged,
    BackupMissing,
    BackupUnderWay,
    CaseUnknown,
    ExportTargetTaken,
    RestoreTargetTaken,
    StickFailed,
    StickFull,
    StickMissing,
    StoreError,
)

Make = Callable[..., Intake]
KEY = RecoveryKey("abcdefghjkmnpqrstuvwxyz23456")
OTHER = RecoveryKey("abcdefghjkmnpqrstuvwxyz23457")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    path = tmp_path / "stick"
    path.mkdir()
    return path


def backed_up(store: Store, folder: Path, stick: Path, keep: int = 7, key: RecoveryKey = KEY) -> Made:
    """As the command does, beside the kiosk that has the store open."""
    with Database(folder / layout.DATABASE) as database:
        return back_up(folder, Stick(stick, key), Ledger(database, store.now), store.now(), keep)


def answered(store: Store, intake: Intake) -> Case:
    case = store.accept(intake)
    store.answer(case, {"case": case.code, "outcome": "findings"}, np.ones((8, 8, 8), np.float32))
    return store.case(case.code)


def contents(store: Store) -> dict[str, tuple[object, ...]]:
    return {
        case.code: (case, hashlib.sha256(store.photo(case).tobytes()).hexdigest(), store.document(case))
        for case in store.cases()
    }


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_backup_comes_back_whole_on_a_new_box(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path
) -> None:
    answered(store, intake(1))
    waiting = store.accept(intake(2))
    link = store.link(waiting, 72)
    (folder / "station").mkdir()
    (folder / "station" / "calibration.json").write_text('{"a": 1}')
    made = backed_up(store, folder, stick)
    assert made == Made(1, 2, 2, 2, 0)
    manifest = restore(Stick(stick, KEY), tmp_path / "new")
    assert len(manifest.photographs) == 2
    with Store(tmp_path / "new") as again:
        assert contents(again) == contents(store)
        assert again.by_token(link.token).code == waiting.code
    assert (tmp_path / "new" / "station" / "calibration.json").read_text() == '{"a": 1}'
    assert not list((tmp_path / "new").glob(".*"))
    assert {path.name for path in (folder / "copies").iterdir()} <= {"backup.lock", "journal"}


def test_nothing_on_the_stick_can_be_read_without_the_key(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path
) -> None:
    case = answered(store, intake(1))
    backed_up(store, folder, stick)
    content = b"".join(files(stick).values())
    assert case.code.encode() not in content
    assert (folder / "photos" / f"{case.photo_id}.webp").read_bytes()[50:100] not in content
    with pytest.raises(BackupMissing) as missing:
        restore(Stick(stick, OTHER), tmp_path / "new")
    assert missing.value.values["others"] == 1


def test_a_photograph_is_written_once_and_generations_are_thinned_out(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path
) -> None:
    first = answered(store, intake(1))
    assert backed_up(store, folder, stick, keep=2).new == 1
    store.accept(intake(2))
    assert backed_up(store, folder, stick, keep=2).new == 1
    store.delete(first.code)
    assert len(list(stick.glob("*/photographs/*/*"))) == 2
    assert [backed_up(store, folder, stick, keep=2).new for _ in range(2)] == [0, 0]
    assert Stick(stick, KEY).generations() == [3, 4]
    assert len(list(stick.glob("*/photographs/*/*"))) == 1  # no generation knows the deleted one any more
    restore(Stick(stick, KEY), tmp_path / "new")
    with Store(tmp_path / "new") as again:
        assert contents(again) == contents(store)


def test_two_boxes_share_a_stick(folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path) -> None:
    store.accept(intake(1))
    backed_up(store, folder, stick)
    with Store(tmp_path / "other") as other:
        other.accept(intake(2))
        backed_up(other, tmp_path / "other", stick, key=OTHER)
        backed_up(store, folder, stick, keep=1)
        restore(Stick(stick, OTHER), tmp_path / "new")
        with Store(tmp_path / "new") as again:
            assert contents(again) == contents(other)


@pytest.mark.parametrize("what", ["generations", "photographs"])
@pytest.mark.parametrize("how", ["emptied", "cut", "changed", "gone"])
def test_a_damaged_backup_is_said_and_nothing_wrong_is_restored(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path, what: str, how: str
) -> None:
    store.accept(intake(1))
    backed_up(store, folder, stick)
    (path,) = (path for path in stick.glob(f"*/{what}/**/*") if path.is_file())
    content = path.read_bytes()
    changed = {"emptied": b"", "cut": content[:-20], "changed": content[:-5] + b"wrong"}
    path.unlink() if how == "gone" else path.write_bytes(changed[how])
    with pytest.raises((BackupDamaged, BackupMissing)):
        restore(Stick(stick, KEY), tmp_path / "new")
    assert not (tmp_path / "new" / layout.DATABASE).exists()
    assert not list((tmp_path / "new").glob("photos/*"))


def test_what_reads_back_differently_does_not_count(
    folder: Path, stick: Path, store: Store, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.accept(intake(1))
    backed_up(store, folder, stick)
    before = files(stick)
    store.accept(intake(2))
    real = Stick.put_photograph

    def worn_out(self: Stick, photo_id: str, file: Path) -> str:
        digest = real(self, photo_id, file)
        path = self._photograph(photo_id)
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(Stick, "put_photograph", worn_out)
        with pytest.raises(BackupDamaged):
            backed_up(store, folder, stick)
    assert Stick(stick, KEY).generations() == [1]
    assert before.items() <= files(stick).items()
    assert store.ledger.not_backed_up() == 2  # they wait, so they are in no backup as they will stand
    assert backed_up(store, folder, stick).cases == 2


class Cut(BaseException):
    """The power is gone, or the stick."""


@pytest.mark.parametrize("at", range(1, 8))
def test_a_restoration_that_is_cut_goes_on(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    for seed in range(2):
        store.accept(intake(seed))
    backed_up(store, folder, stick)
    steps = 0
    real = os.replace

    def cut(*names: object) -> None:
        nonlocal steps
        steps += 1
        if steps > at:
            raise Cut
        real(*names)  # type: ignore[arg-type]

    target = tmp_path / "new"
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", cut)
        try:
            restore(Stick(stick, KEY), target)
        except Cut:
            with pytest.raises(StoreError):
                Store(target)
    if steps > at:
        restore(Stick(stick, KEY), target)
    with Store(target) as again:
        assert contents(again) == contents(store)


def test_nothing_is_restored_over_what_is_there(folder: Path, stick: Path, store: Store, intake: Make) -> None:
    store.accept(intake(1))
    backed_up(store, folder, stick)
    before = files(folder)
    with pytest.raises(RestoreTargetTaken):
        restore(Stick(stick, KEY), folder)
    assert files(folder) == before


def test_a_stick_that_is_not_there_or_read_only_is_said(
    folder: Path, stick: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StickMissing):
        backed_up(store, folder, stick / "nothing")
    stick.chmod(0o500)
    if os.geteuid() != 0:
        with pytest.raises(StickFailed):
            backed_up(store, folder, stick)


def test_only_one_backup_at_a_time(folder: Path, stick: Path, store: Store) -> None:
    with backup._work(folder), pytest.raises(BackupUnderWay):
        backed_up(store, folder, stick)
    assert backed_up(store, folder, stick).generation == 1


# --- a real stick that is full or pulled out ---


@pytest.fixture
def small_stick(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError) as refused:
        pytest.skip(f"a small stick needs the right to mount a tmpfs: {refused}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=False, timeout=30)


def test_a_full_stick_is_said_and_the_last_good_backup_is_left_alone(
    folder: Path, small_stick: Path, store: Store, intake: Make, tmp_path: Path
) -> None:
    answered(store, intake(1))
    backed_up(store, folder, small_stick)
    before = contents(store)
    for seed in range(2, 8):
        store.accept(intake(seed, side=300))
    with pytest.raises(StickFull):
        backed_up(store, folder, small_stick)
    restore(Stick(small_stick, KEY), tmp_path / "new")
    with Store(tmp_path / "new") as again:
        assert contents(again) == before


def test_a_stick_pulled_out_midway_is_said_and_the_next_backup_goes_on(
    folder: Path, small_stick: Path, store: Store, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.accept(intake(1))
    backed_up(store, folder, small_stick)
    for seed in (2, 3):
        store.accept(intake(seed))
    real = Stick.put_photograph

    def pulled_out(self: Stick, photo_id: str, file: Path) -> str:
        digest = real(self, photo_id, file)
        subprocess.run(["mount", "-o", "remount,ro", str(small_stick)], check=True, timeout=30)
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(Stick, "put_photograph", pulled_out)
        with pytest.raises(StickFailed):
            backed_up(store, folder, small_stick)
    assert Stick(small_stick, KEY).generations() == [1]
    subprocess.run(["mount", "-o", "remount,rw", str(small_stick)], check=True, timeout=30)
    assert backed_up(store, folder, small_stick).cases == 3


# --- what is known of it, and the rule ---


def test_what_changes_after_a_backup_or_an_export_is_not_in_it(
    folder: Path, stick: Path, store: Store, intake: Make
) -> None:
    case, other = answered(store, intake(1)), answered(store, intake(2))
    assert (store.ledger.not_backed_up(), store.ledger.last_backup()) == (2, None)
    backed_up(store, folder, stick)
    last = store.ledger.last_backup()
    assert last is not None
    assert (store.ledger.not_backed_up(), last.cases, last.photographs) == (0, 2, 2)
    assert store.reserve(case)
    store.answer(store.case(case.code), {"case": case.code}, None)
    assert store.ledger.not_backed_up() == 1
    store.ledger.begin()
    store.ledger.changed(other.number)
    store.ledger.note_exported([case.number, other.number])
    assert store.ledger.unexported() == [other.number]


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
        with pytest.raises(CaseUnknown):
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


def test_the_clock_of_a_visitor_has_the_boxs_age(folder: Path, store: Store) -> None:
    assert isinstance(clock.now(), Moment)
    shutil.rmtree(folder / "copies", ignore_errors=True)
    with Store(folder, visiting=True) as visitor:
        assert visitor.ledger.last_backup() is None
