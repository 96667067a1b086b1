import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from appliance.cases import clock
from appliance.cases.links import hash_of
from appliance.cases.store import Case, Intake, Store
from appliance.errors import (
    CaseUnknown,
    CodeMisread,
    DatabaseDamaged,
    DatabaseTooNew,
    KeyReused,
    PhotoLost,
    QueueFull,
    StoreError,
    StoreInUse,
)
from appliance.messages import LANGUAGES, remedy, sentence

Make = Callable[..., Intake]
CHILD = Path(__file__).with_name("crash_child.py")


def photos(folder: Path) -> set[str]:
    return {path.name for path in (folder / "photos").iterdir()}


def test_what_was_accepted_is_there_after_a_restart(folder: Path, intake: Make) -> None:
    asked = intake(7, capture={"exposure_us": 8000.0}, simulated=True, source="kiosk", site="left hand")
    with Store(folder) as store:
        accepted = store.accept(asked)
    with Store(folder) as store:
        case = store.case(accepted.code)
        assert case == accepted == store.cases()[0]
        assert np.array_equal(store.photo(case), asked.pixels)
        assert (case.state, case.attempts, case.source, case.site) == ("queued", 0, "kiosk", "left hand")
        assert (case.capture, case.simulated, case.sha256) == (asked.capture, True, asked.sha256)


@pytest.mark.parametrize("shape", [(1, 1), (128, 300), (2048, 1536)])
def test_pixels_are_exactly_those_accepted(store: Store, intake: Make, shape: tuple[int, int]) -> None:
    gradient = np.linspace(0, 255, shape[0] * shape[1] * 3).astype(np.uint8).reshape(*shape, 3)
    assert np.array_equal(store.photo(store.accept(replace(intake(), pixels=gradient))), gradient)


def test_everything_is_private(folder: Path, store: Store, intake: Make) -> None:
    store.accept(intake())
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert {"cases.sqlite3-wal", "cases.sqlite3-shm"} <= {path.name for path in folder.iterdir()}


def test_a_case_is_found_by_what_people_type(store: Store, intake: Make) -> None:
    case = store.accept(intake())
    assert store.case(case.code.lower().replace("-", "")) == case


def test_a_misread_code_is_told_from_an_unknown_one(store: Store, intake: Make) -> None:
    case = store.accept(intake())
    wrong = ("3" if case.code[0] == "2" else "2") + case.code[1:]
    with pytest.raises(CodeMisread):
        store.case(wrong)
    store.delete(case.code)
    with pytest.raises(CaseUnknown) as unknown:
        store.case(case.code)
    assert unknown.type is CaseUnknown


def test_the_counter_orders_cases_and_is_never_used_twice(store: Store, intake: Make) -> None:
    first, second, third = (store.accept(intake(seed)) for seed in range(3))
    assert store.cases() == [third, second, first]
    store.delete(third.code)
    assert store.accept(intake(3)).number > third.number


