"""What must not be lost: accepted photographs, their cases, answers and links.

The order of writing: on acceptance the photo file comes first, then the row; on deletion the row goes first,
then the file, then its traces in the database. So wherever the power is cut, a row has its file. The next start
finishes the deletions that are not marked as erased, and removes unfinished files.

A whole photograph without a row is never removed at a start. It may be the remnant of an acceptance that was cut
before its row (nobody was told it succeeded); but it may as well be an accepted one whose database went backwards (an
older one was put back, or the write-ahead log is lost), and nothing tells the two apart. Such photographs go to
``photos/orphaned/``, where a technician finds them, and come back when a database knows them again.
"""

import io
import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from appliance.cases import audit, clock, codes, layout, links
from appliance.cases.audit import Actor, Audit
from appliance.cases.clock import Clock, Moment
from appliance.cases.database import Database
from appliance.cases.directory import Directory
from appliance.cases.faults import storage_faults
from appliance.cases.ledger import Ledger
from appliance.cases.links import Link
from appliance.cases.pathway import Pathway
from appliance.cases.photos import Photos, Pixels
from appliance.cases.pin import StaffPin
from appliance.cases.spare import Spare
from appliance.errors import (
    CaseUnknown,
    ErasureUnfinished,
    KeyReused,
    PhotoLost,
    StoreError,
)
from appliance.files import private_folder

Source = Literal["kiosk", "phone_camera", "phone_gallery", "file"]
State = Literal["queued", "done"]
Document = dict[str, Any]
ClassMaps = NDArray[np.float32]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Intake:
    """A photograph that asks to be kept."""

    pixels: Pixels
    """uint8 RGB, H×W×3, upright."""
    sha256: str
    """Of the file as it came."""
    source: Source
    site: str
    """Body-site id."""
    consent: bool
    capture: dict[str, object] | None
    """How the station took it; ``None``: taken elsewhere, under who knows what light."""
    simulated: bool
    idempotency_key: str | None = None
    """Chosen by the sender; the same photograph sent again with it is the same case."""
    refused_before: int = 0
    """So many photographs of the same spot did the gate refuse just before."""


@dataclass(frozen=True)
class Case:
    """One accepted photograph, as it stood when it was read."""

    number: int
    """Orders cases; the clock does not."""
    code: str
    state: State
    source: Source
    site: str
    taken_at: str
    """ISO 8601, UTC."""
    clock: Clock
    photo_id: str
    sha256: str
    capture: dict[str, object] | None
    simulated: bool
    attempts: int
    """How often the worker began with it."""
    refused_before: int = 0
    """So many photographs of the same spot did the gate refuse just before."""
    reservation: bool = False
    """It is to be answered although the gate refused it."""
    age_s: int = 0
    """Of the box, when the photograph was accepted."""

    @property
    def accepted(self) -> Moment:
        """When, by the clock and by the box's age: for :func:`appliance.cases.clock.has_passed`."""
        return Moment.read(self.taken_at, self.clock, self.age_s)


