"""Backups onto real folders and a real small file system, restored onto a new box."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from appliance.cases import layout
from appliance.cases.backup import Made, back_up
from appliance.cases.database import Database
from appliance.cases.ledger import Ledger
from appliance.cases.restore import restore
from appliance.cases.sealed import RecoveryKey
from appliance.cases.stick import Stick
from appliance.cases.store import Case, Intake, Store
from appliance.errors import (
    BackupDamaged,
    BackupMissing,
    PhotoLost,
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
    restored = restore(Stick(stick, KEY), tmp_path / "new")
    assert (restored.photographs, restored.skipped, restored.damaged) == (2, 0, ())
    with Store(tmp_path / "new") as again:
        assert contents(again) == contents(store)
        assert again.by_token(link.token).code == waiting.code
    assert (tmp_path / "new" / "station" / "calibration.json").read_text() == '{"a": 1}'
    assert not list((tmp_path / "new").glob(".*"))
    assert {path.name for path in (folder / "copies").iterdir()} <= {"backup.lock", "journal"}


def test_a_case_that_is_deleted_while_it_is_sealed_is_not_in_the_backup(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path
) -> None:
    doomed, kept = answered(store, intake(1)), answered(store, intake(2))

    class SlowStick(Stick):
        def put_photograph(self, photo_id: str, file: Path) -> str:
            if photo_id == doomed.photo_id:
                store.delete(doomed.code)
            return super().put_photograph(photo_id, file)

    with Database(folder / layout.DATABASE) as database:
        made = back_up(folder, SlowStick(stick, KEY), Ledger(database, store.now), store.now())
    assert made == Made(1, 1, 1, 1, 0)
    assert restore(Stick(stick, KEY), tmp_path / "new").damaged == ()
    with Store(tmp_path / "new") as again:
        assert [case.code for case in again.cases()] == [kept.code]
        assert contents(again) == contents(store)


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


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    changed = {"emptied": b"", "cut": content[:-20], "changed": content[:-5] + b"wrong"}
    path.unlink() if how == "gone" else path.write_bytes(changed[how])


DAMAGE = pytest.mark.parametrize("how", ["emptied", "cut", "changed", "gone"])


@DAMAGE
def test_a_damaged_backup_is_said_and_nothing_wrong_is_restored(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path, how: str
) -> None:
    store.accept(intake(1))
    backed_up(store, folder, stick)
    (path,) = stick.glob("*/generations/*")
    damage(path, how)
    with pytest.raises((BackupDamaged, BackupMissing)):
        restore(Stick(stick, KEY), tmp_path / "new")
    assert not (tmp_path / "new" / layout.DATABASE).exists()
    assert not list((tmp_path / "new").glob("photos/*"))


@DAMAGE
def test_a_damaged_photograph_is_counted_and_all_else_comes_back(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path, how: str
) -> None:
    cases = [store.accept(intake(seed)) for seed in range(3)]
    backed_up(store, folder, stick)
    (path,) = stick.glob(f"*/photographs/*/{cases[0].photo_id}.sealed")
    damage(path, how)
    restored = restore(Stick(stick, KEY), tmp_path / "new")
    assert (restored.photographs, restored.damaged) == (2, (cases[0].photo_id,))
    with Store(tmp_path / "new") as again:
        assert again.cases() == store.cases()
        with pytest.raises(PhotoLost):
            again.photo(cases[0])
        for case in cases[1:]:
            assert np.array_equal(again.photo(case), store.photo(case))


def test_where_the_newest_generation_is_damaged_the_one_before_comes_back(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path
) -> None:
    store.accept(intake(1))
    backed_up(store, folder, stick)
    before = contents(store)
    store.accept(intake(2))
    backed_up(store, folder, stick)
    damage(max(stick.glob("*/generations/*")), "changed")
    restored = restore(Stick(stick, KEY), tmp_path / "new")
    assert (restored.photographs, restored.skipped) == (1, 1)
    with Store(tmp_path / "new") as again:
        assert contents(again) == before


@pytest.mark.parametrize(
    "names",
    [
        {"files": {"../../escaped": "x"}},
        {"files": {"station/escaped": "x"}},
        {"photographs": {"../../escaped": "0" * 64}},
    ],
)
def test_a_backup_that_names_other_paths_than_a_boxs_own_writes_nothing(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path, names: dict[str, dict[str, str]]
) -> None:
    store.accept(intake(1))
    number = backed_up(store, folder, stick).generation
    forged, copy = Stick(stick, KEY), tmp_path / "copy"
    manifest = forged.generation(number, copy)
    forged.put_generation(number, replace(manifest, **names), copy)
    forged.prove(number)
    with pytest.raises(BackupDamaged, match="escaped"):
        restore(Stick(stick, KEY), tmp_path / "new" / "state")
    assert not list(tmp_path.rglob("*escaped*"))
    assert not (tmp_path / "new" / "state" / layout.DATABASE).exists()


def test_a_stick_pulled_out_while_it_is_restored_damages_no_photograph(
    folder: Path, stick: Path, store: Store, intake: Make, tmp_path: Path
) -> None:
    for seed in range(2):
        store.accept(intake(seed))
    backed_up(store, folder, stick)
    away = stick.with_name("away")

    def pull_out(*_: object) -> None:
        if stick.exists():
            stick.rename(away)

    with pytest.raises(BackupDamaged):
        restore(Stick(stick, KEY), tmp_path / "new", pull_out)
    assert not (tmp_path / "new" / layout.DATABASE).exists()
    away.rename(stick)
    assert restore(Stick(stick, KEY), tmp_path / "new").photographs == 2


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
        sealed = path.read_bytes()
        path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
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
