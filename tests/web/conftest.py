"""The pages over a real store, a real decoder and simulated hardware; only the answers are made up."""

import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from appliance.cases import pin
from appliance.cases.document import Origin, PhotoRecord, build
from appliance.cases.store import Case, Store
from appliance.health.result import Result
from appliance.settings import Settings
from appliance.vision.assessment import Assessment, Check, Finding, Outcome, Quality, Seen
from appliance.vision.classes import CLASSES, ClassId
from appliance.vision.photo import Pixels, decode
from appliance.vision.quality.gate import CHECKS
from appliance.vision.risk import grade
from appliance.web.app import create_kiosk_app, create_lan_app
from appliance.web.services import Services
from appliance.web.visit import Kiosk
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Scene, Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw

TO_THE_CLOSE_UP = ("start", "consent", "new", "site", "close-up")
PIN = "482915"

SMALL = (768, 576)
"""Half the synthetic camera's frame: a quarter of the time."""
WAIT_S = 60.0
LAN_URL = "http://192.168.1.5:8000"
MODEL = {"bundle": "test", "sha256": "0" * 64, "runtime": "none", "delegate": "none"}
Answer = Callable[..., None]


@dataclass
class Hardware:
    """The station with the devices one can turn on and break."""

    station: Station
    camera: SyntheticCamera
    button: SimulatedButton
    indicator: SimulatedIndicator


@pytest.fixture(scope="session")
def scene() -> Scene:
    """Drawn once: it takes seconds."""
    return draw(Skin(), SMALL)


@pytest.fixture
def hardware(scene: Scene) -> Iterator[Hardware]:
    light, button, indicator = SimulatedLight(), SimulatedButton(), SimulatedIndicator()
    camera = SyntheticCamera(light, scene, size=SMALL)
    with Station(camera, light, indicator, button, WAIT_S, clock=lambda: 0.0) as station:
        yield Hardware(station, camera, button, indicator)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def checks() -> list[Result]:
    """What /healthz is told; a test may add to it."""
    return [Result("camera", ok=True)]


@pytest.fixture
def services(hardware: Hardware, store: Store, checks: list[Result], tmp_path: Path) -> Services:
    settings = Settings(language="zh", queue_limit=3, state=tmp_path / "state")
    return Services(settings, store, lambda: None, hardware.station, decode, lambda: checks, lambda: LAN_URL)


class Browser(FlaskClient):
    """As a browser on the box's own page: a form says where it comes from."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.comes_from("http://localhost")

    def comes_from(self, origin: str | None) -> None:
        """What the next forms say; ``None``: nothing."""
        self.environ_base.pop("HTTP_ORIGIN", None)
        if origin is not None:
            self.environ_base["HTTP_ORIGIN"] = origin


@pytest.fixture(autouse=True)
def browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test client is one."""
    monkeypatch.setattr(Flask, "test_client_class", Browser)


@pytest.fixture
def phone(services: Services) -> FlaskClient:
    """A phone on the network that asks for English."""
    client = create_lan_app(services).test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en-GB,en;q=0.9"
    return client


@pytest.fixture
def kiosk(services: Services) -> FlaskClient:
    """The kiosk's own browser, before it opened the page."""
    return create_kiosk_app(services).test_client()


@pytest.fixture
def answer(store: Store) -> Answer:
    """Answer everything that waits, as the worker would."""

    def give(
        outcome: Outcome = "findings",
        top: ClassId = "psoriasis",
        failed: tuple[str, ...] = (),
        seen: Seen | None = None,
        shares: dict[ClassId, float] | None = None,
    ) -> None:
        while (case := store.next_queued()) is not None:
            assessment = replace(assessed(outcome, top, failed, shares), seen=seen)
            store.answer(case, build(origin(case), assessment, MODEL), assessment.class_maps)

    return give


def assessed(
    outcome: Outcome, top: ClassId, failed: tuple[str, ...], given: dict[ClassId, float] | None = None
) -> Assessment:
    """A made-up assessment of the shape the real one has; ``given``: probabilities, likeliest first, if others."""
    checks = (
        Check("focus", True, 1.0, 0.5, "advice.focus"),
        *(Check(_asked_by(advice), False, 0, 1, advice) for advice in failed),
    )
    if outcome == "cannot_assess":
        return Assessment(outcome, Quality(checks))
    rest = [each for each in CLASSES if each != top]
    shares = {top: 0.63, rest[0]: 0.2, rest[1]: 0.1, rest[2]: 0.05, **dict.fromkeys(rest[3:], 0.005)}
    if given:
        top, rest = next(iter(given)), list(given)[1:]
        shares = given | {each: 0.0 for each in CLASSES if each not in given}
    findings = tuple(Finding(each, share, "limited") for each, share in shares.items())
    maps = np.zeros((8, 8, len(CLASSES)), np.float32)
    maps[3:5, 3:5] = 1
    none_of_these = outcome == "none_of_these"
    risk = grade(findings, none_of_these, malignancy_threshold=0.4)
    return Assessment(outcome, Quality(checks), findings, 0.1, (top, rest[0]), risk, maps)


