"""Who may use which route. A route that is not in the table is refused, whoever asks."""

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from flask import current_app, g, request

from appliance.cases.store import Case
from appliance.request_errors import LoginNeeded, PageUnknown, RequestRefused
from appliance.web.services import place, services
from appliance.web.sessions import Session, Sessions
from appliance.web.visit import Kiosk

Rule = Callable[[], None]

SESSION_COOKIE: Final = "kiosk_session"
STAFF_COOKIE: Final = "staff_session"
PHONE_COOKIE: Final = "phone"
"""A secret that each phone keeps, so that a link opens on the first phone and no other."""
PHONE_SECRET_BYTES: Final = 16
CSRF_FIELD: Final = "csrf"
PROGRAM_HEADER: Final = "X-Dermkiosk-Program"
PROGRAM_VALUE: Final = "self-check"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS: Final = SAFE_METHODS | {"POST", "PUT", "DELETE"}


def anyone() -> None:
    """Nothing of a case is shown, or a photo is handed in."""


def link() -> None:
    """The phone that opened the case's link first, and the kiosk's own screen.

    Raises :class:`appliance.errors.CaseUnknown` for every other phone and token alike.
    """
    token, store = (request.view_args or {})["token"], services().store
    if place() == "kiosk":
        g.case = store.by_token(token)
        return
    # A page takes the link at once: not each has pictures that would come back with the secret. Programs need none.
    holder = phone_secret() if request.blueprint == "phone" else request.cookies.get(PHONE_COOKIE)
    g.case = store.opened(token, holder)


def phone_secret() -> str:
    """The secret of the phone that asks; one that has none yet gets this with the answer."""
    secret: str = request.cookies.get(PHONE_COOKIE) or g.setdefault(
        "phone_secret", secrets.token_urlsafe(PHONE_SECRET_BYTES)
    )
    return secret


def kiosk_session() -> None:
    """The kiosk's own screen; what changes something must also come from its own page."""
    kiosk: Kiosk = current_app.extensions["kiosk"]
    if not _same(request.cookies.get(SESSION_COOKIE), kiosk.session):
        raise RequestRefused("no kiosk session")
    if request.method not in SAFE_METHODS:
        _check_origin()
        if not _same(request.form.get(CSRF_FIELD), kiosk.csrf):
            raise RequestRefused("no CSRF token")


def own_page() -> None:
    """Anyone, but only from a page of this box."""
    if request.method not in SAFE_METHODS:
        _check_origin()


def staff_session() -> None:
    """Whoever gave the PIN; what changes something must also come from their own page. Raises :class:`LoginNeeded`."""
    _signed_in()
    if request.method not in SAFE_METHODS:
        _check_origin()
        if not _same(request.form.get(CSRF_FIELD), staff().csrf):
            raise RequestRefused("no CSRF token")


def kiosk_staff() -> None:
    """The kiosk's own screen, and the PIN as soon as there is one."""
    kiosk_session()
    if services().store.pin.generation:
        _signed_in()


def staff() -> Session:
    """The session that the staff rule found. Raises :class:`LoginNeeded`."""
    session = known_staff()
    if session is None:
        raise LoginNeeded(request.path)
    return session


def known_staff() -> Session | None:
    """The same where there is one."""
    session: Session | None = g.get("staff")
    return session


def setup_link() -> None:
    """Whoever reads the link on the kiosk's screen, until the box is set up.

    Raises :class:`appliance.request_errors.PageUnknown` for a wrong one, one of an earlier start, an ended one alike.
    """
    kept = services().store.setup
    if kept.state == "done" or not _same((request.view_args or {})["key"], kept.token):
        raise PageUnknown("not the link on the kiosk's screen")


def own_program() -> None:
    """A program of this box. Browsers do not let another site's page set the header. Raises :class:`RequestRefused`."""
    if request.headers.get(PROGRAM_HEADER) != PROGRAM_VALUE:
        raise RequestRefused("not from a program of the box")


