import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from appliance.cases import ballast, photos
from appliance.cases.backup import back_up
from appliance.cases.database import Database
from appliance.cases.export import export
from appliance.cases.ledger import Ledger
from appliance.cases.sealed import RecoveryKey
from appliance.cases.stick import Stick
from appliance.cases.store import Case, Intake, Store
from appliance.cases.visits import Consent
from appliance.errors import BackupError, CaseUnknown, StoreError, StoreFull
from appliance.files import write_atomically

Make = Callable[..., Intake]
BLOCK = 4096


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A real file system of the given number of mebibytes."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "none", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError) as refused:
        pytest.skip(f"a small disk needs the right to mount a tmpfs: {refused}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True, timeout=30)


def leave_free(disk: Path, blocks: int) -> None:
    """Fill the disk with something else until so many blocks are left."""
    ballast = disk / "ballast"
    with ballast.open("ab") as file:
        status = os.statvfs(disk)
        size = ballast.stat().st_size + (status.f_bavail - blocks) * BLOCK
        if size >= ballast.stat().st_size:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        else:
            file.truncate(size)


def check_whole(store: Store, accepted: dict[str, Intake], folder: Path) -> None:
    assert {case.code for case in store.cases()} == set(accepted)
    assert len(list((folder / "photos").iterdir())) == len(accepted)
    for code, asked in accepted.items():
        assert np.array_equal(store.photo(store.case(code)), asked.pixels)


@pytest.mark.parametrize("small_disk", [72], indirect=True)
def test_the_last_room_is_kept_for_answers_and_deletions(small_disk: Path, intake: Make) -> None:
    accepted: dict[str, Intake] = {}
    folder = small_disk / "state"
    with Store(folder) as store:
        with suppress(StoreFull):
            for seed in range(30):
                asked = intake(seed, side=600)
                accepted[store.accept(asked).code] = asked
        assert 1 < len(accepted) < 30
        check_whole(store, accepted, folder)
        for case in store.cases():
            assert store.answer(store.begin(case), {"case": case.code}, None)
        last = store.cases()[0].code
        store.delete(last)
        del accepted[last]
        case = store.accept(intake(99, side=600))
        accepted[case.code] = intake(99, side=600)
        check_whole(store, accepted, folder)


@pytest.mark.parametrize("small_disk", [2], indirect=True)
def test_a_disk_that_is_full_to_the_brim_loses_nothing_and_keeps_nothing_by_half(
    small_disk: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else filled the reserve, too: whichever write comes too late, photo or row, all or nothing."""
    monkeypatch.setattr(photos, "RESERVE_BYTES", -(2**30))  # nobody looks before writing
    accepted: dict[str, Intake] = {}
    refused = 0
    folder = small_disk / "state"
    with Store(folder) as store:
        for blocks in range(24):
            leave_free(small_disk, blocks)
            asked = intake(blocks)
            try:
                accepted[store.accept(asked).code] = asked
            except StoreFull:
                refused += 1
            check_whole(store, accepted, folder)
        (small_disk / "ballast").unlink()
        asked = intake(100)
        accepted[store.accept(asked).code] = asked
    assert refused >= 3
    with Store(folder) as store:
        check_whole(store, accepted, folder)
        assert len(accepted) >= 3


# --- each thing the box writes, at each point where the disk may have become full ---


@dataclass
class Kit:
    """What a write needs: a store that is open, its folder, an answered case, and a number never used before."""

    store: Store
    folder: Path
    case: Case
    number: int


def _export(kit: Kit) -> None:
    with Database(kit.folder / "cases.sqlite3") as database:
        ledger = Ledger(database, kit.store.now)
        export(kit.folder, database, ledger, [kit.case.number], kit.folder.parent / f"export-{kit.number}")


def _back_up(kit: Kit) -> None:
    stick = kit.folder.parent.parent / "stick"
    stick.mkdir(exist_ok=True)
    with Database(kit.folder / "cases.sqlite3") as database:
        back_up(kit.folder, Stick(stick, KEY), Ledger(database, kit.store.now), kit.store.now())


KEY = RecoveryKey("abcdefghjkmnpqrstuvwxyz23456")
WRITES: dict[str, Callable[[Kit], object]] = {
    "link": lambda kit: kit.store.link(kit.case, 72),
    "reserve": lambda kit: kit.store.reserve(kit.case),
    "delete": lambda kit: kit.store.delete(kit.case.code),
    "consent": lambda kit: kit.store.agree(Consent(f"words {kit.number}" * 100, "en", False)),
    "note": lambda kit: kit.store.reviews.note(kit.case.number, "note" * 100),
    "log": lambda kit: kit.store.audit.record("staff", "look", kit.case.number),
    "copy": lambda kit: kit.store.spare.make_copy(),
    "calibration": lambda kit: write_atomically(kit.folder / "calibration.json", b"x" * 9000),
    "export": _export,
    "backup": _back_up,
}


@pytest.mark.parametrize("small_disk", [3], indirect=True)
@pytest.mark.parametrize("name", WRITES)
def test_whichever_write_comes_too_late_nothing_is_lost_and_it_works_once_there_is_room(
    small_disk: Path, intake: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(photos, "RESERVE_BYTES", -(2**30))
    folder = small_disk / "state"
    refused = 0
    with Store(folder) as store:
        for blocks in (0, 1, 2, 3, 5, 8, 16):
            (small_disk / "ballast").unlink(missing_ok=True)
            case = store.accept(intake(blocks))
            assert store.answer(case, {"case": case.code}, None)
            case = store.case(case.code)
            leave_free(small_disk, blocks)
            try:
                WRITES[name](Kit(store, folder, case, blocks))
            except (StoreError, BackupError, OSError):
                refused += 1
                (small_disk / "ballast").unlink()
                with suppress(CaseUnknown):  # deleted, but not erased yet: that is done with the next one
                    WRITES[name](Kit(store, folder, case, 100 + blocks))
            with suppress(CaseUnknown):
                assert store.photo(store.case(case.code)).shape == (32, 32, 3)
        codes = {each.code for each in store.cases()}
    (small_disk / "ballast").unlink(missing_ok=True)
    with Store(folder) as store:
        assert {each.code for each in store.cases()} == codes
        assert len(codes) == (0 if name == "delete" else 7)
        assert all(store.document(each) == {"case": each.code} for each in store.cases() if each.state == "done")
    assert refused or name == "log"  # a line of the log fits into pages that are there


@pytest.mark.parametrize("small_disk", [40], indirect=True)
def test_at_a_hundred_percent_there_is_still_room_to_read_to_log_and_to_delete(
    small_disk: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program filled the disk: the box gives its ballast back, and takes no photograph into it."""
    monkeypatch.setattr(ballast, "ROOM_BYTES", 2**20)
    monkeypatch.setattr(ballast, "BYTES", 4 * 2**20)
    monkeypatch.setattr(photos, "RESERVE_BYTES", -(2**30))
    folder = small_disk / "state"
    with Store(folder) as store:
        cases = [store.accept(intake(seed)) for seed in range(3)]
        store.spare.lay_ballast()
        assert (folder / "ballast").stat().st_size == ballast.BYTES
        monkeypatch.setattr(photos, "RESERVE_BYTES", 8 * 2**20)
        leave_free(small_disk, 0)
        with pytest.raises(StoreFull):
            store.accept(intake(9))
        assert np.array_equal(store.photo(cases[0]), intake(0).pixels)
        store.delete(cases[0].code)
        assert not (folder / "ballast").exists()
        store.prove_writable()
        store.link(cases[1], 72)
        with pytest.raises(StoreFull):
            store.accept(intake(9))
        (small_disk / "ballast").unlink()
        store.spare.lay_ballast()
        assert (folder / "ballast").exists()
        assert store.accept(intake(9)).state == "queued"


@pytest.mark.parametrize("small_disk", [40], indirect=True)
def test_the_heartbeat_gives_the_ballast_back(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ballast, "ROOM_BYTES", 2**20)
    monkeypatch.setattr(ballast, "BYTES", 4 * 2**20)
    with Store(small_disk / "state") as store:
        store.spare.lay_ballast()
        full = [True]

        def write() -> None:
            if full.pop(0):
                raise StoreFull

        store.spare.beat(write)  # it does not write again: a beat has no time for a second wait
        assert not (small_disk / "state" / "ballast").exists()
        full = [True]
        with pytest.raises(StoreFull):
            store.spare.beat(write)


# --- a file system that went read-only, as after an error of the card ---


@pytest.mark.parametrize("small_disk", [40], indirect=True)
def test_a_start_on_a_read_only_disk_says_so_and_changes_nothing(
    small_disk: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "RESERVE_BYTES", -(2**30))
    folder = small_disk / "state"

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(small_disk)], check=True, timeout=30)

    with Store(folder) as store:
        case = store.accept(intake(1))
        store.answer(case, {"case": case.code}, None)
        link = store.link(case, 72)
    # The kiosk holds its files open for writing, and a file system with such files refuses to be remounted from
    # outside; the kernel itself does it all the same. So this is the next start.
    remount("ro")
    try:
        with pytest.raises(StoreError):
            Store(folder)
        with closing(sqlite3.connect(f"{(folder / 'cases.sqlite3').as_uri()}?mode=ro&immutable=1", uri=True)) as kept:
            assert kept.execute("SELECT code FROM cases").fetchall() == [(case.code,)]
    finally:
        remount("rw")
    with Store(folder) as store:
        assert store.by_token(link.token).code == case.code
        assert store.document(case) == {"case": case.code}
