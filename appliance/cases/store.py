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
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from appliance.cases import audit, clock, codes, layout, links, record, visits
from appliance.cases.audit import Actor, Audit
from appliance.cases.clock import Moment
from appliance.cases.counts import Counts
from appliance.cases.database import Database
from appliance.cases.directory import Directory
from appliance.cases.export import Exports
from appliance.cases.faults import storage_faults
from appliance.cases.ledger import Ledger
from appliance.cases.links import Link
from appliance.cases.listing import Listing
from appliance.cases.pathway import Pathway
from appliance.cases.photos import Photos, Pixels
from appliance.cases.pin import StaffPin
from appliance.cases.record import Case as Case  # re-exported: what the store gives and takes
from appliance.cases.record import Intake as Intake
from appliance.cases.record import Source as Source
from appliance.cases.record import State as State
from appliance.cases.retention import Retention
from appliance.cases.reviews import Reviews
from appliance.cases.setup import Setup
from appliance.cases.spare import Spare
from appliance.cases.visits import Agreed, Consent
from appliance.errors import CaseUnknown, ErasureUnfinished, PhotoLost, StoreError
from appliance.files import private_folder

Document = dict[str, Any]
ClassMaps = NDArray[np.float32]

log = logging.getLogger(__name__)


class Store:
    """A folder of cases. Thread-safe. Every change is on the disk when its method returns.

    Each method raises a :class:`appliance.errors.StoreError` where disk or database fail.
    """

    def __init__(
        self,
        folder: Path,
        now: Callable[[], Moment] = clock.now,
        ticks: Callable[[], float] = time.monotonic,
        visiting: bool = False,
    ) -> None:
        """Open or make ``folder`` and finish what a cut interrupted.

        A folder that is there already keeps its own mode; the files in it get 0600, its subfolders 0700. ``ticks``:
        seconds, only differences count. ``visiting``: another program has the folder, and tidies it. Raises
        :class:`StateFolderForeign`, :class:`StoreInUse`, :class:`DatabaseTooNew`, :class:`DatabaseDamaged`.
        """
        self._clock, self._ticks = now, ticks
        with storage_faults(), ExitStack() as opened:
            layout.refuse_wrong(folder)
            opened.enter_context(nullcontext() if visiting else layout.alone(private_folder(folder)))
            self._database = opened.enter_context(Database(folder / layout.DATABASE))
            self._born = ticks() - self._database.value("SELECT age_s FROM heartbeat")
            self.directory, self.pathway = Directory(self._database), Pathway(self._database)
            self._photos = Photos(folder / layout.PHOTOS)
            self.audit = Audit(self._database, self.now)
            self.spare = Spare(folder, self._database)
            self.pin = StaffPin(self._database, self.now, note=self.spare.note_pin)
            self.ledger = Ledger(self._database, self.now)
            self.listing = Listing(self._database)
            self.counts = Counts(self._database)
            self.reviews = Reviews(self._database, self.now)
            self.retention = Retention(self._database, self.ledger, self.now)
            self.setup = Setup(self._database)
            self.exports = Exports(folder, self._database, self.now)
            if not visiting:
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

    def accept(self, intake: Intake, most_waiting: int | None = None) -> Case:
        """Keep a photograph. Once this returns it cannot be lost; if it raises, nothing is left.

        Raises :class:`KeyReused` where the idempotency key came with another photograph, :class:`QueueFull` where
        ``most_waiting`` have no answer yet, however many threads ask at once, :class:`StoreFull`.
        """
        with self._database.transaction() as connection:  # asked first, so that nothing of what is refused is written
            earlier = record.admitted(connection, intake, most_waiting)
        return earlier or self._keep(intake, most_waiting)

    def known(self, key: str | None, sha256: str) -> Case | None:
        """The case that this idempotency key made. Raises :class:`KeyReused` where it was another photograph's."""
        with self._database.transaction() as connection:
            return record.by_key(connection, key, sha256)

    def case(self, code: str) -> Case:
        """By code, as typed. Raises :class:`CaseUnknown`, or its kind :class:`CodeMisread`."""
        return record.only(self._database.rows("SELECT * FROM cases WHERE code = ?", codes.parse(code)))

    def cases(self) -> list[Case]:
        """All, newest first; of an overview knows only its close-up (:meth:`overview`)."""
        return self._cases("SELECT * FROM cases WHERE view = 'close_up' ORDER BY number DESC")

    def earlier(self, case: Case) -> list[Case]:
        """The answered cases of the same patient and site that came before, newest first."""
        return self._cases(visits.EARLIER, case.patient, case.site, case.number)

    def overview(self, case: Case) -> Case | None:
        """The wider photograph that shows where this one lies, if the visit took one. It has no answer."""
        return next(iter(self._cases(visits.OVERVIEW, case.visit, case.site, case.number)), None)

    def agree(self, consent: Consent) -> int:
        """Log what a patient agreed to; gives the number of the visit that it begins."""
        now = self.now()
        with self._database.transaction() as connection:
            return visits.begin(connection, consent, now)

    def agreed(self, visit: int) -> Agreed | None:
        """What was agreed to at a visit; ``None`` where nothing of the visit is left."""
        return visits.agreed(self._database.rows(visits.CONSENT, visit))

    def abandon(self, visit: int) -> None:
        """Forget a visit that came to no photograph; one that did stays as it is."""
        with self._database.transaction() as connection:
            visits.close_if_empty(connection, visit)

    def new_patient(self) -> str:
        """A code for somebody who has none yet: no case and no other patient has it."""
        with self._database.transaction() as connection:
            return record.free_code(connection)

    def patient(self, code: str) -> str:
        """The patient's code, from their own or that of one of their cases, as typed.

        Raises :class:`PatientUnknown`, :class:`CodeMisread`.
        """
        return visits.patient(self._database.rows(visits.PATIENT, codes.parse(code)))

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
        count: int = self._database.value(record.WAITING)
        return count

    def next_queued(self) -> Case | None:
        """The one to answer next."""
        rows = self._database.rows("SELECT * FROM cases WHERE state = 'queued' ORDER BY number LIMIT 1")
        return record.case_of(rows[0]) if rows else None

    def begin(self, case: Case) -> Case:
        """Count an attempt before it is made, so that one that kills the process counts too.

        Returns the case with the new count. Raises :class:`CaseUnknown` where it was deleted.
        """
        with self._database.transaction() as connection:
            connection.execute("UPDATE cases SET attempts = attempts + 1 WHERE number = ?", (case.number,))
            return record.only(connection.execute("SELECT * FROM cases WHERE number = ?", (case.number,)).fetchall())

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

    def link(self, case: Case, hours: float, by: Actor | None = None) -> Link:
        """A new link for a case; an earlier one stops, and its token is told to nobody again.

        ``by``: who replaces a link that a phone may have: that has its line in the log. Raises :class:`CaseUnknown`.
        """
        now = self.now()
        with self._database.transaction() as connection:
            revoked = links.revoke_all(connection, case.number)
            if by is not None:
                audit.append(connection, now, by, "revoke", case.number)
            link = links.issue(connection, case.number, now, hours)
        self.spare.note_revoked(*revoked)
        self.spare.note_link(link.token)
        return link

    def by_token(self, token: str) -> Case:
        """The case a link shows. Raises :class:`CaseUnknown` for unknown, expired and revoked tokens alike."""
        return record.only(self._database.rows(links.CASE_OF, *links.values(self.now()), links.hash_of(token)))

    def opened(self, token: str, holder: str | None) -> Case:
        """As :meth:`by_token`, on a phone with the secret ``holder``: the first phone keeps the link to itself.

        Raises :class:`CaseUnknown`, where another phone holds it as for an unknown one.
        """
        case = self.by_token(token)
        if links.bind(self._database, token, holder):
            self.spare.note_link(token)
        if not links.opens(self._database, token, holder):
            raise CaseUnknown("another phone opened it first")
        return case

    def link_left_s(self, token: str) -> int:
        """Seconds that a link still works, by the box's age or a verified clock. Raises :class:`CaseUnknown`."""
        return links.left_s(self._database, token, self.now())

    def revoke(self, token: str) -> None:
        """Make a link stop working."""
        with self._database.transaction() as connection:
            links.revoke(connection, token)
        self.spare.note_revoked(links.hash_of(token))

    def delete(self, *codes: str, by: Actor = "box") -> None:
        """Remove cases, their photographs, answers and links for good; only numbers and who did it stay in the audit.

        With the last close-up of a spot goes its overview, and with a visit's last photograph its consent. All of the
        cases go, or, where one is unknown, none.

        Raises :class:`CaseUnknown`; :class:`ErasureUnfinished` where the cases are gone, but photographs or traces
        could not be erased yet: the next start does it.
        """
        cases = [self.case(code) for code in codes]
        self.spare.make_room()
        with self._database.transaction() as connection:
            for case in cases:
                self._forget(connection, case, by)
        try:
            self._finish_deletions()
        except (OSError, StoreError) as error:
            raise ErasureUnfinished(str(error)) from error

    def _forget(self, connection: sqlite3.Connection, case: Case, by: Actor) -> None:
        now = self.now()
        for each in (case, *visits.overviews_left_by(connection, case)):
            if not connection.execute("DELETE FROM cases WHERE number = ?", (each.number,)).rowcount:
                raise CaseUnknown(f"case number {each.number} is gone")
            line = (each.number, now.iso(), now.clock, each.photo_id)
            connection.execute("INSERT INTO deletions (case_number, at, clock, photo_id) VALUES (?, ?, ?, ?)", line)
            audit.append(connection, now, by, "delete", each.number)
        visits.close_if_empty(connection, case.visit)

    def prove_writable(self) -> None:
        """Put something tiny on the disk: the box's age, too."""
        self.spare.beat(self._beat)

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

    def _keep(self, intake: Intake, most_waiting: int | None) -> Case:
        shots = [each for each in (intake.overview, intake) if each is not None]
        named = [(uuid.uuid4().hex, each) for each in shots]
        case = None
        with storage_faults():
            try:
                for photo_id, each in named:
                    self._photos.save(photo_id, each.pixels)
                case = self._insert(named, most_waiting)
            finally:
                if case is None or case.photo_id != named[-1][0]:  # it failed, or another thread had the same key
                    self._photos.delete(*(photo_id for photo_id, _ in named))
        self.spare.note_case(case.number)
        return case

    def _insert(self, named: list[tuple[str, Intake]], most_waiting: int | None) -> Case:
        """The rows of photographs that belong together; gives the last one's, the close-up's."""
        now = self.now()
        with self._database.transaction() as connection:
            earlier = record.admitted(connection, named[-1][1], most_waiting)
            return earlier or [record.insert(connection, photo_id, each, now) for photo_id, each in named][-1]

    def _cases(self, query: str, *values: object) -> list[Case]:
        return [record.case_of(row) for row in self._database.rows(query, *values)]


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
