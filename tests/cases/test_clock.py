"""A clock that nobody checked, stands still while the box is off, and jumps: nothing dies at once or lives for ever."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import tzset

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cases import clock, pin
from appliance.cases.clock import Clock, Moment, has_passed
from appliance.cases.store import Intake, Store
from appliance.errors import CaseUnknown
from appliance.request_errors import PinWait, PinWrong

Make = Callable[..., Intake]
HOURS = 72
TEN_YEARS = timedelta(days=3653)
BACK_TO_1970 = datetime(1970, 1, 1, 0, 1, tzinfo=UTC) - datetime(2025, 1, 1, tzinfo=UTC)
JUMPS = [TEN_YEARS, BACK_TO_1970, timedelta(minutes=5), timedelta(minutes=-5)]
CLOCKS: list[Clock] = ["synced", "unverified"]


@dataclass
class Time:
    """Goes on when told to, and jumps when told to."""

    clock: Clock = "unverified"
    wall: datetime = field(default_factory=lambda: datetime(2025, 1, 1, tzinfo=UTC))
    ticks: float = 1000.0

    def now(self) -> Moment:
        return Moment(self.wall, self.clock)

    def tick(self) -> float:
        return self.ticks

    def works(self, **span: float) -> None:
        """The box is on for so long."""
        self.wall += timedelta(**span)
        self.ticks += timedelta(**span).total_seconds()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store(folder: Path, time: Time) -> Iterator[Store]:
    with Store(folder, time.now, time.tick) as opened:
        yield opened


def _works(store: Store, token: str) -> bool:
    try:
        store.by_token(token)
    except CaseUnknown:
        return False
    return True


@pytest.mark.parametrize("worth", CLOCKS)
def test_a_link_shows_its_case_until_it_expires(store: Store, time: Time, intake: Make, worth: Clock) -> None:
    time.clock = worth
    case = store.accept(intake())
    link = store.link(case, HOURS)
    assert link.expires_at == "2025-01-04T00:00:00Z"
    time.works(hours=71, minutes=59)
    assert _works(store, link.token)
    time.works(minutes=1)
    assert not _works(store, link.token)
    assert _works(store, store.link(case, HOURS).token)


@pytest.mark.parametrize("jump", JUMPS, ids=str)
@pytest.mark.parametrize("before", CLOCKS)
@pytest.mark.parametrize("after", CLOCKS)
def test_a_jump_neither_ends_a_link_at_once_nor_keeps_it_for_ever(
    store: Store, time: Time, intake: Make, jump: timedelta, before: Clock, after: Clock
) -> None:
    time.clock = before
    link = store.link(store.accept(intake()), HOURS)
    time.works(hours=1)
    time.clock, time.wall = after, time.wall + jump
    assert _works(store, link.token)
    time.works(hours=HOURS - 1)
    assert not _works(store, link.token)


def test_a_verified_clock_counts_the_time_the_box_was_off(folder: Path, time: Time, intake: Make) -> None:
    time.clock = "synced"
    with Store(folder, time.now, time.tick) as store:
        link = store.link(store.accept(intake()), HOURS)
        time.works(hours=8)
        store.prove_writable()
    time.wall += timedelta(days=5)
    time.ticks = 0.0  # the count begins anew with each start
    with Store(folder, time.now, time.tick) as store:
        assert not _works(store, link.token)


def test_an_unverified_clock_does_not_count_it_and_the_age_goes_on_where_it_was(
    folder: Path, time: Time, intake: Make
) -> None:
    with Store(folder, time.now, time.tick) as store:
        link = store.link(store.accept(intake()), HOURS)
        time.works(hours=71)
        store.prove_writable()
    time.wall, time.ticks = datetime(1970, 1, 1, tzinfo=UTC), 0.0
    with Store(folder, time.now, time.tick) as store:
        assert store.now().age_s == 71 * 3600
        assert _works(store, link.token)
        time.works(hours=1)
        assert not _works(store, link.token)


@pytest.mark.parametrize(
    ("worth", "worked_h", "ahead_h", "left_h"),
    [
        ("synced", 8, 0, 64),
        ("synced", 8, 60, 4),
        ("synced", 8, 1000, 0),
        ("synced", 1, 1000, 6.2),  # a tenth of its hours the box has to work
        ("synced", 8, -1000, 64),
        ("unverified", 8, 60, 64),
    ],
)
def test_a_link_works_for_as_long_as_it_is_said_to(
    store: Store, time: Time, intake: Make, worth: Clock, worked_h: int, ahead_h: int, left_h: float
) -> None:
    time.clock = worth
    link = store.link(store.accept(intake()), HOURS)
    time.works(hours=worked_h)
    time.wall += timedelta(hours=ahead_h)
    left_s = store.link_left_s(link.token)
    assert left_s == left_h * 3600
    if left_s:
        time.works(seconds=left_s - 1)
        assert _works(store, link.token)
        time.works(seconds=1)
    assert not _works(store, link.token)


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_cases_keep_their_order_when_the_clock_jumps(store: Store, time: Time, intake: Make, jump: timedelta) -> None:
    first = store.accept(intake())
    time.wall += jump
    second = store.accept(intake())
    assert [case.number for case in store.cases()] == [second.number, first.number]
    assert store.next_queued() == first
    assert not has_passed(1, first.accepted, store.now())


def test_deleting_and_its_audit_stand_a_jump(store: Store, time: Time, intake: Make) -> None:
    numbers = []
    for jump in (TEN_YEARS, BACK_TO_1970):
        case = store.accept(intake())
        time.wall += jump
        store.delete(case.code)
        numbers.append(case.number)
    rows = store._database.rows("SELECT case_number, erased FROM deletions ORDER BY case_number")
    assert [tuple(row) for row in rows] == [(number, 1) for number in numbers]


def test_what_is_remembered_of_a_case_is_when_it_came(store: Store, time: Time, intake: Make) -> None:
    time.clock = "synced"
    time.works(hours=3)
    before = store.now()
    assert store.case(store.accept(intake()).code).accepted == before


@given(
    worked_s=st.integers(0, 10**9),
    by_clock=st.timedeltas(timedelta(days=-20000), timedelta(days=20000)),
    hours=st.floats(1, 10000),
    worth=st.tuples(st.sampled_from(CLOCKS), st.sampled_from(CLOCKS)),
)
def test_hours_pass_by_the_age_at_the_latest_and_never_ten_times_as_early(
    worked_s: int, by_clock: timedelta, hours: float, worth: tuple[Clock, Clock]
) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    over = has_passed(hours, Moment(start, worth[0], 5), Moment(start + by_clock, worth[1], 5 + worked_s))
    if worked_s >= hours * 3600:
        assert over
    if worked_s < hours * 360 or (worked_s < hours * 3600 and "unverified" in worth):
        assert not over


@pytest.mark.parametrize("made", [None, 0, 1])
def test_the_clock_is_verified_by_a_time_server_or_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: int | None
) -> None:
    marks = (tmp_path / "synchronized", tmp_path / "set")
    monkeypatch.setattr(clock, "SYNCHRONISED", marks)
    if made is not None:
        marks[made].touch()
    assert clock.now().clock == ("unverified" if made is None else "synced")


@pytest.mark.parametrize("jump", [TEN_YEARS, BACK_TO_1970], ids=str)
@pytest.mark.parametrize("worth", CLOCKS)
def test_a_jump_makes_no_exported_case_expendable_and_keeps_none_for_ever(
    store: Store, time: Time, intake: Make, jump: timedelta, worth: Clock
) -> None:
    time.clock = worth
    case = store.accept(intake())
    store.answer(case, {}, None)
    store.ledger.begin()
    store.ledger.note_exported([case.number])
    time.works(days=1)
    time.wall += jump
    assert store.ledger.expendable(days=30) == []
    time.works(days=29)
    assert store.ledger.expendable(days=30) == [case.code]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_jump_neither_lifts_a_lock_out_nor_prolongs_it(
    store: Store, time: Time, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    monkeypatch.setattr(pin, "COST", 16)
    staff = pin.StaffPin(store._database, time.now, time.tick)
    staff.set("482915", "kiosk")
    for _ in range(pin.FREE):
        with pytest.raises(PinWrong):
            staff.check("111112", "kiosk")
    time.wall += jump
    with pytest.raises(PinWait):
        staff.check("482915", "kiosk")
    time.works(seconds=pin.wait_s(pin.FREE))
    assert staff.check("482915", "kiosk") == staff.generation


def test_people_read_the_time_where_the_box_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Shanghai")
        tzset()
        assert clock.local("2025-12-31T18:30:00Z") == "2026-01-01 02:30"
        assert clock.begins("2026-01-01") == "2025-12-31T16:00:00Z"
        assert clock.begins("2026-01-01", days_later=1) == "2026-01-01T16:00:00Z"
    tzset()
