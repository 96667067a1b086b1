"""Take a picture of every page at three sizes in both languages, to be looked at one by one, not to be kept:

    .venv/bin/python docs/take_all_screenshots.py FOLDER

Starts a box with simulated hardware for each language and goes the ways that the tests of access go.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Served, put_three
from tests.browser.test_access import LOCALES, PAPER, at_the_kiosk, of_the_staff

SIZES: Final = (
    ViewportSize(width=800, height=480),
    ViewportSize(width=390, height=844),
    ViewportSize(width=1280, height=800),
)


def main(folder: Path) -> None:
    """Write FOLDER/WIDTH-LANGUAGE-NUMBER-PATH.png."""
    folder.mkdir(parents=True, exist_ok=True)
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
                path = urlsplit(page.url).path.strip("/").replace("/", "_")[:40] or "home"
                for size in SIZES:
                    page.set_viewport_size(size)
                    name = f"{size['width']}-{language}-{number:02}-{path}.png"
                    page.screenshot(path=folder / name, full_page=True, animations="disabled")
                page.set_viewport_size(SIZES[0])


def every_page(browser: Browser, box: Served, photographs: Path, language: str) -> Iterator[Page]:
    """The kiosk's, the phone's and the staff's."""

    def window() -> Page:
        return browser.new_context(viewport=SIZES[0], locale=LOCALES[language], has_touch=True).new_page()

    last = ""
    for page in at_the_kiosk(window(), box.kiosk, language, photographs):
        yield page
        if page.locator("body.handover").count():
            last = str(page.get_attribute("[data-link]", "data-link"))
    own = window()
    own.goto(f"{box.phones}/send")
    yield own
    for ending in ("", *PAPER[:2]):
        own.goto(f"{box.phones}{urlsplit(last).path}{ending}")
        yield own
    yield from of_the_staff(window(), box.phones)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
