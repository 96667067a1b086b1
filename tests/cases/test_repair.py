"""A damaged database is put back from the box's own copy; what is younger comes back from the journal."""

import logging
import random
import secrets
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

from appliance.cases import copies, pin, repair
from appliance.cases.copies import Copies
from appliance.cases.database import MIGRATIONS, Database
from appliance.cases.keeper import EVERY_S, Keeper
from appliance.cases.links import hash_of
from appliance.cases.repair import open_store
from appliance.cases.store import Intake, Store
from appliance.cases.visits import Consent
from appliance.errors import CaseUnknown, DatabaseDamaged, StoreFull
from appliance.request_errors import PinWrong
from appliance.serve import wait_until_stopped

Make = Callable[..., Intake]
Damage = Callable[[Path], object]


def scribble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[: 3 * 4096] = random.Random(1).randbytes(3 * 4096)
    path.write_bytes(content)


def spoil(path: Path) -> None:
    """A page in the middle: SQLite opens it, and finds out when it looks."""
    content = bytearray(path.read_bytes())
    content[4096 : 3 * 4096] = random.Random(1).randbytes(2 * 4096)
    path.write_bytes(content)


DAMAGES: dict[str, Damage] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "random": scribble,
    "spoilt": spoil,
    "gone": lambda path: path.unlink(),
}


def damage(folder: Path, how: str = "random") -> None:
    for path in folder.glob("cases.sqlite3-*"):
        path.unlink()
    DAMAGES[how](folder / "cases.sqlite3")