class Store:
    """A folder of cases. Thread-safe. Every change is on the disk when its method returns.

    Each method raises a :class:`appliance.errors.StoreError` where disk or database fail.
    """

    def __init__(
        self, folder: Path, now: Callable[[], Moment] = clock.now, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        """Open or make ``folder`` and finish what a cut interrupted.

        A folder that is there already keeps its own mode; the files in it get 0600, its subfolders 0700. ``ticks``:
        seconds, only differences count. Raises :class:`StateFolderForeign`, :class:`StoreInUse`,
        :class:`DatabaseTooNew`, :class:`DatabaseDamaged`.
        """
        self._clock, self._ticks = now, ticks
        with storage_faults(), ExitStack() as opened:
            layout.refuse_wrong(folder)
            opened.enter_context(layout.alone(private_folder(folder)))
            self._database = opened.enter_context(Database(folder / layout.DATABASE))
            self._born = ticks() - self._database.value("SELECT age_s FROM heartbeat")
            self.directory, self.pathway = Directory(self._database), Pathway(self._database)
            self._photos = Photos(folder / layout.PHOTOS)
            self.audit = Audit(self._database, self.now)
            self.pin = StaffPin(self._database, self.now)
            self.spare = Spare(folder, self._database)
            self.ledger = Ledger(self._database, self.now)
            self._finish_interrupted()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the folder. May be called twice."""
        self._opened.close()

    def now(self) -> Moment:
        """This moment: by the clock, and by the box's age."""
        return replace(self._clock(), age_s=int(self._ticks() - self._born))

    def accept(self, intake: Intake) -> Case:
        """Keep a photograph. Once this returns it cannot be lost; if it raises, nothing is left.

        Raises :class:`KeyReused` where the idempotency key came with another photograph, :class:`StoreFull`.
        """
        with self._database.transaction() as connection:
            earlier = _earlier(connection, intake)
        return earlier or self._keep(intake)

    def case(self, code: str) -> Case:
        """By code, as typed. Raises :class:`CaseUnknown`, or its kind :class:`CodeMisread`."""
        return _only(self._database.rows("SELECT * FROM cases WHERE code = ?", codes.parse(code)))

    def cases(self) -> list[Case]:
        """All, newest first."""
        return [_case(row) for row in self._database.rows("SELECT * FROM cases ORDER BY number DESC")]

    def photo(self, case: Case) -> Pixels:
        """uint8 RGB, H×W×3.

        Raises :class:`CaseUnknown` where it was deleted, :class:`PhotoLost` where the file is gone or damaged, another
        StoreError where it could not be read this time.
        """
        try:
            with storage_faults():
                return self._photos.load(case.photo_id)
        except PhotoLost:
            self.case(case.code)
            raise

    def document(self, case: Case) -> Document | None:
        """The result document, once there is one."""
        rows = self._database.rows("SELECT document FROM answers WHERE case_number = ?", case.number)
        return json.loads(rows[0][0]) if rows else None

    def class_maps(self, case: Case) -> ClassMaps | None:
        """float32, 8×8×classes; ``None`` while it waits, and where the photo could not be assessed."""
        rows = self._database.rows("SELECT class_maps FROM answers WHERE case_number = ?", case.number)
        return _unpacked(rows[0][0]) if rows else None

    def position(self, case: Case) -> int:
        """Place in the queue: 1 is answered next, 0 is done (or deleted)."""
        ahead: int = self._database.value(
            "SELECT count(*) FROM cases WHERE state = 'queued' AND number <= ?1"
            " AND EXISTS (SELECT 1 FROM cases WHERE number = ?1 AND state = 'queued')",
            case.number,
        )
        return ahead

    def waiting(self) -> int:
        """How many photographs have no answer yet."""
        count: int = self._database.value("SELECT count(*) FROM cases WHERE state = 'queued'")
        return count

    def next_queued(self) -> Case | None:
        """The one to answer next."""
        rows = self._database.rows("SELECT * FROM cases WHERE state = 'queued' ORDER BY number LIMIT 1")
        return _case(rows[0]) if rows else None

    def begin(self, case: Case) -> Case:
        """Count an attempt before it is made, so that one that kills the process counts too.

        Returns the case with the new count. Raises :class:`CaseUnknown` where it was deleted.
        """
        with self._database.transaction() as connection:
            connection.execute("UPDATE cases SET attempts = attempts + 1 WHERE number = ?", (case.number,))
            return _only(connection.execute("SELECT * FROM cases WHERE number = ?", (case.number,)).fetchall())

    def retract(self, case: Case) -> None:
        """Take back the last :meth:`begin`: the storage failed, not the photograph."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE cases SET attempts = attempts - 1 WHERE number = ?", (case.number,))

    def answer(self, case: Case, document: Document, class_maps: ClassMaps | None) -> bool:
        """Give the case its one answer; False if it has one already, or was deleted.

        ``class_maps`` is float32, 8×8×classes. Raises ``ValueError`` or ``TypeError`` where ``document`` is not JSON.
        """
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        with self._database.transaction() as connection:
            done = connection.execute(
                "UPDATE cases SET state = 'done' WHERE number = ? AND state = 'queued'", (case.number,)
            )
            if done.rowcount:
                connection.execute("INSERT INTO answers VALUES (?, ?, ?)", (case.number, text, _packed(class_maps)))
        return bool(done.rowcount)

    def reserve(self, case: Case) -> bool:
        """Put a case that was answered back into the queue, to be answered with a reservation: whatever the gate says.

        Its link stays. False where it waits, was reserved already, or is deleted.
        """
        query = "UPDATE cases SET state = 'queued', attempts = 0, reservation = 1 WHERE number = ?"
        with self._database.transaction() as connection:
            done = connection.execute(f"{query} AND state = 'done' AND reservation = 0", (case.number,))
            if done.rowcount:
                connection.execute("DELETE FROM answers WHERE case_number = ?", (case.number,))
        return bool(done.rowcount)

    def link(self, case: Case, hours: float) -> Link:
        """The case's link that works now, else a new one for ``hours``. Raises :class:`CaseUnknown`."""
        now = self.now()
        with self._database.transaction() as connection:
            earlier = links.live(connection, case.number, now)
            link = earlier or links.issue(connection, case.number, now, hours)
        if not earlier:
            self.spare.note_link(link.token)
        return link

    def by_token(self, token: str) -> Case:
        """The case a link shows. Raises :class:`CaseUnknown` for unknown, expired and revoked tokens alike."""
        return _only(self._database.rows(links.CASE_OF, *links.values(self.now()), token))

    def revoke(self, token: str) -> None:
        """Make a link stop working."""
        with self._database.transaction() as connection:
            links.revoke(connection, token)

    def delete(self, code: str, by: Actor = "box") -> None:
        """Remove a case, its photograph, answer and links for good; only its number and who did it stay in the audit.

        Raises :class:`CaseUnknown`; :class:`ErasureUnfinished` where the case is gone, but photograph or traces
        could not be erased yet: the next start does it.
        """
        case = self.case(code)
        now = self.now()
        self.spare.make_room()
        with self._database.transaction() as connection:
            if not connection.execute("DELETE FROM cases WHERE number = ?", (case.number,)).rowcount:
                raise CaseUnknown(f"case number {case.number} is gone")
            line = (case.number, now.iso(), now.clock, case.photo_id)
            connection.execute("INSERT INTO deletions (case_number, at, clock, photo_id) VALUES (?, ?, ?, ?)", line)
            audit.append(connection, now, by, "delete", case.number)
        try:
            self._finish_deletions()
        except (OSError, StoreError) as error:
            raise ErasureUnfinished(str(error)) from error

    def prove_writable(self) -> None:
        """Put something tiny on the disk: the box's age, too."""
        self.spare.beat(self._beat)

    def note_clock(self, set_by: Literal["kiosk", "staff"], clock_from: datetime, clock_to: datetime) -> None:
        """Keep that somebody set the clock (times in UTC)."""
        line = (set_by, Moment(clock_from, "unverified").iso(), Moment(clock_to, "synced").iso(), self.now().age_s)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO clock_changes (set_by, clock_from, clock_to, age_s) VALUES (?, ?, ?, ?)", line
            )

    def _beat(self) -> None:
        with self._database.transaction() as connection:
            connection.execute("UPDATE heartbeat SET beats = beats + 1, age_s = ?", (self.now().age_s,))

    def _finish_interrupted(self) -> None:
        self._finish_deletions()
        orphaned = self._photos.tidy({row[0] for row in self._database.rows("SELECT photo_id FROM cases")})
        if orphaned:
            log.warning("%d photographs that no case knows of were moved to photos/orphaned", orphaned)

    def _finish_deletions(self) -> None:
        """First files and copies, then what the database says of them, its free pages and its log; then the mark."""
        unfinished = self._database.rows("SELECT case_number, photo_id FROM deletions WHERE erased = 0")
        if not unfinished:
            return
        self._photos.delete(*(row["photo_id"] for row in unfinished if row["photo_id"] is not None))
        self.spare.forget()
        numbers = [(row["case_number"],) for row in unfinished]
        with self._database.transaction() as connection:
            connection.executemany("UPDATE deletions SET photo_id = NULL WHERE case_number = ?", numbers)
        self._database.scrub()
        with self._database.transaction() as connection:
            connection.executemany("UPDATE deletions SET erased = 1 WHERE case_number = ?", numbers)

    def _keep(self, intake: Intake) -> Case:
        photo_id = uuid.uuid4().hex
        case = None
        with storage_faults():
            try:
                self._photos.save(photo_id, intake.pixels)
                case = self._insert(photo_id, intake)
            finally:
                if case is None or case.photo_id != photo_id:  # it failed, or another thread had the same key
                    self._photos.delete(photo_id)
        self.spare.note_case(case.number)
        return case

    def _insert(self, photo_id: str, intake: Intake) -> Case:
        now = self.now()
        with self._database.transaction() as connection:
            earlier = _earlier(connection, intake)
            return earlier or _inserted(connection, photo_id, intake, now)


