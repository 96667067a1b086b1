"""A small kiosk without pages, to be killed: ``crash_child.py run|poison|hold FOLDER [SEED]``; see test_crashes.py."""

import hashlib
import itertools
import os
import sys
from pathlib import Path
from threading import Event

import numpy as np

from appliance.cases.photos import Pixels
from appliance.cases.store import Case, ClassMaps, Document, Intake, Store
from appliance.cases.worker import Worker


def say(*words: object) -> None:
    """One write, so that a line comes whole or not at all."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def photograph(seed: int) -> Intake:
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Intake(pixels, digest, "phone_camera", "forearm", True, None, True, f"sender {seed}")


class Telling(Store):
    """Says each answer that it took."""

    def answer(self, case: Case, document: Document, class_maps: ClassMaps | None) -> bool:
        taken = super().answer(case, document, class_maps)
        if taken:
            say("ANSWERED", case.code)
        return taken


def answer(case: Case, pixels: Pixels) -> tuple[Document, ClassMaps]:
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return {"case": case.code, "digest": digest}, np.zeros((8, 8, 8), np.float32)


def give_up(case: Case, error: Exception) -> Document:
    return {"case": case.code, "gave_up": type(error).__name__}


def run(store: Store, first: int) -> None:
    """Accept for ever; delete every fifth."""
    worker = Worker(store, answer, give_up)
    worker.start()
    try:
        say("READY")
        for seed in itertools.count(first):
            case = store.accept(photograph(seed))
            say("ACCEPTED", case.code, seed)
            worker.wake()
            if seed % 5 == 4:
                say("DELETING", case.code)
                store.delete(case.code)
                say("DELETED", case.code)
    finally:
        worker.stop(10)


def poison(store: Store) -> None:
    """Answer, with a network that takes the process with it."""
    say("READY")
    Worker(store, lambda *_: os._exit(9), give_up).start()
    Event().wait(60)


def hold(store: Store) -> None:
    """Have the folder open until told otherwise."""
    say("READY", *(case.code for case in store.cases()))
    sys.stdin.read()


def main(mode: str, folder: str, seed: str = "0") -> None:
    say("OPENING")
    with Telling(Path(folder)) as store:
        {"run": lambda: run(store, int(seed)), "poison": lambda: poison(store), "hold": lambda: hold(store)}[mode]()


if __name__ == "__main__":
    main(*sys.argv[1:])
