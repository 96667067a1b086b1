"""One backup at a time; and who only looks whether one is made is in nobody's way."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import pytest

from appliance.cases import backup, clock, layout
from appliance.cases.backup import Made, back_up
from appliance.cases.clock import Moment
from appliance.cases.copies import LOCK_SUFFIX, WORK, Copies, only_one
from appliance.cases.database import Database
from appliance.cases.ledger import Ledger
from appliance.cases.sealed import RecoveryKey
from appliance.cases.stick import Stick
from appliance.cases.store import Store
from appliance.errors import BackupUnderWay
from appliance.files import private_folder


@pytest.fixture
def make(folder: Path, store: Store, tmp_path: Path) -> Callable[[], Made]:
    """Make a backup beside the kiosk that has the store open."""
    (tmp_path / "stick").mkdir()
    stick = Stick(tmp_path / "stick", RecoveryKey("abcdefghjkmnpqrstuvwxyz23456"))

    def once() -> Made:
        with Database(folder / layout.DATABASE) as database:
            return back_up(folder, stick, Ledger(database, store.now), store.now())

    return once


def test_only_one_backup_at_a_time(folder: Path, make: Callable[[], Made]) -> None:
    with backup._work(folder), pytest.raises(BackupUnderWay):
        make()
    assert make().generation == 1


@pytest.fixture
def looked_at(folder: Path) -> Iterator[None]:
    """The lock of the backup is held for a moment, as by a page that looks, or a deletion that tidies."""
    lock = private_folder(folder / "copies") / f"{WORK}{LOCK_SUFFIX}"
    with ExitStack() as held:
        assert held.enter_context(only_one(lock))
        release = Timer(0.2, held.close)
        release.start()
        yield
        release.join()


@pytest.mark.usefixtures("looked_at")
def test_who_only_looks_for_a_moment_makes_no_backup_fail(folder: Path, make: Callable[[], Made]) -> None:
    assert make().generation == 1


@pytest.mark.usefixtures("looked_at")
def test_a_deletion_tidies_what_a_backup_left_also_while_somebody_looks(folder: Path) -> None:
    left = private_folder(folder / "copies" / WORK) / "cases.sqlite3"
    left.write_bytes(b"knows of a case that was deleted")
    Copies(folder / "copies").forget()
    assert not left.exists()


def test_those_who_look_whether_a_backup_is_made_do_not_see_each_other(folder: Path) -> None:
    lock = private_folder(folder / "copies") / f"{WORK}{LOCK_SUFFIX}"
    assert not backup.under_way(folder)
    lock.touch()
    with lock.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not backup.under_way(folder)
    with only_one(lock):
        assert backup.under_way(folder)


def test_the_clock_of_a_visitor_has_the_boxs_age(folder: Path, store: Store) -> None:
    assert isinstance(clock.now(), Moment)
    shutil.rmtree(folder / "copies", ignore_errors=True)
    with Store(folder, visiting=True) as visitor:
        assert visitor.ledger.last_backup() is None