def test_the_time_is_verified_only_where_the_system_says_so(
    folder: Path, tmp_path: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "synchronized"
    monkeypatch.setattr(clock, "SYNCHRONISED", (marker,))
    with Store(folder) as store:
        assert store.accept(intake()).clock == "unverified"
        marker.touch()
        case = store.accept(intake())
    assert case.clock == "synced"
    assert datetime.fromisoformat(case.taken_at).utcoffset() == timedelta(0)


# --- sent again ---


def test_the_same_photo_with_the_same_key_is_one_case(folder: Path, store: Store, intake: Make) -> None:
    case = store.accept(intake(idempotency_key="k"))
    assert store.accept(intake(idempotency_key="k")) == case
    assert len(photos(folder)) == len(store.cases()) == 1


def test_another_photo_with_the_same_key_is_refused(folder: Path, store: Store, intake: Make) -> None:
    store.accept(intake(1, idempotency_key="k"))
    with pytest.raises(KeyReused):
        store.accept(intake(2, idempotency_key="k"))
    assert len(photos(folder)) == len(store.cases()) == 1


def test_without_a_key_each_photo_is_a_case(store: Store, intake: Make) -> None:
    assert store.accept(intake()).code != store.accept(intake()).code


def test_from_many_threads_at_once_it_is_still_one_case(folder: Path, store: Store, intake: Make) -> None:
    asked = intake(idempotency_key="k", side=300)
    with ThreadPoolExecutor(16) as pool:
        cases = list(pool.map(store.accept, [asked] * 32))
    assert len(set(map(repr, cases))) == 1
    assert photos(folder) == {f"{cases[0].photo_id}.webp"}


def test_many_threads_with_many_photos_lose_none(store: Store, intake: Make) -> None:
    asked = [intake(seed, idempotency_key=str(seed)) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        cases = list(pool.map(store.accept, asked))
    assert store.cases() == sorted(cases, key=lambda case: -case.number)
    for case, wanted in zip(cases, asked, strict=True):
        assert np.array_equal(store.photo(case), wanted.pixels)


def test_however_many_come_at_once_the_queue_is_never_longer_than_its_limit(
    folder: Path, store: Store, intake: Make
) -> None:
    at_once = Barrier(16)

    def send(number: int) -> bool:
        asked = intake(number, idempotency_key=str(number), side=300)
        at_once.wait(60)
        try:
            store.accept(asked, most_waiting=3)
        except QueueFull:
            return False
        return True

    with ThreadPoolExecutor(16) as phones:
        assert sum(phones.map(send, range(16))) == 3
    assert store.waiting() == 3
    assert photos(folder) == {f"{each.photo_id}.webp" for each in store.cases()}


def test_a_repeat_finds_its_case_though_the_queue_is_full(store: Store, intake: Make) -> None:
    asked = intake(idempotency_key="k")
    case = store.accept(asked, most_waiting=1)
    with pytest.raises(QueueFull):
        store.accept(intake(1), most_waiting=1)
    assert store.accept(asked, most_waiting=1) == case


def test_a_case_that_cannot_be_written_leaves_no_photo(folder: Path, store: Store, intake: Make) -> None:
    for bad in ({"source": "fax"}, {"capture": {"pixels": object()}}):
        with pytest.raises((StoreError, TypeError)):
            store.accept(intake(**bad))
    assert photos(folder) == set()
    assert store.cases() == []


def test_a_photo_whose_name_may_not_be_on_the_disk_is_not_kept(
    folder: Path, store: Store, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise OSError(5, "the card does not answer")

    with monkeypatch.context() as patch:
        patch.setattr("appliance.files.sync_folder", broken)
        with pytest.raises(StoreError):
            store.accept(intake())
    assert photos(folder) == set()
    assert store.cases() == []


# --- queue and answer ---


def test_the_queue_is_first_come_first_served(store: Store, intake: Make) -> None:
    first, second = store.accept(intake(1)), store.accept(intake(2))
    assert (store.next_queued(), store.waiting(), store.position(first), store.position(second)) == (first, 2, 1, 2)
    store.answer(first, {}, None)
    assert (store.next_queued(), store.waiting(), store.position(first), store.position(second)) == (second, 1, 0, 1)
    store.delete(second.code)
    assert (store.next_queued(), store.waiting(), store.position(second)) == (None, 0, 0)


def test_attempts_are_counted_across_restarts(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        case = store.begin(store.accept(intake()))
    with Store(folder) as store:
        assert (case.attempts, store.begin(case).attempts, store.case(case.code).attempts) == (1, 2, 2)


def test_an_answer_is_kept_as_it_is(folder: Path, intake: Make) -> None:
    document = {"outcome": "findings", "class": "银屑病", "p": 0.1 + 0.2, "none": None}
    maps = np.random.default_rng(1).normal(size=(8, 8, 8)).astype(np.float32)
    with Store(folder) as store:
        case = store.accept(intake())
        assert (store.document(case), store.class_maps(case)) == (None, None)
        assert store.answer(case, document, maps)
    with Store(folder) as store:
        assert store.document(case) == document
        kept = store.class_maps(case)
        assert kept is not None
        assert kept.dtype == np.float32
        assert np.array_equal(kept, maps)
        assert store.case(case.code).state == "done"


def test_an_answer_without_maps(store: Store, intake: Make) -> None:
    case = store.accept(intake())
    store.answer(case, {"outcome": "cannot_assess"}, None)
    assert store.class_maps(case) is None


def test_only_the_first_answer_counts(store: Store, intake: Make) -> None:
    case = store.accept(intake())
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda number: store.answer(case, {"by": number}, None), range(16)))
    assert taken.count(True) == 1
    assert store.document(case) == {"by": taken.index(True)}


def test_a_document_that_is_no_json_is_not_stored(store: Store, intake: Make) -> None:
    case = store.accept(intake())
    with pytest.raises(ValueError, match="JSON"):
        store.answer(case, {"p": float("nan")}, None)
    assert store.case(case.code).state == "queued"


def test_a_damaged_photo_is_told_from_a_deleted_one(folder: Path, store: Store, intake: Make) -> None:
    case = store.accept(intake())
    path = folder / "photos" / f"{case.photo_id}.webp"
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"\xff\xd8" + whole):
        path.write_bytes(damaged)
        with pytest.raises(PhotoLost):
            store.photo(case)
    store.delete(case.code)
    with pytest.raises(CaseUnknown):
        store.photo(case)


def test_a_photo_the_disk_does_not_give_this_time_is_not_lost(
    store: Store, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Path) -> bytes:
        raise OSError(5, "the card does not answer")

    case = store.accept(intake())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", broken)
        with pytest.raises(StoreError) as fault:
            store.photo(case)
    assert fault.type is StoreError
    assert np.array_equal(store.photo(case), intake().pixels)


def test_a_retracted_attempt_does_not_count(store: Store, intake: Make) -> None:
    case = store.begin(store.accept(intake()))
    store.retract(case)
    assert store.case(case.code).attempts == 0


# --- links ---


def test_a_case_has_one_link_at_a_time(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        lost = store.link(store.accept(intake(idempotency_key="k")), 72)
    with Store(folder) as store:  # an upload that is repeated: nobody heard of the first
        case = store.accept(intake(idempotency_key="k"))
        assert store.by_token(lost.token) == case
        heard = store.link(case, 72)
        assert store.by_token(heard.token) == case
        with pytest.raises(CaseUnknown):
            store.by_token(lost.token)
        assert not [entry for entry in store.audit.entries() if entry.action == "revoke"]


def test_who_reads_the_files_learns_no_token(folder: Path, store: Store, intake: Make) -> None:
    link = store.link(store.accept(intake()), 72)
    store.opened(link.token, "a phone")
    store.spare.make_copy()
    renewed = store.link(store.cases()[0], 72)
    store.revoke(renewed.token)
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for each in (link, renewed):
        assert hash_of(each.token).encode() in content
        assert each.token.encode() not in content


def test_unknown_revoked_and_deleted_links_are_alike(store: Store, intake: Make) -> None:
    revoked, deleted = store.accept(intake(1)), store.accept(intake(2))
    tokens = [store.link(revoked, 72).token, store.link(deleted, 72).token, "never there", ""]
    store.revoke(tokens[0])
    store.delete(deleted.code)
    store.revoke("never there")
    said = set()
    for token in tokens:
        with pytest.raises(CaseUnknown) as unknown:
            store.by_token(token)
        said.add((unknown.type, str(unknown.value)))
    assert len(said) == 1
    assert store.link(revoked, 72).token != tokens[0]


def test_a_deleted_case_gets_no_link_and_no_attempt(store: Store, intake: Make) -> None:
    case = store.accept(intake())
    store.delete(case.code)
    with pytest.raises(CaseUnknown):
        store.link(case, 72)
    with pytest.raises(CaseUnknown):
        store.begin(case)
    assert not store.answer(case, {}, None)


def test_tokens_have_128_bits_and_differ(store: Store, intake: Make) -> None:
    tokens = {store.link(store.accept(intake()), 72).token for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) * 6 >= 128


# --- opening ---


@pytest.mark.parametrize("lost", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_photos_are_kept_when_their_database_is_lost(
    folder: Path, intake: Make, lost: Callable[[Path], object]
) -> None:
    with Store(folder) as store:
        store.accept(intake())
    kept = photos(folder)
    lost(folder / "cases.sqlite3")
    for _ in range(2):
        with pytest.raises(DatabaseDamaged):
            Store(folder)
    assert photos(folder) == kept


def test_a_newer_database_costs_no_photo(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        store.accept(intake())
    kept = photos(folder)
    with closing(sqlite3.connect(folder / "cases.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(DatabaseTooNew):
        Store(folder)
    assert photos(folder) == kept


def test_a_folder_has_one_store_at_a_time_in_one_program_too(folder: Path, store: Store) -> None:
    with pytest.raises(StoreInUse):
        Store(folder)
    store.close()
    Store(folder).close()


def test_a_folder_has_one_program_at_a_time(folder: Path) -> None:
    command = [sys.executable, str(CHILD), "hold", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(2)] == ["OPENING\n", "READY\n"]
        with pytest.raises(StoreInUse):
            Store(folder)
        child.send_signal(signal.SIGKILL)
    with Store(folder) as store:
        assert store.cases() == []


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        Store(tmp_path / "file" / "state")


def test_closing_releases_every_file(folder: Path, intake: Make) -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208  # descriptors, not paths
    store = Store(folder)
    store.photo(store.accept(intake()))
    store.close()
    store.close()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  # descriptors, not paths


def test_cases_are_plain_data(store: Store, intake: Make) -> None:
    case = store.accept(intake())
    assert Case(**json.loads(json.dumps(vars(case)))) == case


def kinds(error: type[StoreError]) -> list[type[StoreError]]:
    return [error, *(leaf for child in error.__subclasses__() for leaf in kinds(child))]


@pytest.mark.parametrize("error", kinds(StoreError))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_a_sentence_and_a_remedy(language: str, error: type[StoreError]) -> None:
    assert sentence(language, error())  # type: ignore[arg-type]
    assert remedy(language, error())  # type: ignore[arg-type]
