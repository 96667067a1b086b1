"""The whole program in one process, Chromium in another. Nothing in between is replaced."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from appliance.cases.store import Case, Store
from appliance.cases.worker import Worker
from appliance.serve import Answerer, Listener
from appliance.settings import Settings
from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels, decode
from appliance.web.app import create_kiosk_app, create_lan_app
from appliance.web.services import Services
from firmware.coverings import Coverings
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw

CHROMIUM = Path("/usr/bin/chromium")
PLAIN_HTTP = "box.example"
"""Leads to this machine; unlike 127.0.0.1 it does not count as secure, as a box's address on a clinic's network."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--host-resolver-rules=MAP {PLAIN_HTTP} 127.0.0.1",
]
DERMKIOSK = str(Path(sys.executable).with_name("dermkiosk"))
SERVE = [DERMKIOSK, "serve", "--kiosk-port", "0", "--lan-port", "0"]
SYNTHETIC = ["--camera", "synthetic"]
SIMULATED = ["--light", "simulated", "--button", "simulated", "--indicator", "simulated"]
RESULT_MS = 60_000
HANGS_S = 60.0
"""A camera that hangs may be looked at for so long before the box gives it up."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Box:
    """Addresses of a running box, and the store where it runs in this process."""

    kiosk: str
    phones: str
    store: Store | None = None
    release: threading.Event = field(default_factory=threading.Event)
    """Where the worker is held back: set it, and it answers."""
    services: Services | None = None
    """Likewise."""
    camera: SyntheticCamera | None = None
    """Likewise: faults can be switched on."""


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """``dermkiosk serve`` as an installer starts it without a Raspberry Pi."""
    command = [*SERVE, *SYNTHETIC, *SIMULATED, "--state", str(tmp_path_factory.mktemp("state"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            kiosk = _told(process.stdout, "kiosk ")
            yield Box(kiosk, _told(process.stdout, "phones "))
        finally:
            process.terminate()
            process.wait(timeout=60)


def _told(lines: Any, prefix: str) -> str:
    for line in lines:
        if line.startswith(prefix):
            return str(line.removeprefix(prefix).strip().rstrip("/"))
    pytest.fail(f"dermkiosk serve ended before it said {prefix!r}")


@pytest.fixture
def held_box(tmp_path: Path, assessor: Assessor) -> Iterator[Box]:
    """A box in this process whose worker answers when it is released: so that waiting can be looked at."""
    with held(tmp_path / "state", assessor) as box:
        yield box


@contextmanager
def held(state: Path, assessor: Assessor) -> Iterator[Box]:
    """See :func:`held_box`."""
    settings = Settings(camera="synthetic", state=state, language="zh")
    answerer = Answerer(assessor)
    release = threading.Event()

    def answer(case: Case, pixels: Pixels) -> tuple[dict[str, Any], Any]:
        release.wait()
        return answerer.answer(case, pixels)

    light = SimulatedLight()
    camera = SyntheticCamera(light)
    with (
        Station(camera, light, SimulatedIndicator(), SimulatedButton(), HANGS_S) as station,
        Store(settings.state) as store,
        ExitStack() as listening,
    ):
        worker = Worker(store, answer, answerer.give_up)
        services = Services(settings, store, worker.wake, station, decode, lambda: (), lambda: "http://127.0.0.1")
        ports = []
        for app in (create_kiosk_app(services), create_lan_app(services)):
            listener = Listener(app, "127.0.0.1", 0)
            listening.callback(listener.close)
            listener.start()
            ports.append(f"http://127.0.0.1:{listener.port}")
        worker.start()
        yield Box(ports[0], ports[1], store, release, services, camera)
        camera.faults.clear()
        release.set()
        listening.close()
        worker.stop(60)


@pytest.fixture(scope="session")
def camera_photo() -> Pixels:
    """What the synthetic camera takes under its light, uint8 RGB, 1152×1536×3."""
    return drawn(Skin())


def drawn(skin: Skin) -> Pixels:
    """What the synthetic camera takes of ``skin`` under its light, uint8 RGB, 1152×1536×3."""
    light = SimulatedLight()
    light.on()
    with SyntheticCamera(light, draw(skin)) as camera:
        for _ in range(12):  # until the exposure has settled
            camera.preview(60)
        return camera.capture(60).pixels


@pytest.fixture(scope="session")
def three_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for a camera that shows photographs: a clear one, then two that are written on."""
    folder = tmp_path_factory.mktemp("photographs")
    put_three(folder)
    return folder