RULES: Final[Mapping[str, Rule]] = {
    "static": anyone,
    "health.healthz": anyone,
    "phone.delete": link,
    "lan.home": anyone,
    "phone.send": anyone,
    "phone.receive": anyone,
    "phone.result": link,
    "api.add_photo": anyone,
    "api.result": link,
    "api.activation_map": link,
    "phone.go_on": link,
    "phone.refer": link,
    "api.photo": link,
    "api.marked": link,
    "phone.printed": link,
    "phone.letter": link,
    "api.result_pdf": link,
    "api.letter_pdf": link,
    # Opening the page is what starts the session: only this machine reaches the port, and check_host keeps
    # other sites from reaching it through this machine's browser.
    "kiosk.home": anyone,
    "kiosk.start": kiosk_session,
    "kiosk.consent": kiosk_session,
    "kiosk.site": kiosk_session,
    "kiosk.capture": kiosk_session,
    "kiosk.again": kiosk_session,
    "kiosk.go_on": kiosk_session,
    "kiosk.refer": kiosk_session,
    "kiosk.end": kiosk_session,
    "kiosk.new": kiosk_session,
    "kiosk.earlier": kiosk_session,
    "kiosk.code": kiosk_session,
    "kiosk.back": kiosk_session,
    "kiosk.close_up": kiosk_session,
    "kiosk.hand_over": kiosk_session,
    "kiosk.revoke": kiosk_session,
    "kiosk.renew": kiosk_session,
    "kiosk.another": kiosk_session,
    "kiosk.done": kiosk_session,
    "kiosk.here": kiosk_session,
    "calibration.overview": kiosk_staff,
    "calibration.page": kiosk_staff,
    "calibration.measure": kiosk_staff,
    "calibration.printed": kiosk_staff,
    "setup.home": kiosk_staff,
    "setup.page": kiosk_staff,
    "setup.act": kiosk_staff,
    # Putting it off changes nothing, and leaves a box that comes up in the middle of it to the patients.
    "setup.later": kiosk_session,
    "setup.state": kiosk_staff,
    "setup.preview": kiosk_staff,
    # Their own rule: the link on the kiosk's screen, while the box is being set up.
    "helper.type_here": setup_link,
    "helper.typed": setup_link,
    "helper.card": setup_link,
    "wifi_card.card_again": staff_session,
    "calibration.ring": own_program,
    "kiosk.state": kiosk_session,
    "kiosk.preview": kiosk_session,
    "first_pin.page": kiosk_session,
    "first_pin.keep": kiosk_session,
    "staff.login": own_page,
    "staff.logout": staff_session,
    "staff.home": staff_session,
    "staff_paper.printed": staff_session,
    "staff_paper.letter": staff_session,
    "staff_paper.result_pdf": staff_session,
    "staff_paper.letter_pdf": staff_session,
    "directory.page": staff_session,
    "directory.preview": staff_session,
    "directory.keep": staff_session,
    "directory.change_pathway": staff_session,
    "staff.audit": staff_session,
    "staff.pin": staff_session,
    "staff_cases.index": staff_session,
    "staff_cases.case": staff_session,
    "staff_cases.photo": staff_session,
    "staff_cases.activation_map": staff_session,
    "staff_cases.review": staff_session,
    "staff_cases.diagnose": staff_session,
    "staff_cases.note": staff_session,
    "staff_cases.delete": staff_session,
    "staff_export.case": staff_session,
    "staff_export.cases": staff_session,
    "staff_copies.page": staff_session,
    "staff_copies.start": staff_session,
    "staff_link.renew": staff_session,
    "staff_figures.page": staff_session,
    "staff_retention.page": staff_session,
    "staff_retention.apply": staff_session,
    "staff_retention.kept": staff_session,
    "staff_health.page": staff_session,
    "staff_health.support_bundle": staff_session,
    "staff_health.repair_seen": staff_session,
    "staff_settings.page": staff_session,
    "staff_settings.change": staff_session,
    "staff_settings.rename": staff_session,
    "staff.change_pin": staff_session,
    "clock.page": staff_session,
    "clock.change": staff_session,
}


def guard() -> None:
    """Before each request: apply the route's rule. Raises :class:`RequestRefused` where it has none."""
    if request.endpoint is None:
        return  # no such route: Flask answers 404 or 405
    rule = RULES.get(request.endpoint)
    if rule is None:
        raise RequestRefused(f"no access rule for {request.endpoint}")
    rule()


def check_host() -> None:
    """Refuse names that merely resolve to this machine (DNS rebinding). Raises :class:`RequestRefused`."""
    if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
        raise RequestRefused(f"the kiosk is not {request.host}")


def shown_case() -> Case:
    """The case that the link rule found."""
    case: Case = g.case
    return case


def _signed_in() -> None:
    sessions: Sessions = current_app.extensions["sessions"]
    g.staff = sessions.find(request.cookies.get(STAFF_COOKIE, ""), services().store.pin.generation)
    staff()


def _check_origin() -> None:
    """Browsers say where a form comes from. None and "null" are refused, too: our pages have their own origin sent."""
    origin = request.headers.get("Origin")
    if origin != request.host_url.rstrip("/"):
        raise RequestRefused(f"from {origin}")


def _same(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())
