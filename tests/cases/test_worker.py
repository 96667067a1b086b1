import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.cases import worker as module
from appliance.cases.photos import Pixels
from appliance.cases.store import Case, ClassMaps, Document, Intake, Store
from appliance.cases.worker import MAX_ATTEMPTS, PATIENCE, Worker
from appliance.errors import PhotoLost, StoreError, StoreFull

Make = Callable[..., Intake]
LONG_S = 60.0


class Watched(Store):
    """A store one can wait for: ``settled`` is set while no photograph waits."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.settled = threading.Event()
        self.answers: list[str] = []

    def next_queued(self) -> Case | None:
        case = super().next_queued()
        if case is None:
            self.settled.set()
        return case

    def answer(self, case: Case, document: Document, class_maps: ClassMaps | None) -> bool:
        taken = super().answer(case, document, class_maps)
        self.answers += [case.code] * taken
        return taken


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.01)


@pytest.fixture
def watched(folder: Path) -> Watched:
    return Watched(folder)


def plain(case: Case, pixels: Pixels) -> tuple[Document, None]:
    return {"case": case.code, "sum": int(pixels.sum())}, None


def sorry(case: Case, error: Exception) -> Document:
    return {"case": case.code, "gave_up": type(error).__name__}


@contextmanager
def running(worker: Worker) -> Iterator[None]:
    """Stopped even where the test fails: the thread gives up for nothing else."""
    worker.start()
    try:
        yield
    finally:
        stopped = worker.stop(LONG_S)
    assert stopped


def run_until_settled(store: Watched, answer: Callable[[Case, Pixels], tuple[Document, ClassMaps | None]]) -> None:
    with running(Worker(store, answer, sorry)):
        assert store.settled.wait(LONG_S)


def test_photos_are_answered_in_the_order_they_came(watched: Watched, intake: Make) -> None:
    with watched as store:
        cases = [store.accept(intake(seed)) for seed in range(5)]
        run_until_settled(store, plain)
        assert store.answers == [case.code for case in cases]
        for seed, case in enumerate(cases):
            assert store.document(case) == {"case": case.code, "sum": int(intake(seed).pixels.sum())}


def test_a_photo_that_comes_while_it_waits_wakes_it(
    watched: Watched, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", LONG_S)
    with watched as store:
        worker = Worker(store, plain, sorry)
        with running(worker):
            assert store.settled.wait(LONG_S)
            store.settled.clear()
            case = store.accept(intake())
            worker.wake()
            assert store.settled.wait(LONG_S / 2)
            assert store.case(case.code).state == "done"


def test_a_fault_that_passes_costs_nothing_but_an_attempt(watched: Watched, intake: Make) -> None:
    def twice_broken(case: Case, pixels: Pixels) -> tuple[Document, None]:
        if case.attempts < 3:
            raise MemoryError
        return plain(case, pixels)

    with watched as store:
        case = store.accept(intake())
        run_until_settled(store, twice_broken)
        assert "sum" in (store.document(case) or {})


def test_a_photo_that_always_fails_gets_one_answer_and_the_others_theirs(watched: Watched, intake: Make) -> None:
    tries: list[str] = []
    with watched as store:
        bad, good = store.accept(intake(1)), store.accept(intake(2))

        def answer(case: Case, pixels: Pixels) -> tuple[Document, None]:
            tries.append(case.code)
            if case.code == bad.code:
                raise ZeroDivisionError
            return plain(case, pixels)

        run_until_settled(store, answer)
        assert store.document(bad) == {"case": bad.code, "gave_up": "ZeroDivisionError"}
        assert "sum" in (store.document(good) or {})
        assert tries == [bad.code] * 3 + [good.code]
        assert store.answers == [bad.code, good.code]


def test_a_photo_whose_file_is_lost_gets_an_answer(folder: Path, watched: Watched, intake: Make) -> None:
    with watched as store:
        case = store.accept(intake())
        (folder / "photos" / f"{case.photo_id}.webp").unlink()
        run_until_settled(store, plain)
        assert store.document(case) == {"case": case.code, "gave_up": PhotoLost.__name__}


def test_faults_of_the_storage_cost_an_intact_photo_no_attempt(
    watched: Watched, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([StoreError("the card does not answer")] * (2 * MAX_ATTEMPTS))

    def broken_for_a_while(case: Case) -> Pixels:
        for fault in faults:
            raise fault
        return Watched.photo(watched, case)

    with watched as store:
        case = store.accept(intake())
        monkeypatch.setattr(store, "photo", broken_for_a_while)
        run_until_settled(store, plain)
        assert "sum" in (store.document(case) or {})
        assert store.case(case.code).attempts == 1


def test_a_last_attempt_that_the_storage_ended_is_made_again(
    watched: Watched, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([StoreError("the card does not answer")])

    def broken_once(case: Case) -> Pixels:
        for fault in faults:
            raise fault
        return Watched.photo(watched, case)

    with watched as store:
        case = store.accept(intake())
        for _ in range(MAX_ATTEMPTS - 1):
            store.begin(case)
        monkeypatch.setattr(store, "photo", broken_once)
        run_until_settled(store, plain)
        assert "sum" in (store.document(case) or {})


def test_a_photo_that_can_never_be_read_does_not_hold_up_the_others_for_ever(
    watched: Watched, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_AT_MOST_S", 0.01)
    tries: list[str] = []
    with watched as store:
        bad, good = store.accept(intake(1)), store.accept(intake(2))

        def photo(case: Case) -> Pixels:
            tries.append(case.code)
            if case.code == bad.code:
                raise StoreError("a bad spot on the card")
            return Watched.photo(watched, case)

        monkeypatch.setattr(store, "photo", photo)
        run_until_settled(store, plain)
        assert store.document(bad) == {"case": bad.code, "gave_up": "StoreError"}
        assert "sum" in (store.document(good) or {})
        assert tries == [bad.code] * (PATIENCE + MAX_ATTEMPTS) + [good.code]


def test_pauses_grow_with_the_faults_up_to_a_limit(
    watched: Watched, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 1.0)
    pauses: list[float] = []
    with watched as store:
        worker = Worker(store, plain, sorry)
        monkeypatch.setattr(worker._stopping, "wait", lambda pause_s: pauses.append(pause_s) or len(pauses) % 8 == 0)
        monkeypatch.setattr(store, "answer", lambda *_: (_ for _ in ()).throw(StoreFull()))
        case = store.accept(intake())
        worker._settle(case, {}, None)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_document_that_cannot_be_stored_counts_as_a_failure(watched: Watched, intake: Make) -> None:
    with watched as store:
        case = store.accept(intake())
        run_until_settled(store, lambda *_: ({"p": math.nan}, None))
        assert store.document(case) == {"case": case.code, "gave_up": "ProcessingStopped"}


def test_a_case_deleted_in_the_middle_of_its_turn_is_let_go(watched: Watched, intake: Make) -> None:
    with watched as store:
        bad, good = store.accept(intake(1)), store.accept(intake(2))

        def answer(case: Case, pixels: Pixels) -> tuple[Document, None]:
            if case.code == bad.code:
                store.delete(bad.code)
            return plain(case, pixels)

        run_until_settled(store, answer)
        assert [case.code for case in store.cases()] == store.answers == [good.code]


def test_a_finished_answer_outlasts_a_full_disk(
    watched: Watched, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    refusals = iter([StoreFull(), StoreFull(), StoreFull(), StoreFull()])

    def answer(case: Case, pixels: Pixels) -> tuple[Document, None]:
        made.append(case.code)
        return plain(case, pixels)

    def full_for_a_while(case: Case, document: Document, class_maps: ClassMaps | None) -> bool:
        for refusal in refusals:
            raise refusal
        return Watched.answer(watched, case, document, class_maps)

    with watched as store:
        case = store.accept(intake())
        monkeypatch.setattr(store, "answer", full_for_a_while)
        run_until_settled(store, answer)
        assert made == [case.code]
        assert "sum" in (store.document(case) or {})


def test_stopping_finishes_the_photo_in_hand_and_leaves_the_rest(watched: Watched, intake: Make) -> None:
    in_hand, go_on = threading.Event(), threading.Event()

    def slow(case: Case, pixels: Pixels) -> tuple[Document, None]:
        in_hand.set()
        go_on.wait(LONG_S)
        return plain(case, pixels)

    with watched as store:
        first, second = store.accept(intake(1)), store.accept(intake(2))
        worker = Worker(store, slow, sorry)
        worker.start()
        assert in_hand.wait(LONG_S)
        assert not worker.stop(0.01)
        go_on.set()
        assert worker.stop(LONG_S)
        assert (store.case(first.code).state, store.case(second.code).state) == ("done", "queued")
        run_until_settled(store, plain)
        assert store.answers == [first.code, second.code]


def test_the_heartbeat_is_unknown_before_the_start_and_known_after(watched: Watched) -> None:
    with watched as store:
        worker = Worker(store, plain, sorry)
        assert worker.heartbeat_age_s() == math.inf
        with running(worker):
            assert store.settled.wait(LONG_S)
            assert 0 <= worker.heartbeat_age_s() < LONG_S


@pytest.mark.parametrize("method", ["next_queued", "begin", "photo", "answer"])
def test_the_heart_beats_for_success_alone(
    watched: Watched, intake: Make, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Time stands still but for the test; nothing can be stored or read, and then it can."""
    time_s = 0.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time_s))
    monkeypatch.setattr(module, "PAUSE_AT_MOST_S", 0.01)
    failed, healed = threading.Event(), threading.Event()
    faults: list[str] = []

    def broken(*arguments: object) -> object:
        if healed.is_set():
            return getattr(Watched, method)(watched, *arguments)
        faults.append(method)
        if len(faults) == 5:
            failed.set()
        raise StoreError("the card is read-only")

    with watched as store:
        store.accept(intake())
        monkeypatch.setattr(store, method, broken)
        worker = Worker(store, plain, sorry)
        with running(worker):
            time_s = 100.0
            assert failed.wait(LONG_S)
            assert worker.heartbeat_age_s() == 100.0
            healed.set()
            assert store.settled.wait(LONG_S)
    assert worker.heartbeat_age_s() == 0.0
