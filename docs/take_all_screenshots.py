"""Take a picture of every page at three sizes in both languages, to be looked at one by one, not to be kept:

    .venv/bin/python docs/take_all_screenshots.py FOLDER

Starts a box with simulated hardware for each size and language, and goes the ways that the tests of access go.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Served
from tests.browser.test_access import LOCALES, PAPER, at_the_kiosk, of_the_staff

SIZES: Final = ((390, 844), (800, 480), (1280, 800))


def main(folder: Path) -> None:
    """Write FOLDER/SIZE-LANGUAGE-NUMBER-PATH.png."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for size in SIZES:
            for language in LOCALES:
                shoot(browser, folder, size, language)
        browser.close()


def shoot(browser: Browser, folder: Path, size: tuple[int, int], language: str) -> None:
    """Every page at one size in one language, of a box that was never used."""
    with tempfile.TemporaryDirectory() as state, Served(Path(state) / "state") as box:
        for number, page in enumerate(every_page(browser, box, size, language)):
            path = urlsplit(page.url).path.strip("/").replace("/", "_")[:40] or "home"
            name = f"{size[0]}-{language}-{number:02}-{path}.png"
            page.screenshot(path=folder / name, full_page=True, animations="disabled")


def every_page(browser: Browser, box: Served, size: tuple[int, int], language: str) -> Iterator[Page]:
    """The kiosk's (at its own sizes), the phone's and the staff's, each as it is shown."""

    def window() -> Page:
        viewport = {"width": size[0], "height": size[1]}
        return browser.new_context(viewport=viewport, locale=LOCALES[language], has_touch=True).new_page()  # type: ignore[arg-type]

    kiosk, last = window(), ""
    for page in at_the_kiosk(kiosk, box.kiosk, language):
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
