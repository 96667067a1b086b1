"""A stick that went bad in places: the next backup mends what the box still has."""

from collections.abc import Callable
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

KEY = RecoveryKey("abcdefghjkmnpqrstuvwxyz23456")


@pytest.fixture
def stick(tmp_path: Path) -> Stick:
    (tmp_path / "stick").mkdir()
    return Stick(tmp_path / "stick", KEY)


@pytest.fixture
def again(folder: Path, store: Store, stick: Stick) -> Callable[[], Made]:
    """Make a backup; at most two stay."""

    def make() -> Made:
        with Database(folder / layout.DATABASE) as database:
            return back_up(folder, stick, Ledger(database, store.now), store.now(), keep=2)

    return make


@pytest.fixture
def cases(store: Store, intake: Callable[..., Intake], again: Callable[[], Made]) -> list[Case]:
    """Three, in backup 1."""
    made = [store.accept(intake(seed)) for seed in range(3)]
    assert again() == Made(1, 3, 3, 3, 0)
    return made


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5] + b"wrong")


def test_a_damaged_photograph_is_sealed_again(
    stick: Stick, store: Store, cases: list[Case], again: Callable[[], Made], tmp_path: Path
) -> None:
    spoil(stick._photograph(cases[0].photo_id))
    assert again() == Made(2, 3, 3, 0, 0)
    assert restore(stick, tmp_path / "new").damaged == ()
    with Store(tmp_path / "new") as new:
        assert np.array_equal(new.photo(cases[0]), store.photo(cases[0]))


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_photograph_lost_on_stick_and_box_stops_no_backup(
    folder: Path, stick: Stick, cases: list[Case], again: Callable[[], Made], tmp_path: Path, how: str
) -> None:
    spoil(stick._photograph(cases[0].photo_id))
    own = folder / layout.PHOTOS / f"{cases[0].photo_id}.webp"
    own.unlink() if how == "gone" else spoil(own)
    assert again() == Made(2, 3, 2, 0, 1)
    restored = restore(stick, tmp_path / "new")
    assert (restored.photographs, restored.damaged) == (2, ())


def test_a_damaged_generation_stops_no_backup_and_its_photographs_stay(
    stick: Stick, store: Store, cases: list[Case], again: Callable[[], Made]
) -> None:
    path = stick._generation(1, ".sealed")
    path.write_bytes(path.read_bytes()[:50])
    store.delete(cases[0].code)
    assert again().generation == 2
    assert stick.has_photograph(cases[0].photo_id)
    assert again().generation == 3  # the damaged one is gone
    assert not stick.has_photograph(cases[0].photo_id)