@pytest.mark.parametrize("how", DAMAGES)
def test_nothing_accepted_is_lost_when_the_database_is(
    folder: Path, intake: Make, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(folder) as store:
        old = store.accept(intake(1))
        store.answer(old, {"case": old.code}, np.ones((8, 8, 8), np.float32))
        old_link = store.link(old, 72)
        store.spare.make_copy()
        young = store.accept(intake(2, idempotency_key="the sender"))
        young_link = store.link(young, 72)
    damage(folder, how)
    with caplog.at_level(logging.WARNING), open_store(folder) as store:
        assert store.document(store.case(old.code)) == {"case": old.code}
        assert store.by_token(old_link.token).code == old.code
        assert store.case(young.code) == young
        assert store.by_token(young_link.token) == young
        assert np.array_equal(store.photo(young), intake(2).pixels)
        assert store.next_queued() == young
        assert store.accept(intake(2, idempotency_key="the sender")) == young
        repaired = store.ledger.repair()
        assert repaired is not None
        assert (repaired.regained, repaired.unlinked, repaired.missing) == (1, 0, 0)
        store.ledger.repair_seen()
        assert store.ledger.repair() is None
    assert "put back" in caplog.text
    with open_store(folder) as store:
        assert {case.code for case in store.cases()} == {old.code, young.code}


def test_damage_found_while_the_box_runs_ends_the_program_and_the_start_puts_it_back(
    folder: Path, intake: Make
) -> None:
    with Store(folder) as store:
        for seed in range(6):
            case = store.accept(intake(seed))
            store.answer(case, {"filler": "x" * 20_000}, None)
        store.spare.make_copy()
    with Store(folder) as store:
        assert not store.spare.needed
        store._database.rows("PRAGMA shrink_memory")  # it reads from the card again
        content = bytearray((folder / "cases.sqlite3").read_bytes())
        content[4096:] = random.Random(1).randbytes(len(content) - 4096)
        (folder / "cases.sqlite3").write_bytes(content)
        with pytest.raises(DatabaseDamaged):
            store.cases()
        assert store.spare.needed
        station = SimpleNamespace(hung=False)
        with pytest.raises(DatabaseDamaged):
            wait_until_stopped(Event(), station, 0.01, lambda: store.spare.needed)  # type: ignore[arg-type]
    with open_store(folder) as store:
        assert len(store.cases()) == 6


def test_a_pair_comes_back_with_its_visit_and_consent(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        store.spare.make_copy()
        visit = store.agree(Consent("I agree.", "en", photo_in_letter=True))
        wide = intake(1, visit=visit, view="overview", patient="AAAA-AA")
        close = store.accept(intake(2, visit=visit, overview=wide, patient="AAAA-AA"))
        agreed, overview = store.agreed(visit), store.overview(close)
        assert overview is not None
    damage(folder)
    with open_store(folder) as store:
        assert store.case(close.code) == close
        assert store.agreed(visit) == agreed
        assert store.overview(close) == overview
        assert np.array_equal(store.photo(overview), wide.pixels)


def test_who_may_see_and_who_is_staff_outlives_the_database(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        case, other = store.accept(intake(1)), store.accept(intake(2))
        lost, ended = store.link(case, 72), store.link(other, 72)
        store.pin.set("271828", "installer")
        store.spare.make_copy()
        store.pin.set("314159", "staff")
        store.revoke(ended.token)
        renewed = store.link(case, 72, by="staff")
        store.opened(renewed.token, "the first phone")
    with pin.opened(folder) as kept:  # as the command does, while the box runs
        kept.set("161803", "installer")
    damage(folder)
    with open_store(folder) as store:
        for token in (lost.token, ended.token):
            with pytest.raises(CaseUnknown):
                store.by_token(token)
        with pytest.raises(CaseUnknown):
            store.opened(renewed.token, "another phone")
        assert store.opened(renewed.token, "the first phone") == case
        assert store.pin.generation == 3
        assert store.pin.check("161803", "kiosk") == 3


def test_a_link_of_the_copy_stays_with_the_phone_that_opened_it_since(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        link = store.link(store.accept(intake(1)), 72)
        store.spare.make_copy()
        store.opened(link.token, "the first phone")
    damage(folder)
    with open_store(folder) as store, pytest.raises(CaseUnknown):
        store.opened(link.token, "another phone")


def test_a_journal_of_the_version_before_brings_its_links_back_and_ends_what_it_ended(
    folder: Path, intake: Make
) -> None:
    """Damage is found at the first start after an update: copy and journal are still those of before."""
    with Store(folder) as store:
        one, two = store.accept(intake(1)), store.accept(intake(2))
        store.spare.make_copy()
        works, ended = store.link(one, 72), store.link(two, 72)
        store.opened(works.token, "the first phone")
        store.revoke(ended.token)
    journal = folder / "copies" / "journal"
    lines = journal.read_text()
    for link in (works, ended):
        hashed = f'"hash": "{hash_of(link.token)}"'
        assert hashed in lines
        lines = lines.replace(hashed, f'"token": "{link.token}"')
    journal.write_text(lines)
    damage(folder)
    with open_store(folder) as store:
        assert store.opened(works.token, "the first phone") == one
        with pytest.raises(CaseUnknown):
            store.opened(works.token, "another phone")
        with pytest.raises(CaseUnknown):
            store.by_token(ended.token)


def test_a_copy_of_the_version_before_leaves_no_token_in_what_is_put_back(folder: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    for script in sorted(MIGRATIONS.glob("*.sql"))[:9]:
        shutil.copy(script, before)
    with Store(folder):
        pass
    tokens = [secrets.token_urlsafe(16) for _ in range(200)]
    with Database(tmp_path / "old.sqlite3", before) as old, old.transaction() as connection:
        columns = "code, source, site, consent, taken_at, clock, photo_id, sha256, simulated"
        values = "'AAAA-AA', 'file', 'back', 1, '', 'synced', 'p', 's', 0"
        connection.execute(f"INSERT INTO cases ({columns}) VALUES ({values})")  # noqa: S608  # our own words
        rows = [(token,) for token in tokens]
        connection.executemany("INSERT INTO links (token, case_number, expires_at) VALUES (?, 1, '')", rows)
    copies.copy_database(tmp_path / "old.sqlite3", folder / "copies" / "cases.sqlite3")
    damage(folder)
    with open_store(folder) as store:
        assert store.by_token(tokens[0]).code == "AAAA-AA"
    content = (folder / "cases.sqlite3").read_bytes()
    assert [token for token in tokens if token.encode() in content] == []


def test_the_first_pin_outlives_the_database(folder: Path) -> None:
    with Store(folder) as store:
        store.spare.make_copy()
        store.pin.set("314159", "staff")
    damage(folder)
    with open_store(folder) as store:
        assert store.pin.check("314159", "kiosk") == 1


def test_wrong_tries_and_audit_are_as_old_as_the_copy(folder: Path) -> None:
    """Not in the journal: docs/faults.md says so. The PIN itself is, and a wrong one stays wrong."""
    with Store(folder) as store:
        store.pin.set("314159", "staff")
        for _ in range(2):
            with pytest.raises(PinWrong):
                store.pin.check("000001", "network")
        store.spare.make_copy()
        with pytest.raises(PinWrong):
            store.pin.check("000001", "network")
    damage(folder)
    with open_store(folder):
        pass
    with closing(sqlite3.connect(folder / "cases.sqlite3")) as database:
        assert database.execute("SELECT failures FROM pin_failures WHERE place = 'network'").fetchone() == (2,)
        kept = database.execute("SELECT action FROM audit ORDER BY number").fetchall()
        assert kept == [("pin_set",), ("login_failed",), ("login_failed",), ("repair",)]


def test_a_deletion_removes_ended_links_from_the_journal(folder: Path, store: Store, intake: Make) -> None:
    case = store.accept(intake(1))
    ended = hash_of(store.link(case, 72).token)
    store.link(case, 72, by="staff")
    assert ended in (folder / "copies" / "journal").read_text()
    store.delete(case.code)
    assert not (folder / "copies" / "journal").exists()


def test_what_cannot_be_linked_is_counted_and_kept(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        gone = store.accept(intake(1))
        store.spare.make_copy()
        stray = store.accept(intake(2))
    (folder / "copies" / "journal").unlink()
    (folder / "photos" / f"{gone.photo_id}.webp").unlink()
    damage(folder)
    with open_store(folder) as store:
        repaired = store.ledger.repair()
        assert repaired is not None
        assert (repaired.regained, repaired.unlinked, repaired.missing) == (0, 1, 1)
        assert [case.code for case in store.cases()] == [gone.code]
    assert [path.name for path in (folder / "photos" / "orphaned").iterdir()] == [f"{stray.photo_id}.webp"]


@pytest.mark.parametrize("how", ["none", *DAMAGES])
def test_without_a_whole_copy_the_box_says_so_and_changes_nothing(folder: Path, intake: Make, how: str) -> None:
    with Store(folder) as store:
        store.accept(intake(1))
        store.spare.make_copy()
    copy = folder / "copies" / "cases.sqlite3"
    copy.unlink() if how == "none" else DAMAGES[how](copy)
    damage(folder, "spoilt")
    before = (folder / "cases.sqlite3").read_bytes()
    with pytest.raises(DatabaseDamaged):
        open_store(folder)
    assert (folder / "cases.sqlite3").read_bytes() == before


def test_a_repair_that_is_cut_anywhere_is_done_by_the_next_start(
    folder: Path, tmp_path: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(folder) as store:
        store.spare.make_copy()
        case = store.accept(intake(1))
    damage(folder)

    class Cut(BaseException):
        """The power is gone."""

    for step in ("_replay", "check", "_set_aside", "sync_folder"):
        for before in (True, False):
            broken = tmp_path / f"{step}-{before}"
            shutil.copytree(folder, broken)
            with monkeypatch.context() as patch:
                _cut_at(patch, step, before, Cut)
                with pytest.raises(Cut):
                    open_store(broken)
            with open_store(broken) as store:
                assert [each.code for each in store.cases()] == [case.code]


def _cut_at(patch: pytest.MonkeyPatch, step: str, before: bool, cut: type[BaseException]) -> None:
    real = getattr(repair, step)

    def cutting(*values: object) -> None:
        if not before:
            real(*values)
        raise cut

    patch.setattr(repair, step, cutting)


def test_a_deleted_case_is_in_no_copy_no_journal_and_no_damaged_database(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        case = store.accept(intake(1))
        other = store.accept(intake(2))
        store.spare.make_copy()
    damage(folder, "cut")
    with open_store(folder) as store:
        store.delete(case.code)
        content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert case.code.encode() not in content
        assert other.code.encode() in content
        assert store.spare.copy_is_missing()
        store.spare.make_copy()
    damage(folder)
    with open_store(folder) as store:
        assert [each.code for each in store.cases()] == [other.code]


def test_a_line_of_the_journal_that_a_cut_left_unfinished_is_passed_over(folder: Path) -> None:
    folder.mkdir()
    kept = Copies(folder)
    kept.note([("cases", {"number": 1})])
    with (folder / "journal").open("ab") as file:
        file.write(b'["cases", {"num')
    assert list(kept.noted()) == [("cases", {"number": 1})]
    kept.note([("cases", {"number": 2})])
    assert list(kept.noted()) == [("cases", {"number": 1}), ("cases", {"number": 2})]


def test_a_copy_is_whole_private_and_shortens_the_journal(folder: Path, store: Store, intake: Make) -> None:
    store.accept(intake(1))
    assert (folder / "copies" / "journal").stat().st_size
    store.spare.make_copy()
    copy = folder / "copies" / "cases.sqlite3"
    assert not (folder / "copies" / "journal").exists()
    assert {stat.S_IMODE(path.stat().st_mode) for path in copy.parent.iterdir()} == {0o600}
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == (1,)


def test_what_is_accepted_while_the_copy_is_made_stays_in_the_journal(
    folder: Path, store: Store, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.accept(intake(1))
    real = copies.copy_database

    def slow(database: Path, to: Path) -> None:
        real(database, to)
        store.accept(intake(2))

    monkeypatch.setattr(copies, "copy_database", slow)
    store.spare.make_copy()
    monkeypatch.undo()
    damage(folder)
    store.close()
    with open_store(folder) as again:
        assert len(again.cases()) == 2


def test_a_damaged_database_does_not_take_the_place_of_the_last_copy(folder: Path, store: Store, intake: Make) -> None:
    for seed in range(8):
        case = store.accept(intake(seed))
        store.answer(case, {"filler": "x" * 5000}, None)
    store.spare.make_copy()
    before = (folder / "copies" / "cases.sqlite3").read_bytes()
    store.close()
    spoil(folder / "cases.sqlite3")
    with pytest.raises(DatabaseDamaged):
        Copies(folder / "copies").make(folder / "cases.sqlite3")
    assert (folder / "copies" / "cases.sqlite3").read_bytes() == before


# --- when copies are made ---


@pytest.fixture
def now_s() -> list[float]:
    return [0.0]


@pytest.fixture
def keeper(store: Store, now_s: list[float]) -> Iterator[Keeper]:
    return Keeper(store.spare, lambda: now_s[0])


def test_a_copy_is_made_at_once_and_then_when_something_changed(
    folder: Path, store: Store, intake: Make, keeper: Keeper, now_s: list[float]
) -> None:
    made: list[int] = []

    def look() -> int:
        before = len(made)
        copy = folder / "copies" / "cases.sqlite3"
        inode = copy.stat().st_ino if copy.exists() else 0
        keeper.look()
        if copy.stat().st_ino != inode:
            made.append(1)
        return len(made) - before

    assert look() == 1
    now_s[0] += EVERY_S
    store.prove_writable()
    assert look() == 0  # a heartbeat is no change
    store.accept(intake(1))
    assert look() == 1
    store.accept(intake(2))
    assert look() == 0  # it has the journal for that
    now_s[0] += EVERY_S
    assert look() == 1
    store.delete(store.cases()[0].code)
    assert look() == 1  # at once: there is none


def test_a_journal_that_cannot_be_written_is_made_up_for_by_a_copy(
    folder: Path, store: Store, intake: Make, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.look()

    def full(*_: object) -> None:
        raise StoreFull

    with monkeypatch.context() as patch:
        patch.setattr(Copies, "note", full)
        case = store.accept(intake(1))
    assert store.spare.copy_is_missing()
    keeper.look()
    assert not store.spare.copy_is_missing()
    store.close()
    damage(folder)
    with open_store(folder) as again:
        assert again.case(case.code) == case
