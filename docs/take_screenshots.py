"""Take the pictures of the pages that the documents show: ``.venv/bin/python docs/take_screenshots.py``.

Starts the kiosk with simulated hardware and an empty state folder, and walks through it with Debian's Chromium.
The skin is drawn by the synthetic camera: no patient's photograph gets into the documents.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from firmware.coverings import Coverings
from firmware.simulated import SimulatedLight
from firmware.skin import Skin
from firmware.synthetic import SyntheticCamera, draw

FOLDER: Final = Path(__file__).parent / "screenshots"
CHROMIUM: Final = "/usr/bin/chromium"
SERVE: Final = (str(Path(sys.executable).with_name("dermkiosk")), "serve", "--kiosk-port", "0", "--lan-port", "0")
SIMULATED: Final = (
    "--light",
    "simulated",
    "--button",
    "simulated",
    "--indicator",
    "simulated",
)
ANSWER_MS: Final = 60_000
SMALL: Final = ViewportSize(width=800, height=480)
LARGE: Final = ViewportSize(width=1280, height=800)
LESION: Final = "pearly_nodule"
PHONE: Final = ViewportSize(width=390, height=844)


def main() -> None:
    """Write docs/screenshots/*.png."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "photo.jpg").write_bytes(drawn_photo(Skin(lesion=LESION)))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        with kiosk_and_phones(f"folder:{folder}") as (kiosk, phones):
            for language in ("zh", "en"):
                visit(browser, kiosk, language, SMALL, "kiosk")
                upload(browser, phones, language)
                refusals(browser, phones, language)
            visit(browser, kiosk, "en", LARGE, "kiosk-large")
        with kiosk_and_phones("synthetic") as (kiosk, _):
            calibration(browser, kiosk)
        browser.close()


@contextmanager
def kiosk_and_phones(camera: str) -> Iterator[tuple[str, str]]:
    """Addresses of a running box."""
    with tempfile.TemporaryDirectory() as state:
        command = [*SERVE, "--camera", camera, *SIMULATED, "--state", state]
        shown = {**os.environ, "DERMKIOSK_LAN_ADDRESS": "192.168.1.5"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=shown) as process:  # noqa: S603  # ours
            try:
                lines = iter(process.stdout or ())
                kiosk = next(line for line in lines if line.startswith("kiosk ")).split()[1]
                port = next(line for line in lines if line.startswith("phones ")).rsplit(":", 1)[1].strip(" /\n")
                yield kiosk.rstrip("/"), f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


def visit(browser: Browser, kiosk: str, language: str, size: ViewportSize, prefix: str) -> None:
    """A visit at the kiosk, a picture of each step."""
    page = browser.new_page(viewport=size)
    page.goto(f"{kiosk}/?language={language}")
    shoot(page, f"{prefix}-1-welcome-{language}")
    page.click(f".starts button[value={language}]")
    page.check("input[name=consent]")
    shoot(page, f"{prefix}-2-consent-{language}")
    page.click("#continue")
    page.wait_for_selector("body.who")
    shoot(page, f"{prefix}-3-who-{language}")
    page.click("form[action$=earlier] button")
    page.wait_for_selector("#view:not([hidden])")
    shoot(page, f"{prefix}-4-code-{language}")
    page.click("form[action$=new] button")
    page.wait_for_selector("body.site")
    shoot(page, f"{prefix}-5-site-{language}")
    page.click("button[value=forearm]")
    page.wait_for_selector("body.live")
    page.click(".shutter")
    page.wait_for_selector("body.live[data-view=close_up]", timeout=ANSWER_MS)
    page.wait_for_selector("[data-hint=ready]:not([hidden])", timeout=ANSWER_MS)
    shoot(page, f"{prefix}-6-live-{language}")
    page.click(".shutter")
    page.wait_for_selector("[data-outcome]", timeout=ANSWER_MS)
    shoot(page, f"{prefix}-7-result-{language}")
    page.click("form[action$=hand-over] button")
    page.wait_for_selector("body.handover")
    shoot(page, f"{prefix}-8-handover-{language}")
    page.click("form[action$=done] button")
    page.wait_for_selector("body.done")
    shoot(page, f"{prefix}-9-done-{language}")
    page.click("#end button")
    page.wait_for_selector("body.welcome")
    page.close()


def upload(browser: Browser, phones: str, language: str) -> None:
    """A photo sent from a phone, and its result."""
    context = browser.new_context(viewport=PHONE, is_mobile=True)
    page = context.new_page()
    page.goto(f"{phones}/send?language={language}")
    fill(page, drawn_photo(Skin(lesion=LESION)))
    shoot(page, f"phone-1-send-{language}")
    page.click("#form > button")
    page.wait_for_selector("[data-outcome]", timeout=ANSWER_MS)
    shoot(page, f"phone-2-result-{language}")
    if page.locator("label.map-label").count():
        page.click("label.map-label")
        page.locator(".picture").scroll_into_view_if_needed()
        shoot(page, f"phone-3-map-{language}")
    context.close()


def fill(page: Page, jpeg: bytes) -> None:
    """Choose the photo, the site, and agree."""
    photo = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": jpeg}
    page.set_input_files("input[name=phone_gallery]", photo)  # type: ignore[arg-type]  # a plain dict will do
    page.select_option("#site", "forearm")
    page.check("input[name=consent]")
    page.evaluate("scrollTo(0, 0)")


def refusals(browser: Browser, phones: str, language: str) -> None:
    """A photo that is refused twice, and the answer with a reservation."""
    context = browser.new_context(viewport=PHONE, is_mobile=True)
    page = context.new_page()
    page.goto(f"{phones}/send?language={language}")
    for seed in (1, 2):
        fill(page, drawn_photo(Skin(lesion=LESION, seed=seed, coverings=Coverings(ink=0.15))))
        page.click("#form > button")
        page.wait_for_selector("[data-reason]", timeout=ANSWER_MS)
        if seed == 1:
            page.click(".refusal a.button")
            page.wait_for_selector("#form")
    shoot(page, f"phone-4-refused-{language}")
    page.click("form[action$=go-on] button")
    page.wait_for_selector("[data-reserved]", timeout=ANSWER_MS)
    shoot(page, f"phone-5-reserved-{language}")
    context.close()


def calibration(browser: Browser, kiosk: str) -> None:
    """The pages that lead through the calibration."""
    page = browser.new_page(viewport=SMALL)
    page.goto(f"{kiosk}/?language=en")
    for name in ("exposure", "white_balance", "flat_field", "colour", "scale"):
        page.goto(f"{kiosk}/kiosk/calibration/{name}")
        if name == "exposure":
            shoot(page, "calibration-1-step-en")
        page.click("form button")
        page.wait_for_selector("[data-done]", timeout=ANSWER_MS)
    page.goto(f"{kiosk}/kiosk/calibration")
    shoot(page, "calibration-2-done-en")
    page.close()


def drawn_photo(skin: Skin) -> bytes:
    """A JPEG of what the synthetic camera sees under its light."""
    light = SimulatedLight()
    light.on()
    with SyntheticCamera(light, draw(skin)) as camera:
        frame = [camera.capture(timeout_s=10) for _ in range(12)][-1]  # until the exposure has settled
    file = io.BytesIO()
    Image.fromarray(frame.pixels).save(file, "JPEG", quality=92)
    return file.getvalue()


def shoot(page: Page, name: str) -> None:
    """What the screen shows, once all its pictures are there."""
    page.wait_for_load_state("networkidle" if "phone" in name else "load")
    page.wait_for_timeout(400)
    page.screenshot(path=FOLDER / f"{name}.png")
    print(f"{name}.png")


if __name__ == "__main__":
    main()