def _asked_by(advice: str) -> str:
    """Id of the check that gives this advice."""
    return next((module.ID for module in CHECKS if advice in module.ADVICE), advice.removeprefix("advice."))


def origin(case: Case) -> Origin:
    photo = PhotoRecord(case.photo_id, case.source, case.taken_at, case.clock, case.sha256)
    return Origin(photo, case.code, case.capture, case.simulated, case.reservation)


@pytest.fixture
def picture() -> Pixels:
    """uint8 RGB, 240×320×3."""
    return np.random.default_rng(1).integers(90, 200, (240, 320, 3), dtype=np.uint8)


@pytest.fixture
def as_file(picture: Pixels) -> Callable[[str], bytes]:
    """The picture as a file of a Pillow format."""

    def encode(file_format: str) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, file_format)
        return file.getvalue()

    return encode


@pytest.fixture
def form(as_file: Callable[[str], bytes]) -> Callable[..., dict[str, Any]]:
    """A complete upload; keyword arguments replace its parts, ``None`` leaves one out."""

    def fill(**parts: Any) -> dict[str, Any]:
        filled = {"photo": (as_file("JPEG"), "photo.jpg"), "site": "forearm", "consent": "yes"} | parts
        if filled["photo"] is not None:
            data, name = filled["photo"]
            filled["photo"] = (io.BytesIO(data), name)
        return {"data": {name: value for name, value in filled.items() if value is not None}}

    return fill


@pytest.fixture
def sent(phone: FlaskClient, form: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What the API said to one accepted photo."""
    answered: dict[str, Any] = phone.post("/api/v1/photos", **form()).get_json()
    return answered


@pytest.fixture
def laptop(services: Services, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A clinician who is logged in and reads English."""
    monkeypatch.setattr(pin, "COST", 16)
    services.store.pin.set(PIN, "kiosk")
    client = create_lan_app(services).test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert client.post("/staff/login", data={"pin": PIN}).status_code == 303
    return client


@pytest.fixture
def page(kiosk: FlaskClient) -> Callable[[], str]:
    """The kiosk's page as it is now."""
    return lambda: kiosk.get("/").text


@pytest.fixture
def by_page(kiosk: FlaskClient, page: Callable[[], str]) -> Callable[..., int]:
    """Send one of the page's forms; returns the status."""

    def send(step: str, **fields: str) -> int:
        csrf = re.search(r'name="csrf" value="([^"]+)"', page())
        assert csrf
        return kiosk.post(f"/kiosk/{step}", data={"csrf": csrf[1], **fields}).status_code

    return send


def walk(do: Callable[..., int], *steps: str) -> None:
    """Take these steps, saying what each of them asks for."""
    for step in steps:
        do(step, consent="yes", site="back")


@pytest.fixture
def live(by_page: Callable[..., int]) -> None:
    """A new patient who agreed and said where, before the close-up."""
    walk(by_page, *TO_THE_CLOSE_UP)


@pytest.fixture
def phase(kiosk: FlaskClient) -> Callable[[], str]:
    return lambda: str(kiosk.get("/kiosk/state").get_json()["phase"])


@pytest.fixture
def until(phase: Callable[[], str]) -> Callable[..., str]:
    """Wait until the visit has left the phase ``capturing``; returns the phase."""

    def wait() -> str:
        end = time.monotonic() + WAIT_S
        while phase() == "capturing" and time.monotonic() < end:
            time.sleep(0.02)
        return phase()

    return wait


class Clock:
    """Stands still until it is told."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visit(kiosk: FlaskClient, services: Services, clock: Clock) -> Kiosk:
    """The kiosk's visit, whose time goes by only when a test says so."""
    mine = Kiosk(services, clock)
    mine.session, mine.csrf = "session", "csrf"
    kiosk.application.extensions["kiosk"] = mine
    kiosk.get("/")
    return mine


@pytest.fixture
def by_visit(kiosk: FlaskClient, visit: Kiosk) -> Callable[..., int]:
    """Send one form of a page, or several one after another."""

    def send(*steps: str, **fields: str) -> int:
        filled = {"csrf": visit.csrf, "consent": "yes", "site": "back", **fields}
        return [kiosk.post(f"/kiosk/{step}", data=filled).status_code for step in steps][-1]

    return send
