"""The staff's PIN: how it is kept, and what happens to whoever guesses.

A wrong PIN costs a wait that doubles each time, measured on the clock that only goes forward: the box may not know
what time it is. The count is on the disk. A restart forgets none of it, and the wait begins anew.

From the network it ends after :data:`LOCK` wrong ones: then the right PIN at the kiosk opens it again. At the kiosk it
never ends, but each try costs minutes: whoever is kept out there has no other place to go.
"""

import hashlib
import hmac
import itertools
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, Literal

from appliance.cases import audit, clock, layout
from appliance.cases.audit import Actor
from appliance.cases.clock import Moment
from appliance.cases.database import Database
from appliance.cases.faults import storage_faults
from appliance.cases.spare import Spare
from appliance.files import private_folder
from appliance.request_errors import PinLocked, PinUnset, PinWait, PinWeak, PinWrong

Place = Literal["kiosk", "network"]
PLACES: Final[tuple[Place, ...]] = ("kiosk", "network")
SHORTEST: Final = 6
LONGEST: Final = 12
FREE: Final = 3
"""So many wrong ones cost no wait."""
LOCK: Final = 10
LONGEST_WAIT_S: Final = 300.0
COST, BLOCK_SIZE, PARALLEL = 2**14, 8, 5
"""scrypt's n, r, p: 16 MiB, which a Pi with 1 GB can spare, and as much work as n = 2^17, p = 1."""
MEMORY: Final = 2**26
SALT_BYTES: Final = 16


def wait_s(failures: int) -> float:
    """How long after so many wrong PINs in a row the next may be tried: nothing, then 1, 2, 4 … 300 seconds."""
    return 0.0 if failures < FREE else min(2.0 ** (failures - FREE), LONGEST_WAIT_S)


def check_strength(pin: str) -> None:
    """Six to twelve digits, not all the same and not 123456. Raises :class:`PinWeak`."""
    if not re.fullmatch(f"[0-9]{{{SHORTEST},{LONGEST}}}", pin):
        raise PinWeak("not six to twelve digits")
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        raise PinWeak("all the same, or a row of digits")


class StaffPin:
    """The PIN of one database. Thread-safe. Methods raise :class:`appliance.errors.StoreError` where that fails."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], Moment] = clock.now,
        ticks: Callable[[], float] = time.monotonic,
        note: Callable[[], None] = lambda: None,
    ) -> None:
        """``note`` is called when a PIN was set: it must outlive a damaged database, else anybody may set the first."""
        self._database, self._note = database, note
        self._now = now
        self._ticks = ticks
        self._hashing = Lock()  # one at a time: each takes 16 MiB and a core
        self._failed_s = dict.fromkeys(PLACES, ticks())

    @property
    def generation(self) -> int:
        """How often it was set; 0: never, and then nobody is staff."""
        rows = self._database.rows("SELECT generation FROM staff_pin")
        return int(rows[0][0]) if rows else 0

    def set(self, pin: str, actor: Actor) -> None:
        """Make ``pin`` the PIN, forget all wrong tries, end all sessions. Raises :class:`PinWeak`."""
        check_strength(pin)
        salt = secrets.token_bytes(SALT_BYTES)
        digest = self._hash(pin, salt, COST, BLOCK_SIZE, PARALLEL)
        with self._database.transaction() as connection:
            generation = connection.execute("SELECT coalesce(max(generation), 0) + 1 FROM staff_pin").fetchone()[0]
            values = (generation, salt, digest, COST, BLOCK_SIZE, PARALLEL)
            connection.execute("INSERT OR REPLACE INTO staff_pin VALUES (1, ?, ?, ?, ?, ?, ?)", values)
            connection.execute("UPDATE pin_failures SET failures = 0")
            audit.append(connection, self._now(), actor, "pin_set")
        self._note()

    def check(self, pin: str, place: Place) -> int:
        """The generation of the PIN, where ``pin`` is it; logged either way.

        Raises :class:`PinUnset`, :class:`PinWait` (the PIN was not looked at), :class:`PinLocked`, :class:`PinWrong`.
        """
        with self._database.transaction() as connection:  # a try counts before it is made: many at once gain nothing
            stored = _stored(connection)
            self._count(connection, place)
            self._failed_s[place] = self._ticks()
        right = hmac.compare_digest(self._hash(pin, *stored[2:]), stored["hash"])
        with self._database.transaction() as connection:
            audit.append(connection, self._now(), "staff", "login" if right else "login_failed", detail=place)
            if right:  # at the kiosk it opens the network, too
                opened = PLACES if place == "kiosk" else (place,)
                connection.executemany(
                    "UPDATE pin_failures SET failures = 0 WHERE place = ?", [(each,) for each in opened]
                )
        if not right:
            raise PinWrong(place)
        return int(stored["generation"])

    def _count(self, connection: sqlite3.Connection, place: Place) -> None:
        failures: int = connection.execute("SELECT failures FROM pin_failures WHERE place = ?", (place,)).fetchone()[0]
        if place == "network" and failures >= LOCK:
            raise PinLocked(place)
        left_s = wait_s(failures) - (self._ticks() - self._failed_s[place])
        if left_s > 0:
            raise PinWait(place, seconds=max(1, round(left_s)))
        connection.execute("UPDATE pin_failures SET failures = failures + 1 WHERE place = ?", (place,))

    def _hash(self, pin: str, salt: bytes, cost: int, block_size: int, parallel: int) -> bytes:
        with self._hashing:
            return hashlib.scrypt(pin.encode(), salt=salt, n=cost, r=block_size, p=parallel, maxmem=MEMORY)


@contextmanager
def opened(folder: Path) -> Iterator[StaffPin]:
    """The PIN of a state folder, also while the box runs: SQLite lets two programs write by turns.

    Raises what :class:`appliance.cases.store.Store` raises, but :class:`appliance.errors.StoreInUse`.
    """
    with storage_faults():
        layout.refuse_wrong(folder)
        private_folder(folder)
    with Database(folder / layout.DATABASE) as database:
        yield StaffPin(database, note=Spare(folder, database).note_pin)


def _stored(connection: sqlite3.Connection) -> sqlite3.Row:
    query = "SELECT generation, hash, salt, cost, block_size, parallel FROM staff_pin"
    row: sqlite3.Row | None = connection.execute(query).fetchone()
    if row is None:
        raise PinUnset("no PIN was ever set")
    return row
