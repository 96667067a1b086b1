"""Two apps over the same services: the kiosk's, for this machine alone, and the phones'."""

import io
import threading
from functools import partial
from typing import IO, Final

from flask import Flask, Request, request
from jinja2 import StrictUndefined

from appliance.cases.clock import local, now
from appliance.messages import LANGUAGES
from appliance.request_errors import LoginNeeded
from appliance.vision.photo import MAX_BYTES
from appliance.web import access, audit_words, headers, language, look, problems, qr
from appliance.web.api import api
from appliance.web.calibration import Guide, calibration
from appliance.web.clock import clock
from appliance.web.directory import directory
from appliance.web.health import health
from appliance.web.kiosk import kiosk
from appliance.web.looks import Looks
from appliance.web.next_step import next_step
from appliance.web.phone import lan, phone
from appliance.web.services import EXTENSION, Services, place
from appliance.web.services import services as current_services
from appliance.web.sessions import Sessions
from appliance.web.setup import helper, setup, way_in, wifi_card
from appliance.web.staff import login_first, staff
from appliance.web.staff_cases import staff_cases
from appliance.web.staff_copies import staff_copies
from appliance.web.staff_export import staff_export
from appliance.web.staff_figures import staff_figures
from appliance.web.staff_health import staff_health
from appliance.web.staff_link import staff_link
from appliance.web.staff_paper import staff_paper
from appliance.web.staff_pin import first_pin
from appliance.web.staff_retention import staff_retention
from appliance.web.staff_settings import staff_settings
from appliance.web.visit import Kiosk

FORM_BYTES: Final = 2**20
"""Room for what surrounds the photo in an upload."""
UPLOAD_MAX_BYTES: Final = MAX_BYTES + FORM_BYTES
KIOSK_IDLE_S: Final = 180.0
"""Staff who walk away from the kiosk leave it to the next patient."""
SERVER_MAX_BYTES: Final = 96 * 2**20
"""Until here the server reads a body that is too large, so that the sender gets a sentence and not a cut line.

No phone's photo is larger; and what lies between the two limits is spooled to the disk, which must not fill."""


def create_kiosk_app(services: Services) -> Flask:
    """The kiosk's app. Serve it on the loopback address and nowhere else."""
    # The host comes first: a foreign name must not even learn which routes there are.
    app = _app(services, guards=(access.check_host, access.guard), browser_language=False, idle_s=KIOSK_IDLE_S)
    app.extensions["kiosk"] = Kiosk(services)
    app.jinja_env.globals["csrf"] = app.extensions["kiosk"].csrf
    app.extensions["guide"] = Guide(threading.Lock())
    app.register_blueprint(kiosk)
    app.register_blueprint(calibration)
    app.register_blueprint(first_pin)
    app.register_blueprint(setup)
    return app


def create_lan_app(services: Services) -> Flask:
    """The phones' app: nothing of the kiosk is in it."""
    idle_s = services.settings.staff_minutes * 60
    app = _app(services, guards=(access.guard,), browser_language=True, idle_s=idle_s)
    app.register_blueprint(lan)
    app.register_blueprint(helper)
    app.register_blueprint(staff_export)
    return app


class UploadRequest(Request):
    """Keeps what is uploaded in memory: a photo that is refused has never been on the disk."""

    def _get_file_stream(self, *_positions: object, **_names: object) -> IO[bytes]:
        return io.BytesIO()


def _app(services: Services, guards: tuple[access.Rule, ...], browser_language: bool, idle_s: float) -> Flask:
    app = Flask(__name__)
    app.request_class = UploadRequest
    app.config.update(MAX_CONTENT_LENGTH=UPLOAD_MAX_BYTES, BROWSER_LANGUAGE=browser_language)
    app.extensions[EXTENSION] = services
    app.extensions["sessions"] = Sessions(idle_s)
    app.extensions["looks"] = Looks()
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters["local"] = local
    app.jinja_env.filters["audit_detail"] = audit_words.detail
    app.jinja_env.filters["backup_failure"] = audit_words.failure
    app.context_processor(_words)
    for guard in guards:
        app.before_request(guard)
    app.after_request(headers.keep_in_tls)  # the first of these is called last
    app.after_request(language.remember)
    app.after_request(look.remember)
    app.after_request(headers.protect)
    problems.register(app)
    app.register_error_handler(LoginNeeded, login_first)
    for blueprint in (
        wifi_card,
        staff_link,
        phone,
        api,
        health,
        staff,
        staff_cases,
        staff_figures,
        staff_settings,
        staff_copies,
        staff_health,
        staff_retention,
        clock,
        staff_paper,
        directory,
    ):
        app.register_blueprint(blueprint)
    return app


def _words() -> dict[str, object]:
    """What every template may use."""
    here = request.path if request.method == "GET" else "/"
    return {
        "t": language.translate,
        "language": language.reader_language(),
        "languages": [(code, f"{here}?{language.COOKIE}={code}") for code in LANGUAGES],
        "staff_csrf": session.csrf if (session := access.known_staff()) else None,
        "at_kiosk": place() == "kiosk",
        "dark_media": look.dark_media(),
        "look": look.look(),
        "simulated": current_services().station.simulated,
        "next_step": partial(next_step, current_services().store),
        "clock_unverified": now().clock != "synced",
        "set_up": current_services().store.setup.state == "done",
        "staff_open": current_services().store.pin.generation > 0,
        "way_in": way_in(),
        "network": qr.network,
        "notices": lambda: [check for check in current_services().checks() if check.notice],
    }
