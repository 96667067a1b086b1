"""What the store keeps of a photograph: how it comes in, and the row it becomes."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Final, Literal, Self

from appliance.cases import codes
from appliance.cases.clock import Clock, Moment
from appliance.cases.photos import Pixels
from appliance.errors import CaseUnknown, KeyReused, QueueFull

Source = Literal["kiosk", "phone_camera", "phone_gallery", "file"]
State = Literal["queued", "done"]
View = Literal["overview", "close_up"]
WAITING: Final = "SELECT count(*) FROM cases WHERE state = 'queued'"


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
    patient: str | None = None
    """The patient's code; ``None``: nobody gave one."""
    visit: int | None = None
    """Number of the visit that holds the consent."""
    view: View = "close_up"
    consent_photo: bool = False
    """The photograph may be in a referral letter."""
    overview: Self | None = None
    """The wider photograph that shows where this one lies: kept with it, or not at all."""


@dataclass(frozen=True)
class Case:
    """One accepted photograph, as it stood when it was read."""

    number: int
    """Orders cases; the clock does not."""
    code: str
    state: State
    """An overview is ``done`` from the start, and has no answer."""
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
    patient: str | None = None
    """The patient's code, the same at each visit; ``None``: a photograph that nobody gave one for."""
    visit: int | None = None
    """Number of the visit at the kiosk; ``None``: it came by another way."""
    view: View = "close_up"
    consent_photo: bool = False
    """The patient agrees that this photograph is in a referral letter."""

    @property
    def accepted(self) -> Moment:
        """When, by the clock and by the box's age: for :func:`appliance.cases.clock.has_passed`."""
        return Moment.read(self.taken_at, self.clock, self.age_s)

    @property
    def mm_per_pixel(self) -> float | None:
        """Of the photograph, where the camera's scale was known."""
        scale = None if self.capture is None else self.capture.get("mm_per_pixel")
        return scale if isinstance(scale, float) else None


def case_of(row: sqlite3.Row) -> Case:
    """A row of ``cases`` as a value."""
    fields = dict(row)
    del fields["consent"], fields["idempotency_key"]
    capture = fields.pop("capture")
    fields |= {name: bool(fields[name]) for name in ("simulated", "reservation", "consent_photo")}
    return Case(capture=None if capture is None else json.loads(capture), **fields)


def only(rows: list[sqlite3.Row]) -> Case:
    """The one case asked for. Raises :class:`CaseUnknown` where there is none."""
    if not rows:
        raise CaseUnknown("no such case, or no longer")
    return case_of(rows[0])


def by_key(connection: sqlite3.Connection, key: str | None, sha256: str) -> Case | None:
    """The case that this idempotency key made. Raises :class:`KeyReused` where it was another photograph's."""
    if key is None:
        return None
    query = "SELECT * FROM cases WHERE idempotency_key = ?"
    row = connection.execute(query, (key,)).fetchone()
    if row is not None and row["sha256"] != sha256:
        raise KeyReused("the key came before with another photograph")
    return None if row is None else case_of(row)


def admitted(connection: sqlite3.Connection, intake: Intake, most_waiting: int | None) -> Case | None:
    """The case that its idempotency key made already; ``None`` where it may come in.

    In one transaction with :func:`insert` the queue never has more than ``most_waiting``. Raises :class:`KeyReused`,
    :class:`QueueFull`.
    """
    earlier = by_key(connection, intake.idempotency_key, intake.sha256)
    if earlier is None and most_waiting is not None and connection.execute(WAITING).fetchone()[0] >= most_waiting:
        raise QueueFull
    return earlier


def insert(connection: sqlite3.Connection, photo_id: str, intake: Intake, now: Moment) -> Case:
    """Make the row of a photograph."""
    values = {
        "code": free_code(connection),
        "state": "done" if intake.view == "overview" else "queued",
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
        "patient": intake.patient,
        "visit": intake.visit,
        "view": intake.view,
        "consent_photo": intake.consent_photo,
    }
    columns = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    query = f"INSERT INTO cases ({columns}) VALUES ({places}) RETURNING *"  # noqa: S608  # our own column names
    return case_of(connection.execute(query, values).fetchall()[0])


def free_code(connection: sqlite3.Connection) -> str:
    """A code that neither a case nor a patient has: whichever is typed, it can mean one thing only."""
    taken = "SELECT 1 FROM cases WHERE code = ?1 UNION ALL SELECT 1 FROM cases WHERE patient = ?1"
    while True:  # with ten thousand cases the first try fails once in a thousand
        code = codes.new_code()
        if connection.execute(taken, (code,)).fetchone() is None:
            return code
