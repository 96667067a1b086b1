"""Power cuts, as far as a machine that stays on can make them: processes killed at random instants."""

import hashlib
import random
import runpy
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
from PIL import Image

from appliance.cases.photos import Pixels
from appliance.cases.store import Case, Document, Intake, Store
from appliance.cases.worker import MAX_ATTEMPTS, Worker

CHILD = Path(__file__).with_name("crash_child.py")
KILLS = 20
SEEDS_PER_RUN = 10_000
LONG_S = 60.0

Make = Callable[..., Intake]
Said = list[list[str]]


def said_until_killed(folder: Path, first_seed: int, after_s: float) -> Said:
    """Run the child and kill it ``after_s`` after it began to open the store."""
    command = [sys.executable, str(CHILD), "run", str(folder), str(first_seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        killer = Timer(after_s, child.send_signal, [signal.SIGKILL])
        killer.start()
        lines = [first, *child.stdout]
        killer.join()
    assert child.returncode == -signal.SIGKILL
    return [line.split() for line in lines if line.endswith("\n")]


def codes(said: Said, word: str) -> list[str]:
    return [line[1] for line in said if line[0] == word]


def answer(case: Case, pixels: Pixels) -> tuple[Document, None]:
    return {"case": case.code, "digest": hashlib.sha256(pixels.tobytes()).hexdigest()}, None


def finish(store: Store, answer: Callable[[Case, Pixels], tuple[Document, None]]) -> None:
    """Let a worker answer what waits."""
    worker = Worker(store, answer, lambda case, error: {"case": case.code, "gave_up": type(error).__name__})
    worker.start()
    for _ in range(int(LONG_S * 100)):
        if not store.waiting():
            break
        time.sleep(0.01)
    assert worker.stop(LONG_S)
    assert store.waiting() == 0


def test_nothing_acknowledged_is_lost_wherever_the_process_is_killed(folder: Path) -> None:
    photograph = runpy.run_path(str(CHILD))["photograph"]
    chance = random.Random(20250101)
    said: Said = []
    number = 0
    while (
        number < KILLS or len(codes(said, "ACCEPTED")) <= KILLS or not codes(said, "DELETED")
    ):  # a slow machine kills more
        said += said_until_killed(folder, number * SEEDS_PER_RUN, chance.uniform(0, chance.choice([0.03, 0.6])))
        number += 1

    given_up: list[Any] = []
    accepted = {line[1]: int(line[2]) for line in said if line[0] == "ACCEPTED"}
    deleted, deleting = set(codes(said, "DELETED")), set(codes(said, "DELETING"))

    with Store(folder) as store:
        finish(store, answer)
        cases = {case.code: case for case in store.cases()}
        assert set(accepted) - deleting <= set(cases)
        assert not deleted & set(cases)
        for code in set(accepted) & set(cases):
            pixels = photograph(accepted[code]).pixels
            assert np.array_equal(store.photo(cases[code]), pixels)
            answered = {"case": code, "digest": hashlib.sha256(pixels.tobytes()).hexdigest()}
            if store.document(cases[code]) != answered:
                given_up.append(store.document(cases[code]))
        # Three kills may by chance fall on one and the same photograph: then it was given up, as if it were the cause.
        assert all(document is not None and document["gave_up"] == "ProcessingStopped" for document in given_up)
        assert len(given_up) * MAX_ATTEMPTS <= number
        for case in cases.values():  # a photo may have been accepted without anybody being told
            assert store.document(case) is not None
        assert {path.stem for path in (folder / "photos").glob("*.webp")} == {each.photo_id for each in cases.values()}
        nobody_was_told = {path.stem for path in (folder / "photos" / "orphaned").glob("*")}
        assert len(nobody_was_told) <= number  # one thread accepts: a kill cuts one acceptance at most
        gone = [photograph(accepted[code]).pixels.tobytes() for code in deleted]
        for path in (folder / "photos").rglob("*.webp"):
            with Image.open(path) as image:
                assert np.asarray(image).tobytes() not in gone

    assert max(Counter(codes(said, "ANSWERED")).values()) == 1
    with closing(sqlite3.connect(folder / "cases.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM deletions WHERE erased = 0").fetchone() == (0,)


def test_a_photo_that_kills_the_process_gets_one_answer_after_three_starts(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        deadly = store.accept(intake(1))
        harmless = store.accept(intake(2))
    for _ in range(MAX_ATTEMPTS):
        ended = subprocess.run([sys.executable, CHILD, "poison", folder], capture_output=True, timeout=LONG_S)
        assert (ended.returncode, ended.stdout) == (9, b"OPENING\nREADY\n")
    with Store(folder) as store:
        assert store.case(deadly.code).attempts == MAX_ATTEMPTS
        tried: list[str] = []

        def noted(case: Case, pixels: Pixels) -> tuple[Document, None]:
            tried.append(case.code)
            return {"case": case.code}, None

        finish(store, noted)
        assert tried == [harmless.code]
        assert store.document(deadly) == {"case": deadly.code, "gave_up": "ProcessingStopped"}
        assert store.document(harmless) == {"case": harmless.code}