def put_three(folder: Path) -> None:
    """Draw them."""
    written_on = Coverings(ink=0.15)
    lesion = "pearly_nodule"
    skins = (Skin(lesion=lesion), *(Skin(lesion=lesion, seed=seed, coverings=written_on) for seed in (1, 2)))
    for number, skin in enumerate(skins):
        Image.fromarray(drawn(skin)).save(folder / f"{number}.jpg", quality=92)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's; ``./setup.sh test`` installs it. On a busy machine a page is late: what is waited for is its state."""
    expect.set_options(timeout=RESULT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """Everything a page did that it should not do."""

    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        """Note an error, except that Chromium reports each request that fails: those a test provokes itself."""
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.console.append(message.text)

    def see(self, request: Request, allowed: tuple[str, ...]) -> None:
        """Note a request that leaves the box."""
        if not request.url.startswith((*allowed, "blob:")):
            self.outside.append(request.url)


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a window: ``browse(width, height, box)``. In the end nothing may have gone wrong in any of them.

    ``elsewhere``: another site that a test itself sends the window to.
    """
    watched = Watched()
    contexts: list[BrowserContext] = []

    def window(width: int, height: int, box: Box, elsewhere: str = "", **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        port = box.phones.rsplit(":", 1)[1]
        allowed = tuple(filter(None, (box.kiosk, box.phones, f"http://127.0.0.1:{port}", elsewhere)))
        context.on("console", watched.hear)
        context.on("weberror", lambda error: watched.console.append(str(error.error)))
        context.on("request", lambda request: watched.see(request, allowed))
        return context.new_page()

    yield window
    for context in contexts:
        context.close()
    assert watched.console == []
    assert watched.outside == []


@pytest.fixture
def phone(browse: Callable[..., Page]) -> Callable[..., Page]:
    """A phone's window on a box: ``phone(box)``, in English unless told otherwise."""

    def window(box: Box, locale: str = "en-GB", **options: Any) -> Page:
        return browse(390, 844, box, locale=locale, is_mobile=True, has_touch=True, **options)

    return window


@pytest.fixture
def fill() -> Callable[..., None]:
    """Fill the form on /send as a person does, and send it."""

    def filled(page: Page, photo: Path, base: str) -> None:
        page.goto(f"{base}/send")
        page.set_input_files("input[name=phone_gallery]", photo)
        page.select_option("#site", "forearm")
        page.check("input[name=consent]")
        page.click("#form > button")

    return filled


@pytest.fixture
def photo_file(tmp_path: Path, camera_photo: Pixels, encoded: Callable[..., bytes]) -> Path:
    """The camera's photo, as a phone would send it."""
    file = tmp_path / "IMG_0001.jpg"
    file.write_bytes(encoded(camera_photo, "JPEG", quality=92))
    return file


@pytest.fixture
def result() -> Callable[[Page], str]:
    """Wait for the result page; returns the outcome."""

    def wait(page: Page) -> str:
        verdict = page.locator("[data-outcome]")
        expect(verdict).to_be_visible()
        return str(verdict.get_attribute("data-outcome"))

    return wait


def free_port() -> int:
    """One that nobody listens on at the moment."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


class Served:
    """A box on ports of its own that stay the same over a restart. A context manager.

    With ``photographs`` its camera shows that folder's in turn.
    """

    def __init__(self, state: Path, photographs: Path | None = None) -> None:
        self.state = state
        self._camera = SYNTHETIC if photographs is None else ["--camera", f"folder:{photographs}"]
        self.ports = (free_port(), free_port())
        self.log = state.with_name(f"{state.name}.log")
        self._process: subprocess.Popen[str] | None = None

    @property
    def kiosk(self) -> str:
        """The kiosk's address."""
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def phones(self) -> str:
        """The phones' address."""
        return f"http://127.0.0.1:{self.ports[1]}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        ports = ["--kiosk-port", str(self.ports[0]), "--lan-port", str(self.ports[1])]
        command = [DERMKIOSK, "serve", *self._camera, *SIMULATED, *ports, "--state", str(self.state)]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        assert any(line.startswith("phones ") for line in self._process.stdout), self.log.read_text()

    def kill(self) -> None:
        """As a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def __enter__(self) -> "Served":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self.kill()


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Served]:
    """A box in a process of its own that a test kills and starts again."""
    with Served(tmp_path / "state") as running:
        yield running


@pytest.fixture
def plain_http() -> Callable[[Box], Box]:
    """A box by an address that does not count as secure."""
    return lambda box: replace(box, phones=box.phones.replace("127.0.0.1", PLAIN_HTTP))
