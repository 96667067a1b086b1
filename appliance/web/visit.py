"""The kiosk's one visit: the patient in front of the screen, step by step. Nothing of it is written to disk."""

import hashlib
import logging
import secrets
import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from appliance.cases.store import Intake
from appliance.errors import CaseUnknown
from appliance.vision.hints import Hint, Hinter
from appliance.vision.photo import Pixels
from appliance.web.intake import keep
from appliance.web.refusal import PATIENCE, refused
from appliance.web.services import Services
from firmware.devices import IndicatorState
from firmware.errors import CaptureCancelled, CaptureRefused, DermkioskError
from firmware.sequence import shown_after

Phase = Literal["welcome", "consent", "site", "live", "capturing", "waiting", "result", "refer", "failed"]
INDICATOR: Final[dict[Phase, IndicatorState]] = {"capturing": "busy", "waiting": "busy"}
"""What the indicator light shows; after a failure ``refused`` or ``fault``, and ``ready`` in every other phase."""


@dataclass(frozen=True)
class Visit:
    """Where the visit stands. A value: each step replaces it."""

    phase: Phase = "welcome"
    site: str = ""
    code: str = ""
    """The case, once the photo was accepted."""
    token: str = ""
    """The case's link."""
    error: DermkioskError | None = None
    refusals: int = 0
    """So many photographs of this spot were refused: by the gate, or before they were taken."""


class Kiosk:
    """Moves the visit on. Thread-safe. A step that does not fit the phase is ignored: a double tap, an old page."""

    def __init__(self, services: Services) -> None:
        """Take over the station's button."""
        self.session = secrets.token_urlsafe(32)
        self.csrf = secrets.token_urlsafe(32)
        self._services = services
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._hinter = Hinter(time.monotonic)
        self._visit = Visit()
        services.station.on_button(self.capture)

    @property
    def visit(self) -> Visit:
        """As it stands now: a case that was answered meanwhile is a result."""
        visit = self._visit
        if visit.phase not in ("waiting", "result", "refer") or not visit.code:
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

    def hint(self, frame: Pixels) -> Hint:
        """What to change, by a frame of the live view."""
        with self._looking:
            return self._hinter.look(frame)

    def start(self) -> None:
        """Somebody touched the welcome page."""
        self._move("consent", after=("welcome",))

    def consent(self) -> None:
        """They agree."""
        self._move("site", after=("consent",))

    def choose_site(self, site: str) -> None:
        """Where the lesion is."""
        self._move("live", after=("site", "live"), site=site, refusals=0)

    def capture(self) -> None:
        """Take the photograph, in the background; also what the button does."""
        visit = self._move("capturing", after=("live", "failed"), error=None)
        if visit is not None:
            threading.Thread(target=self._take, args=(visit,), name="kiosk-capture", daemon=True).start()

    def again(self) -> None:
        """Another photograph of the same place."""
        self._move("live", after=("result", "failed", "refer"), code="", token="", error=None)

    def go_on(self) -> None:
        """Have the refused photograph answered with a reservation."""
        visit = self.visit
        if visit.phase == "result" and self.offers and self._refused(visit):
            self._services.store.reserve(self._services.store.case(visit.code))
            self._services.wake()
            self._move("waiting", after=("result",))

    def refer(self) -> None:
        """No photograph will do: say what to do without one."""
        if self.offers:
            self._move("refer", after=("result", "failed"))

    def end(self) -> None:
        """Forget the patient."""
        with self._lock:
            self._become(Visit())

    def _take(self, visit: Visit) -> None:
        try:
            self._settle(visit, self._photographed(visit))
        except CaptureCancelled:
            self._settle(visit, replace(visit, phase="live"))
        except DermkioskError as error:
            more = int(isinstance(error, CaptureRefused))
            self._settle(visit, replace(visit, phase="failed", error=error, refusals=visit.refusals + more))
        except Exception:  # a thread has no caller to tell; the page must not wait for ever
            logging.getLogger(__name__).exception("the capture failed")
            self._settle(visit, replace(visit, phase="failed", error=DermkioskError("capture")))

    def _photographed(self, visit: Visit) -> Visit:
        captured = self._services.station.capture()
        if self._visit is not visit:
            return visit  # the patient left meanwhile: the picture goes nowhere
        intake = Intake(
            pixels=captured.frame.pixels,
            sha256=hashlib.sha256(captured.frame.pixels.tobytes()).hexdigest(),
            source="kiosk",
            site=visit.site,
            consent=True,
            capture=captured.conditions(),
            simulated=self._services.station.simulated,
            refused_before=visit.refusals,
        )
        case, link = keep(self._services, intake)
        return replace(visit, phase="waiting", code=case.code, token=link.token)

    def _refused(self, visit: Visit) -> bool:
        store = self._services.store
        return refused(store.document(store.case(visit.code)))

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
        if visit.phase == "live" and self._visit.phase != "live":
            self._hinter = Hinter(time.monotonic)
        self._visit = visit
        self._services.station.show(INDICATOR.get(visit.phase) or shown_after(visit.error))
