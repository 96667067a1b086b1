"""The kiosk's one visit: the patient in front of the screen, step by step.

Of it the store gets the consent, when it is given, and the photographs, with the close-up; all else is only here.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from appliance.cases.record import View
from appliance.cases.store import Case, Intake
from appliance.cases.visits import Consent
from appliance.errors import CaseUnknown, StoreError
from appliance.vision.hints import Hint, Hinter
from appliance.vision.photo import Pixels
from appliance.web import scan
from appliance.web.intake import keep, taken
from appliance.web.refusal import PATIENCE, refused
from appliance.web.services import Services
from firmware.devices import IndicatorState
from firmware.errors import CaptureCancelled, CaptureRefused, DermkioskError
from firmware.sequence import Captured, shown_after

Phase = Literal[
    "welcome",
    "consent",
    "who",
    "code",
    "site",
    "live",
    "capturing",
    "waiting",
    "result",
    "refer",
    "failed",
    "handover",
    "done",
]
INDICATOR: Final[dict[Phase, IndicatorState]] = {"capturing": "busy", "waiting": "busy"}
"""What the indicator light shows; after a failure ``refused`` or ``fault``, and ``ready`` in every other phase."""
PAUSE_S: Final[dict[Phase, float]] = {
    "consent": 120,
    "who": 120,
    "code": 120,
    "site": 120,
    "live": 180,
    "failed": 180,
    "done": 30,
}
"""Untouched for so long, the screen forgets the patient and goes back to the welcome page.

No result is among them: what somebody came for stays until somebody has done with it.
"""
BACK: Final[dict[Phase, Phase]] = {
    "code": "who",
    "site": "who",
    "live": "site",
}
WITH_CASE: Final[frozenset[Phase]] = frozenset({"waiting", "result", "refer", "handover"})
CODE_CHARACTERS: Final = 6
RUB_OUT: Final = "-"
"""What the keypad's last key sends."""


@dataclass(frozen=True)
class Visit:
    """Where the visit stands. A value: each step replaces it."""

    phase: Phase = "welcome"
    site: str = ""
    code: str = ""
    """The case, once the photo was accepted."""
    token: str = ""
    """The case's link; empty once it was revoked."""
    error: DermkioskError | None = None
    refusals: int = 0
    """So many photographs of this spot were refused: by the gate, or before they were taken."""
    number: int | None = None
    """Of the visit in the store, from the consent on."""
    letter: bool = False
    """The photograph may be in a referral letter."""
    patient: str = ""
    known: bool = False
    """The patient was here before."""
    typed: str = ""
    """Of a patient's code, on the keypad."""
    view: View = "close_up"
    """What is photographed now."""
    overview: Intake | None = field(default=None, compare=False)
    """Taken already, and kept once the close-up is."""
    referred: bool = False
    """No photograph would do."""
    step: int = 0
    """Counts up with each change, so that a page knows that it is an old one."""


