"""The box, put together: devices, model, store, worker and the two listeners. Started here, and stopped in reverse."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final

from flask import Flask
from waitress.server import create_server
from waitress.wasyncore import dispatcher, loop

from appliance.cases.document import Origin, PhotoRecord, build, model_record, refusal
from appliance.cases.keeper import Keeper
from appliance.cases.repair import open_store
from appliance.cases.store import Case, ClassMaps, Document, Store
from appliance.cases.worker import Worker
from appliance.errors import DatabaseDamaged, PortTaken
from appliance.health import backup, camera, database, disk, network, power, repair, tls, worker
from appliance.health import calibration as colours
from appliance.health import setup as first_start
from appliance.health.cached import Cached
from appliance.health.result import Result
from appliance.heartbeat import Heartbeat, proof_of_life
from appliance.lan import address
from appliance.log_tail import LogTail, error_keys
from appliance.settings import Settings
from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels
from appliance.vision.risk import cautious
from appliance.vision.sandbox import Decoder
from appliance.web import access
from appliance.web.app import SERVER_MAX_BYTES, UPLOAD_MAX_BYTES, create_kiosk_app, create_lan_app
from appliance.web.services import Services
from firmware import calibration, factories
from firmware.errors import CalibrationDamaged, CameraHung
from firmware.recovery import RecoveringCamera
from firmware.station import Station

LOOPBACK: Final = "127.0.0.1"
FORWARDED: Final = "x-forwarded-for x-forwarded-proto"
STOP_TIMEOUT_S: Final = 30.0
THREADS: Final = 8
"""Per listener: a photo that is being decoded holds one."""
DRAIN_S: Final = 25.0
"""For the requests in hand at the end: longer than the slowest photo may take to decode. Two listeners and the worker
stay within the 90 s after which systemd kills."""
CUT_S: Final = 1.0
POLL_S: Final = 1.0
HANG_POLL_S: Final = 1.0

log = logging.getLogger(__name__)


class Listener:
    """One waitress server on a thread of its own, the only one that touches its sockets."""

    def __init__(self, app: Flask, host: str, port: int, proxied: bool = False) -> None:
        """``proxied``: haproxy on this machine comes before it, and says who asks (docs/tls.md)."""
        trusted = {"trusted_proxy": LOOPBACK, "trusted_proxy_headers": FORWARDED} if proxied else {}
        self._sockets: dict[int, Any] = {}
        try:
            self._server = create_server(
                app,
                map=self._sockets,
                host=host,
                port=port,
                threads=THREADS,
                max_request_body_size=SERVER_MAX_BYTES,
                # A photo that can be accepted is kept in memory: its EXIF says where the patient lives, and must
                # not reach the disk before it is stripped.
                inbuf_overflow=UPLOAD_MAX_BYTES + 1,
                # Nor must what leaves, an export: it waits in memory, 16 MiB (outbuf_high_watermark) and one file of it
                # for each connection.
                outbuf_overflow=sys.maxsize,
                ident=None,
                clear_untrusted_proxy_headers=True,
                **trusted,
            )
        except OSError as taken:
            raise PortTaken(f"{host}:{port}: {taken}", port=port) from taken
        self.port = int(self._server.effective_port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listener-{self.port}", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Take no new connection, and let the requests in hand end; after :data:`DRAIN_S` seconds they are cut."""
        self._server.trigger.pull_trigger(self._stopping.set)  # wakes the thread, which then sets it
        self._thread.join(timeout=DRAIN_S + POLL_S + 2 * CUT_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._poll()
        dispatcher.close(self._server)  # its socket alone: Server.close() would take the trigger from running requests
        end = time.monotonic() + DRAIN_S
        while self._in_hand() and time.monotonic() < end:
            self._poll()
        self._cut()

    def _poll(self) -> None:
        loop(timeout=POLL_S, map=self._sockets, count=1)

    def _in_hand(self) -> int:
        """Connections whose request is being received, worked on or answered."""
        channels = self._server.active_channels.values()
        return sum(bool(each.request or each.requests or each.total_outbufs_len) for each in channels)

    def _cut(self) -> None:
        if unfinished := self._in_hand():
            log.warning("%d requests were not finished within %g s", unfinished, DRAIN_S)
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        self._server.task_dispatcher.shutdown(timeout=CUT_S)
        self._server.close()


class Answerer:
    """Makes the worker's documents."""

    def __init__(self, assessor: Assessor) -> None:
        self.assessor = assessor
        self.model = model_record(assessor)

    def answer(self, case: Case, pixels: Pixels) -> tuple[Document, ClassMaps | None]:
        """Assess a case's photograph."""
        assessment = self.assessor.assess(pixels, use_gate=not case.reservation, mm_per_pixel=case.mm_per_pixel)
        if case.reservation and assessment.risk is not None:
            assessment = replace(assessment, risk=cautious(assessment.risk))
        return build(_origin(case), assessment, self.model), assessment.class_maps

    def give_up(self, case: Case, error: Exception) -> Document:
        """The document of a photograph that could not be processed."""
        log.error("case number %d is answered with cannot_assess: %s", case.number, error)
        return refusal(_origin(case), "failed", "advice.failed", self.model)


def _origin(case: Case) -> Origin:
    photo = PhotoRecord(case.photo_id, case.source, case.taken_at, case.clock, case.sha256)
    return Origin(photo, case.code, case.capture, case.simulated, case.reservation)


@contextmanager
def opened_station(settings: Settings) -> Iterator[Station]:
    """The devices the settings name, and no others."""
    with ExitStack() as stack:
        light = stack.enter_context(factories.open_light(settings.light, settings.light_pin, settings.light_level))
        indicator = stack.enter_context(factories.open_indicator(settings.indicator, settings.indicator_pins))
        button = stack.enter_context(factories.open_button(settings.button, settings.button_pin))
        lens = stack.enter_context(RecoveringCamera(lambda calls: factories.open_camera(settings.camera, light, calls)))
        yield stack.enter_context(
            Station(lens, light, indicator, button, calibration=_calibration_of(lens.hardware_id, settings))
        )


def _calibration_of(hardware_id: str | None, settings: Settings) -> calibration.Calibration | None:
    """The stored one, if it is this camera's. The box works without; ``dermkiosk doctor`` says what is wrong."""
    try:
        stored = calibration.load(settings.calibration_file)
    except CalibrationDamaged as damaged:
        log.warning("the calibration is left out: %s", damaged)
        return None
    if stored is not None and stored.hardware_id != hardware_id:
        log.warning("the calibration is left out: it is of %s, this is %s", stored.hardware_id, hardware_id)
        return None
    return stored


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. ``say`` gets a line for each step, the addresses last."""
    with ExitStack() as stack:
        tail = stack.enter_context(_remembered_log())
        say("1/4 model: checking the files and the test picture")
        answerer = Answerer(Assessor.open(settings.bundle_folder, settings.threads))
        say(f"2/4 devices: camera {settings.camera}, light {settings.light}, button {settings.button}")
        station = stack.enter_context(opened_station(settings))
        say(f"3/4 cases: {settings.state}")
        store = stack.enter_context(open_store(settings.state))
        stack.enter_context(Keeper(store.spare))
        queue = stack.enter_context(_working(Worker(store, answerer.answer, answerer.give_up)))
        say("4/4 pages")
        decoder = stack.enter_context(Decoder())
        lan_port = settings.lan_port

        def lan_url() -> str | None:
            host = address(settings.lan_address)
            return host and (f"https://{host}" if settings.tls else f"http://{host}:{lan_port}")

        checks = _checks(settings, station, store, queue)
        services = Services(settings, store, queue.wake, station, decoder, checks, lan_url, tail)
        stop = _on_signal()  # before the first request, which a signal must not cut
        kiosk = _listening(stack, create_kiosk_app(services), LOOPBACK, settings.kiosk_port)
        bind = LOOPBACK if settings.tls else settings.lan_bind
        phones = _listening(stack, create_lan_app(services), bind, settings.lan_port, proxied=settings.tls)
        lan_port = phones.port
        station.show("ready")
        say(f"kiosk http://{LOOPBACK}:{kiosk.port}/")
        if lan_url() is None:
            say("no network was found: phones cannot reach the box, and its pages show no link")
        if settings.button == "terminal":
            say('button: Enter in this terminal presses it; "hold" and Enter presses it long')
        say(f"phones {lan_url() or f'http://{LOOPBACK}:{lan_port}'}/")
        heartbeat = stack.enter_context(Heartbeat(lambda: proof_of_life(station, store, queue)))
        wait_until_stopped(stop, station, damaged=lambda: store.spare.needed)
        heartbeat.stopping()
        say("stopping: the photograph in hand is finished first")


def wait_until_stopped(
    stop: threading.Event,
    station: Station,
    poll_s: float = HANG_POLL_S,
    damaged: Callable[[], bool] = lambda: False,
) -> None:
    """Until ``stop`` is set. Raises :class:`CameraHung` where the camera's driver hangs for good, and
    :class:`DatabaseDamaged` where the database was found ``damaged`` while it was in use.

    The process then ends with status 1, and systemd starts it again: nothing else gets a driver back that does
    not return, and a start puts the database back.
    """
    while not stop.wait(poll_s):
        if station.hung:
            raise CameraHung("the camera's driver does not return")
        if damaged():
            raise DatabaseDamaged("found while it was in use")


def _listening(stack: ExitStack, app: Flask, host: str, port: int, proxied: bool = False) -> Listener:
    listener = Listener(app, host, port, proxied)
    stack.callback(listener.close)
    listener.start()
    return listener


@contextmanager
def _remembered_log() -> Iterator[LogTail]:
    """Keep the program's lines for the support file while it runs."""
    tail = LogTail((*access.RULES, *access.METHODS, *error_keys()))
    logging.getLogger().addHandler(tail)
    try:
        yield tail
    finally:
        logging.getLogger().removeHandler(tail)


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
    lens = Cached(lambda: camera.check(station), camera.KEEP_S)
    storage = Cached(lambda: database.check(store), database.KEEP_S)
    safety = Cached(lambda: backup.check(store), backup.KEEP_S)
    supply = Cached(power.check, power.KEEP_S)
    secured = Cached(lambda: tls.check(settings.tls), tls.KEEP_S)

    def run() -> Sequence[Result]:
        """All checks, the dear ones from their last answer."""
        return (
            lens(),
            storage(),
            worker.check(queue),
            disk.check(settings.state),
            network.check(settings.lan_address),
            colours.check(settings, station),
            supply(),
            secured(),
            first_start.check(store.setup.state == "done"),
            safety(),
            repair.check(store),
        )

    return run


def _on_signal() -> threading.Event:
    """Set by SIGTERM and SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
