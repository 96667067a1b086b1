"""Take a picture of every page at its screens' sizes in both languages, to be looked at one by one, not to be kept:

    .venv/bin/python docs/take_all_screenshots.py FOLDER

Starts a box with simulated hardware for each language and goes the ways that the tests of access go.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.browser.conftest import ARGUMENTS, CHROMIUM, RESULT_MS, Served, put_three
from tests.browser.test_access import LOCALES, PAPER, at_the_kiosk, linked, of_the_staff

KIOSK: Final = ((800, 480), (480, 800), (1280, 800))
PHONE: Final = ((360, 640), (390, 844))
LAPTOP: Final = ((390, 844), (1280, 800))
# The live view's picture has no source at first, as the preview on the phone's page, until a photograph is chosen.
# What the browser would fetch only once it is scrolled to is on the picture of the whole page, too.
PICTURES_ARE_THERE: Final = """() => [...document.images].every((each) => {
  each.loading = "eager";
  return each.src ? each.complete && each.naturalWidth > 0 : each.id !== "view";
})"""


def main(folder: Path) -> None:
    """Write FOLDER/WIDTHxHEIGHT-LANGUAGE-NUMBER-PATH.png."""
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=RESULT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for language in LOCALES:
            shoot(browser, folder, language)
        browser.close()


def shoot(browser: Browser, folder: Path, language: str) -> None:
    """Every page in one language at every size, of a box that was never used."""
    with tempfile.TemporaryDirectory() as state:
        photographs = Path(state) / "photographs"
        photographs.mkdir()
        put_three(photographs)
        with Served(Path(state) / "state", photographs) as box:
            for number, page in enumerate(every_page(browser, box, photographs, language)):
                keep(page, folder, f"{language}-{number:02}")
        with Served(Path(state) / "calibrated") as box:  # a folder of photographs cannot be calibrated
            page = window(browser, language)
            page.goto(f"{box.kiosk}/?language={language}")
            for number, _ in enumerate(linked(page, f"{box.kiosk}/kiosk/calibration")):
                keep(page, folder, f"{language}-calibration-{number:02}")


def window(browser: Browser, language: str) -> Page:
    """A new one."""
    return browser.new_context(viewport=size(*KIOSK[0]), locale=LOCALES[language], has_touch=True).new_page()


def size(width: int, height: int) -> ViewportSize:
    """As the browser takes it."""
    return ViewportSize(width=width, height=height)


def sizes_of(page: Page) -> tuple[tuple[int, int], ...]:
    """The kiosk's pages stand on its screen, a patient's on a phone, the staff's on a phone and on a laptop."""
    if page.locator("body.kiosk").count():
        return KIOSK
    return LAPTOP if "/staff" in page.url else PHONE


def keep(page: Page, folder: Path, name: str) -> None:
    """A page at every size, once its pictures are there."""
    path = urlsplit(page.url).path.strip("/").replace("/", "_")[:40] or "home"
    page.wait_for_function(PICTURES_ARE_THERE)
    for width, height in sizes_of(page):
        page.set_viewport_size(size(width, height))
        page.screenshot(path=folder / f"{width}x{height}-{name}-{path}.png", full_page=True, animations="disabled")
    page.set_viewport_size(size(*KIOSK[0]))


def every_page(browser: Browser, box: Served, photographs: Path, language: str) -> Iterator[Page]:
    """The kiosk's, the phone's and the staff's."""
    last = ""
    for page in at_the_kiosk(window(browser, language), box.kiosk, language, photographs):
        yield page
        if page.locator("body.handover").count():
            last = str(page.get_attribute("[data-link]", "data-link"))
    own = window(browser, language)
    own.goto(f"{box.phones}/send")
    yield own
    for ending in ("", *PAPER[:2]):
        own.goto(f"{box.phones}{urlsplit(last).path}{ending}")
        yield own
    yield from of_the_staff(window(browser, language), box.phones)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
