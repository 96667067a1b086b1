"""The staff's PIN: what it costs to guess, and the ways back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cases import pin
from appliance.cases.audit import Entry
from appliance.cases.database import Database
from appliance.cases.pin import FREE, LOCK, LONGEST_WAIT_S, StaffPin, wait_s
from appliance.cases.store import Store
from appliance.request_errors import PinError, PinLocked, PinUnset, PinWait, PinWeak, PinWrong

RIGHT, WRONG = "482915", "000000"


class Ticks:
    """A clock that goes when it is told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real scrypt at a cost that tests can pay many times over."""
    monkeypatch.setattr(pin, "COST", 16)


@pytest.fixture
def opened(tmp_path: Path, ticks: Ticks) -> Callable[[], StaffPin]:
    """Open the same database again, as a restart does."""
    database = Database(tmp_path / "cases.sqlite3")
    return lambda: StaffPin(database, ticks=ticks)


def guess(kept: StaffPin, times: int, ticks: Ticks, place: pin.Place = "network") -> None:
    for _ in range(times):
        ticks.now_s += LONGEST_WAIT_S
        with pytest.raises(PinWrong):
            kept.check(WRONG, place)


def test_without_a_pin_nobody_is_staff(opened: Callable[[], StaffPin]) -> None:
    kept = opened()
    assert kept.generation == 0
    for tried in ("", RIGHT, "0000"):
        with pytest.raises(PinUnset):
            kept.check(tried, "kiosk")


@pytest.mark.parametrize(
    "weak", ["", "12345", "1234567890123", "111111", "123456", "987654", "12a456", "١٢٣٤٥٦", "567890"]
)
def test_a_pin_anybody_would_try_first_is_refused(opened: Callable[[], StaffPin], weak: str) -> None:
    kept = opened()
    with pytest.raises(PinWeak):
        kept.set(weak, "kiosk")
    assert kept.generation == 0


def test_the_right_pin_and_no_other(opened: Callable[[], StaffPin]) -> None:
    kept = opened()
    kept.set(RIGHT, "kiosk")
    assert kept.check(RIGHT, "network") == kept.generation == 1
    with pytest.raises(PinWrong):
        kept.check(RIGHT + "1", "network")
    kept.set("7" + RIGHT, "staff")
    with pytest.raises(PinWrong):
        kept.check(RIGHT, "network")
    assert kept.check("7" + RIGHT, "network") == 2


def test_the_pin_itself_is_nowhere_on_the_disk(folder: Path) -> None:
    with Store(folder) as store:
        store.pin.set(RIGHT, "kiosk")
        with pytest.raises(PinWrong):
            store.pin.check("739152", "network")
        content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert RIGHT.encode() not in content
    assert b"739152" not in content


def test_each_wrong_pin_makes_the_wait_longer_and_a_try_too_early_is_not_looked_at(
    opened: Callable[[], StaffPin], ticks: Ticks
) -> None:
    kept = opened()
    kept.set(RIGHT, "kiosk")
    guess(kept, FREE, ticks)
    with pytest.raises(PinWait):
        kept.check(RIGHT, "network")
    ticks.now_s += wait_s(FREE)
    kept.check(RIGHT, "network")
    assert [wait_s(failures) for failures in (2, 3, 4, 5, 99)] == [0, 1, 2, 4, LONGEST_WAIT_S]


def test_a_restart_forgets_no_wrong_pin_and_no_wait(opened: Callable[[], StaffPin], ticks: Ticks) -> None:
    kept = opened()
    kept.set(RIGHT, "kiosk")
    guess(kept, FREE + 2, ticks)
    ticks.now_s += LONGEST_WAIT_S
    again = opened()
    with pytest.raises(PinWait) as waiting:
        again.check(RIGHT, "network")
    assert waiting.value.values == {"seconds": 4}


def test_the_network_is_locked_and_the_kiosk_opens_it(opened: Callable[[], StaffPin], ticks: Ticks) -> None:
    kept = opened()
    kept.set(RIGHT, "kiosk")
    guess(kept, LOCK, ticks)
    ticks.now_s += 100 * LONGEST_WAIT_S
    for place in (kept, opened()):
        with pytest.raises(PinLocked):
            place.check(RIGHT, "network")
    kept.check(RIGHT, "kiosk")
    kept.check(RIGHT, "network")


def test_the_kiosk_is_never_locked(opened: Callable[[], StaffPin], ticks: Ticks) -> None:
    kept = opened()
    kept.set(RIGHT, "kiosk")
    guess(kept, LOCK + 5, ticks, "kiosk")
    with pytest.raises(PinWait):
        kept.check(RIGHT, "kiosk")
    ticks.now_s += LONGEST_WAIT_S
    kept.check(RIGHT, "kiosk")


def test_a_new_pin_from_the_terminal_opens_everything_while_the_box_runs(folder: Path) -> None:
    with Store(folder) as store:
        store.pin.set(RIGHT, "kiosk")
        for _ in range(FREE):
            with pytest.raises(PinWrong):
                store.pin.check(WRONG, "network")
        with pin.opened(folder) as terminal:
            terminal.set("7" + RIGHT, "installer")
        assert store.pin.check("7" + RIGHT, "network") == 2


def test_what_was_tried_is_in_the_log_and_what_was_not_looked_at_is_not(folder: Path) -> None:
    with Store(folder) as store:
        store.pin.set(RIGHT, "kiosk")
        for _ in range(20):
            with pytest.raises(PinError):
                store.pin.check(WRONG, "network")
        entries = store.audit.entries()
    assert [(each.actor, each.action, each.detail) for each in entries] == [
        *[("staff", "login_failed", "network")] * FREE,
        ("kiosk", "pin_set", ""),
    ]
    assert all(isinstance(each, Entry) and each.case_number is None for each in entries)
