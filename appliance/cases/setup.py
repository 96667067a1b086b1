"""What was said and done at the first start. On the disk step by step, so that a power cut costs one step at most."""

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, get_args

from appliance.cases import layout
from appliance.cases.database import Database
from appliance.request_errors import ClinicNameInvalid, WifiNameInvalid

Step = Literal["language", "clinic", "pin", "focus", "calibration", "selftest", "wifi"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
"""In this order."""
State = Literal["new", "begun", "put_off", "done"]
LONGEST_NAME: Final = 60
LONGEST_SSID_BYTES: Final = 32
"""IEEE 802.11 gives a Wi-Fi's name no more."""
TOKEN_BYTES: Final = 16


class Setup:
    """The first start of one database. Thread-safe: one program has the database, and each change is one row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._said: dict[str, str] = dict(map(tuple, database.rows("SELECT name, value FROM setup")))
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        """Lets a phone type for the kiosk's screen, which has no keyboard; another one after each start."""

    @property
    def state(self) -> State:
        """How far it is; a box that is not ``done`` says so on every page."""
        return next((each for each in get_args(State) if each == self._said.get("state")), "new")

    @property
    def clinic(self) -> str:
        """The clinic's name; empty before it was given."""
        return self._said.get("clinic", "")

    @property
    def wifi(self) -> str:
        """The name of the clinic's own Wi-Fi, for a box that makes none; empty where nobody said it."""
        return self._said.get("clinic_wifi", "")

    def outcome(self, step: Step) -> str | None:
        """What a step came to; ``None`` where it has not been done."""
        return self._said.get(step)

    def keep(self, step: Step, outcome: str) -> None:
        """The step is done: on the disk when this returns. Raises :class:`appliance.errors.StoreError`."""
        self._note(**{step: outcome})

    def keep_clinic(self, name: str) -> None:
        """The clinic's name, one line of at most :data:`LONGEST_NAME` characters. Raises :class:`ClinicNameInvalid`."""
        self._note(clinic=_clinic(name))

    def keep_names(self, clinic: str, wifi: str) -> None:
        """The clinic's name and that of its own Wi-Fi, or nothing for that: both are kept, or neither.

        Raises :class:`ClinicNameInvalid`, :class:`WifiNameInvalid`, :class:`appliance.errors.StoreError`.
        """
        self._note(clinic=_clinic(clinic), clinic_wifi=_wifi(wifi))

    def become(self, state: State) -> None:
        """Begun, put off or done. What is done stays done."""
        if self.state != "done":
            self._note(state=state)
            if state == "done":
                self.token = secrets.token_urlsafe(TOKEN_BYTES)  # the phone that typed is shut out

    def _note(self, **said: str) -> None:
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO setup VALUES (?, ?)", list(said.items()))
        self._said |= said


def _clinic(name: str) -> str:
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise ClinicNameInvalid(f"{len(tidy)} characters", longest=LONGEST_NAME)
    return tidy


def _wifi(name: str) -> str:
    tidy = name.strip()
    if len(tidy.encode()) > LONGEST_SSID_BYTES or not tidy.isprintable():
        raise WifiNameInvalid(f"{len(tidy.encode())} bytes", longest=LONGEST_SSID_BYTES)
    return tidy


def is_done(folder: Path) -> bool:
    """Whether the box of a state folder is set up, also while it runs; only looks. No records: not set up."""
    path = folder / layout.DATABASE
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT value FROM setup WHERE name = 'state'").fetchone()
    except sqlite3.Error:
        return False
    return bool(row == ("done",))
