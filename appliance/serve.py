"""The box, put together: devices, model, store, worker and the two listeners. Started here, and stopped in reverse."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from flask import Flask
from waitress.server import create_server

from appliance.cases.document import Origin, PhotoRecord, build, model_record, refusal
from appliance.cases.store import Case, ClassMaps, Document, Store
from appliance.cases.worker import Worker
from appliance.errors import PortTaken
from appliance.health import camera, database, disk, network, worker
from appliance.health.result import Result
from appliance.lan import address
from appliance.settings import Settings
from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels
from appliance.vision.sandbox import Decoder
from appliance.web.app import SERVER_MAX_BYTES, create_kiosk_app, create_lan_app
from appliance.web.services import Services
from firmware import factories
from firmware.station import Station

LOOPBACK: Final = "127.0.0.1"
STOP_TIMEOUT_S: Final = 30.0
THREADS: Final = 8
"""Per listener: a phone that uploads slowly holds one."""

log = logging.getLogger(__name__)


class Listener:
    """One waitress server on a thread of its own."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        try:
            self._server = create_server(
                app, host=host, port=port, threads=THREADS, max_request_body_size=SERVER_MAX_BYTES, ident=None
            )
        except OSError as taken:
            raise PortTaken(f"{host}:{port}: {taken}", port=port) from taken
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._server.run, name=f"listener-{self.port}", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Take no new request, and let those in hand end."""
        self._server.close()
        self._thread.join(timeout=2)


class Answerer:
    """Makes the worker's documents."""

    def __init__(self, assessor: Assessor) -> None:
        self.assessor = assessor
        self.model = model_record(assessor)

    def answer(self, case: Case, pixels: Pixels) -> tuple[Document, ClassMaps | None]:
        """Assess a case's photograph."""
        assessment = self.assessor.assess(pixels)
        return build(_origin(case), assessment, self.model), assessment.class_maps

    def give_up(self, case: Case, error: Exception) -> Document:
        """The document of a photograph that could not be processed."""
        log.error("case number %d is answered with cannot_assess: %s", case.number, error)
        return refusal(_origin(case), "failed", "advice.failed", self.model)


def _origin(case: Case) -> Origin:
    photo = PhotoRecord(case.photo_id, case.source, case.taken_at, case.clock, case.sha256)
    return Origin(photo, case.code, case.capture, case.simulated)


@contextmanager
def opened_station(settings: Settings) -> Iterator[Station]:
    """The devices the settings name, and no others."""
    with ExitStack() as stack:
        light = stack.enter_context(factories.open_light(settings.light, settings.light_pin, settings.light_level))
        indicator = stack.enter_context(factories.open_indicator(settings.indicator, settings.indicator_pins))
        button = stack.enter_context(factories.open_button(settings.button, settings.button_pin))
        lens = stack.enter_context(factories.open_camera(settings.camera, light))
        yield stack.enter_context(Station(lens, light, indicator, button))


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. ``say`` gets a line for each step, the addresses last."""
    with ExitStack() as stack:
        say("1/4 model: checking the files and the test picture")
        answerer = Answerer(Assessor.open(settings.bundle_folder, settings.threads))
        say(f"2/4 devices: camera {settings.camera}, light {settings.light}, button {settings.button}")
        station = stack.enter_context(opened_station(settings))
        say(f"3/4 cases: {settings.state}")
        store = stack.enter_context(Store(settings.state))
        queue = stack.enter_context(_working(Worker(store, answerer.answer, answerer.give_up)))
        say("4/4 pages")
        decoder = stack.enter_context(Decoder())
        lan_port = settings.lan_port

        def lan_url() -> str:
            return f"http://{address(settings.lan_address) or LOOPBACK}:{lan_port}"

        services = Services(
            settings, store, queue.wake, station, decoder, _checks(settings, station, store, queue), lan_url
        )
        kiosk = _listening(stack, create_kiosk_app(services), LOOPBACK, settings.kiosk_port)
        phones = _listening(stack, create_lan_app(services), settings.lan_bind, settings.lan_port)
        lan_port = phones.port
        station.show("ready")
        say(f"kiosk http://{LOOPBACK}:{kiosk.port}/")
        say(f"phones {lan_url()}/")
        _wait_for_signal()
        say("stopping: the photograph in hand is finished first")


def _listening(stack: ExitStack, app: Flask, host: str, port: int) -> Listener:
    listener = Listener(app, host, port)
    stack.callback(listener.close)
    listener.start()
    return listener


@contextmanager
def _working(queue: Worker) -> Iterator[Worker]:
    queue.start()
    try:
        yield queue
    finally:
        if not queue.stop(STOP_TIMEOUT_S):
            log.error(
                "the worker did not stop within %d s; its photograph is answered at the next start", STOP_TIMEOUT_S
            )


def _checks(settings: Settings, station: Station, store: Store, queue: Worker) -> Callable[[], Sequence[Result]]:
    def run() -> Sequence[Result]:
        return (
            camera.check(station),
            database.check(store),
            worker.check(queue),
            disk.check(settings.state),
            network.check(settings.lan_address),
        )

    return run


def _wait_for_signal() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