class Kiosk:
    """Moves the visit on. Thread-safe. A step that does not fit the phase is ignored: a double tap, an old page."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        """Take over the station's button. ``clock``: seconds, only differences count."""
        self.session = secrets.token_urlsafe(32)
        self.csrf = secrets.token_urlsafe(32)
        self._services = services
        self._clock = clock
        self._touched_s = clock()
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._shown_step = 0
        self._hinter = Hinter(time.monotonic)
        self._visit = Visit()
        services.station.on_button(self.capture)

    @property
    def visit(self) -> Visit:
        """As it stands now: one that was left is over, and a case that was answered meanwhile is a result."""
        visit = self._visit
        if self.left_s is not None and self.left_s <= 0:
            self._leave(Visit())
            return self._visit
        if visit.phase not in WITH_CASE or not visit.code:
            return visit
        try:
            case = self._services.store.case(visit.code)
        except CaseUnknown:  # deleted meanwhile
            self._settle(visit, Visit())
            return self._visit
        if visit.phase == "waiting" and case.state == "done":
            more = int(refused(self._services.store.document(case)))
            self._settle(visit, replace(visit, phase="result", refusals=visit.refusals + more))
        return self._visit

    @property
    def offers(self) -> bool:
        """Whether retaking has been tried often enough: one may go on with a reservation, or refer."""
        return self._visit.refusals >= PATIENCE

    @property
    def left_s(self) -> float | None:
        """Seconds until the visit is forgotten unless somebody touches the screen; ``None``: it stays."""
        pause_s = PAUSE_S.get(self._visit.phase)
        return None if pause_s is None else self._touched_s + pause_s - self._clock()

    def touch(self) -> None:
        """Somebody is there."""
        self._touched_s = self._clock()

    def look(self, frame: Pixels) -> Hint | None:
        """A frame of the live view: what to change, or, while a code is looked for, whether it shows one."""
        with self._looking:
            if self._visit.phase == "live":
                return self._hinter.look(frame)
            if (text := scan.read(frame)) is not None:
                self.scanned(text)
            return None

    def start(self) -> None:
        """Somebody touched the welcome page."""
        self._move("consent", after=("welcome",))

    def consent(self, consent: Consent) -> None:
        """They agree; that is logged before anything else happens."""
        if self.visit.phase != "consent":
            return
        number = self._services.store.agree(consent)
        if self._move("who", after=("consent",), number=number, letter=consent.photo_in_letter) is None:
            self._services.store.abandon(number)  # a double tap

    def newcomer(self) -> None:
        """They have not been here before, or have no code: they get one."""
        self._move("site", after=("who", "code"), patient=self._services.store.new_patient(), known=False, error=None)

    def earlier(self) -> None:
        """They have a code."""
        self._move("code", after=("who",), typed="", error=None)

    def key(self, key: str) -> None:
        """One more character of it on the keypad, or one less."""
        typed = self._visit.typed
        typed = typed[:-1] if key == RUB_OUT else typed + key
        if len(typed) < CODE_CHARACTERS:
            self._move("code", after=("code",), typed=typed, error=None)
        else:
            self.identify(typed)

    def identify(self, code: str) -> None:
        """The whole code; where it is nobody's, the page says so."""
        try:
            patient = self._services.store.patient(code)
        except CaseUnknown as unknown:
            self._move("code", after=("code",), typed="", error=unknown)
        else:
            self._move("site", after=("code",), patient=patient, known=True, typed="", error=None)

    def scanned(self, text: str) -> None:
        """What the camera read in a QR code; the same wrong one again and again is said once."""
        error = self._visit.error
        if error is None or str(error) != text:
            try:
                patient = scan.first_known(text, self._services.store.patient)
            except CaseUnknown as unknown:
                self._move("code", after=("code",), typed="", error=type(unknown)(text))
            else:
                self._move("site", after=("code",), patient=patient, known=True, typed="", error=None)

    def choose_site(self, site: str) -> None:
        """Where the lesion is. Two photographs of it: from afar, then close."""
        self._move("live", after=("site", "live"), site=site, refusals=0, view="overview", overview=None)

    def close_up(self) -> None:
        """Do without the overview."""
        self._move("live", after=("live", "failed"), view="close_up", error=None)

    def back(self) -> None:
        """The page before, to choose again."""
        visit = self.visit
        if visit.phase in BACK:
            self._move(BACK[visit.phase], after=(visit.phase,), error=None, typed="")
        elif visit.phase == "handover":  # whose result shows pictures, by the link
            token = visit.token or self._link()
            self._move("refer" if visit.referred else "result", after=("handover",), token=token)

    def capture(self) -> None:
        """Take the photograph, in the background; also what the button does."""
        visit = self._move("capturing", after=("live", "failed"), error=None)
        if visit is not None:
            threading.Thread(target=self._take, args=(visit,), name="kiosk-capture", daemon=True).start()

    def shown(self, step: int) -> None:
        """The page of this step is on the screen."""
        self._shown_step = step

    def again(self) -> None:
        """Another photograph of the same place."""
        self._move("live", after=("result", "failed", "refer"), code="", token="", error=None, referred=False)

    def another(self) -> None:
        """A photograph of another place on the same patient."""
        self._move("site", after=("handover",), site="", code="", token="", refusals=0, referred=False)

    def go_on(self) -> None:
        """Have the refused photograph answered with a reservation."""
        visit = self.visit
        if visit.phase == "result" and self.offers and self._refused():
            self._services.store.reserve(self._case())
            self._services.wake()
            self._move("waiting", after=("result",))

    def refer(self) -> None:
        """No photograph will do: say what to do without one."""
        if self.offers:
            self._move("refer", after=("result", "failed"), referred=True)

    def hand_over(self) -> None:
        """The result was read: give the patient what they take along."""
        if self._visit.code:
            self._move("handover", after=("result", "refer"))

    def revoke(self) -> None:
        """Make the result's link stop working, whoever has it."""
        visit = self.visit
        if visit.phase == "handover" and visit.token:
            self._services.store.revoke(visit.token)
            self._settle(visit, replace(visit, token=""))

    def renew(self) -> None:
        """Show a link again after :meth:`revoke`: a new one."""
        visit = self.visit
        if visit.phase == "handover" and not visit.token:
            self._settle(visit, replace(visit, token=self._link()))

    def done(self) -> None:
        """The patient has everything: forget them, and say goodbye."""
        if self.visit.phase in ("handover", "refer", "result"):
            self._leave(Visit(phase="done"))

    def end(self) -> None:
        """Forget the patient."""
        self._leave(Visit())

    def _leave(self, then: Visit) -> None:
        with self._lock:
            visit = self._visit
            self._become(then)
        if visit.number is not None:
            try:
                self._services.store.abandon(visit.number)
            except StoreError as error:  # the patient must be forgotten all the same; a consent alone names nobody
                logging.getLogger(__name__).warning("a visit without a photograph stays in the log: %s", error)

    def _take(self, visit: Visit) -> None:
        try:
            self._settle(visit, self._overviewed(visit) if visit.view == "overview" else self._photographed(visit))
        except CaptureCancelled:
            self._settle(visit, replace(visit, phase="live"))
        except DermkioskError as error:
            more = int(isinstance(error, CaptureRefused))
            self._settle(visit, replace(visit, phase="failed", error=error, refusals=visit.refusals + more))
        except Exception:  # a thread has no caller to tell; the page must not wait for ever
            logging.getLogger(__name__).exception("the capture failed")
            self._settle(visit, replace(visit, phase="failed", error=DermkioskError("capture")))

    def _overviewed(self, visit: Visit) -> Visit:
        wide = self._intake(visit, self._services.station.overview)
        return replace(visit, phase="live", view="close_up", overview=wide)

    def _photographed(self, visit: Visit) -> Visit:
        intake = self._intake(visit, self._services.station.capture)
        if self._visit is not visit:
            return visit  # the patient left meanwhile: the picture goes nowhere
        case, link = keep(self._services, replace(intake, overview=visit.overview, refused_before=visit.refusals))
        return replace(visit, phase="waiting", code=case.code, token=link.token, overview=None)

    def _intake(self, visit: Visit, take: Callable[[Callable[[], bool]], Captured]) -> Intake:
        """A bright page would be measured as part of the room: the photograph waits until the dark one is shown."""
        captured = take(lambda: self._shown_step == visit.step)
        photograph = taken(captured, visit.site, simulated=self._services.station.simulated)
        whose = replace(photograph, patient=visit.patient, visit=visit.number, consent_photo=visit.letter)
        return replace(whose, view=visit.view)

    def _case(self) -> Case:
        return self._services.store.case(self._visit.code)

    def _link(self) -> str:
        return self._services.store.link(self._case(), self._services.settings.link_hours).token

    def _refused(self) -> bool:
        return refused(self._services.store.document(self._case()))

    def _move(self, phase: Phase, after: tuple[Phase, ...], **changes: Any) -> Visit | None:
        """The new visit, or ``None`` where this step does not follow from where it stands."""
        with self._lock:
            if self._visit.phase not in after:
                return None
            self._become(replace(self._visit, phase=phase, **changes))
            return self._visit

    def _settle(self, expected: Visit, result: Visit) -> None:
        with self._lock:
            if self._visit is expected:  # else it went on without this answer
                self._become(result)

    def _become(self, visit: Visit) -> None:
        if visit.phase == "live" and (self._visit.phase, self._visit.view) != ("live", visit.view):
            self._hinter = Hinter(time.monotonic)
        self._visit = replace(visit, step=self._visit.step + 1)
        self._touched_s = self._clock()
        self._services.station.show(INDICATOR.get(visit.phase) or shown_after(visit.error))
