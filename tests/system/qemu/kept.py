"""A machine as it stood once it had answered a photograph, to go on from as often as wanted.

An emulated processor needs many minutes for a start, and each cut would need one more before it.
"""

import copy
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import scenario
from machine import Machine, new_disk
from phones import Ledger, Promise


@dataclass(frozen=True)
class Kept:
    """The disk and the memory of one instant, and what the machine had promised until then."""

    disk: Path
    memory: Path
    pace: float
    visit_s: float
    """From a photograph until its answer."""
    promises: list[Promise]

    @contextmanager
    def resumed(self, name: str) -> Iterator[tuple[Machine, Ledger]]:
        """The machine, going on with a disk of its own, and what it has promised."""
        disk = new_disk(self.disk, self.disk.with_name(f"{name}-Machine.qcow2"))
        with Machine(self.disk.parent, disk, self.memory) as machine:
            machine.boot()
            machine.pace = self.pace
            yield machine, Ledger(copy.deepcopy(self.promises))


def keep(folder: Path, installed: Path, say: Callable[[str], object]) -> Kept:
    """Of the disk ``installed``; made once, and anew where that disk is newer."""
    disk, memory, words = (folder / f"kept.{kind}" for kind in ("qcow2", "memory", "json"))
    if not words.exists() or words.stat().st_mtime < installed.stat().st_mtime:
        words.unlink(missing_ok=True)
        words.write_text(json.dumps(_start(folder, installed, disk, memory, say)))
    read = json.loads(words.read_text())
    return Kept(disk, memory, read["pace"], read["visit_s"], [Promise(**each) for each in read["promises"]])


def _start(folder: Path, installed: Path, disk: Path, memory: Path, say: Callable[[str], object]) -> dict[str, object]:
    ledger = Ledger()
    with Machine(folder, new_disk(installed, disk)) as box:
        say(f"up after {box.boot():.0f} s ({box.accelerator}), well after {scenario.wait_well(box):.0f} s")
        began = time.monotonic()
        scenario.a_photograph_is_answered_through_the_phones_port(box, ledger)
        visit_s = time.monotonic() - began
        say(f"a photograph was answered after {visit_s:.0f} s")
        box.keep(memory)
        return {"pace": box.pace, "visit_s": visit_s, "promises": [asdict(promise) for promise in ledger.promises]}