def _earlier(connection: sqlite3.Connection, intake: Intake) -> Case | None:
    """The case that this idempotency key made."""
    if intake.idempotency_key is None:
        return None
    query = "SELECT * FROM cases WHERE idempotency_key = ?"
    row = connection.execute(query, (intake.idempotency_key,)).fetchone()
    if row is not None and row["sha256"] != intake.sha256:
        raise KeyReused("the key came before with another photograph")
    return None if row is None else _case(row)


def _inserted(connection: sqlite3.Connection, photo_id: str, intake: Intake, now: Moment) -> Case:
    values = {
        "code": _free_code(connection),
        "source": intake.source,
        "site": intake.site,
        "consent": intake.consent,
        "taken_at": now.iso(),
        "clock": now.clock,
        "age_s": now.age_s,
        "photo_id": photo_id,
        "sha256": intake.sha256,
        "capture": None if intake.capture is None else json.dumps(intake.capture, allow_nan=False),
        "simulated": intake.simulated,
        "refused_before": intake.refused_before,
        "idempotency_key": intake.idempotency_key,
    }
    columns = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    query = f"INSERT INTO cases ({columns}) VALUES ({places}) RETURNING *"  # noqa: S608  # our own column names
    return _case(connection.execute(query, values).fetchall()[0])


def _free_code(connection: sqlite3.Connection) -> str:
    while True:  # with ten thousand cases the first try fails once in two thousand
        code = codes.new_code()
        if connection.execute("SELECT 1 FROM cases WHERE code = ?", (code,)).fetchone() is None:
            return code


def _only(rows: list[sqlite3.Row]) -> Case:
    if not rows:
        raise CaseUnknown("no such case, or no longer")
    return _case(rows[0])


def _case(row: sqlite3.Row) -> Case:
    fields = dict(row)
    del fields["consent"], fields["idempotency_key"]
    capture = fields.pop("capture")
    fields |= {name: bool(fields[name]) for name in ("simulated", "reservation")}
    return Case(capture=None if capture is None else json.loads(capture), **fields)


def _packed(class_maps: ClassMaps | None) -> bytes | None:
    if class_maps is None:
        return None
    buffer = io.BytesIO()
    np.save(buffer, class_maps, allow_pickle=False)
    return buffer.getvalue()


def _unpacked(data: bytes | None) -> ClassMaps | None:
    if data is None:
        return None
    maps: ClassMaps = np.load(io.BytesIO(data), allow_pickle=False)
    return maps
