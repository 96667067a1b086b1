"""Everybody can use every page: axe finds no fault by WCAG 2.2 AA, and without scripts there is a page and a way on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, expect

from tests.browser.test_kiosk_pages import steps_of

PIN = "270913"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
SETUP = ("language", "clinic", "pin", "focus", "calibration", "selftest", "wifi")
PAPER = ("/print", "/letter", "/refer")
MOST_PAGES = 60


def faults(page: Page) -> list[str]:
    """What axe calls wrong on a page: the rule, and where."""
    found = _violations(page)
    return [
        f"{urlsplit(page.url).path} {rule['id']} ({rule['impact']}): {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"]
    ]


def _violations(page: Page) -> list[Any]:
    """A kiosk page that moves on meanwhile is asked again where it arrived."""
    try:
        return list(Axe().run(page, options=RULES).response["violations"])
    except Error as moved:
        if "context was destroyed" not in str(moved):
            raise
        page.wait_for_load_state()
        return list(Axe().run(page, options=RULES).response["violations"])


@pytest.mark.parametrize("language", LOCALES)
def test_axe_finds_nothing_on_any_page(
    browse: Callable[..., Page],
    phone: Callable[..., Page],
    fill: Callable[..., None],
    result: Callable[[Page], str],
    restartable: Any,
    photo_file: Path,
    language: str,
) -> None:
    kiosk = browse(800, 480, restartable, has_touch=True)
    found = [fault for page in at_the_kiosk(kiosk, restartable.kiosk, language) for fault in faults(page)]
    own = phone(restartable, locale=LOCALES[language])
    own.goto(f"{restartable.phones}/send")
    found += faults(own)
    fill(own, photo_file, restartable.phones)
    own.wait_for_url("**/r/*")
    found += faults(own)
    result(own)
    for ending in ("", *PAPER):
        own.goto(own.url.removesuffix(next((each for each in PAPER if own.url.endswith(each)), "")) + ending)
        found += faults(own)
    own.goto(f"{restartable.phones}/r/nobody")
    found += faults(own)
    laptop = browse(1280, 800, restartable, locale=LOCALES[language])
    found += [fault for page in of_the_staff(laptop, restartable.phones) for fault in faults(page)]
    assert not found, "\n".join(found)


def at_the_kiosk(page: Page, base: str, language: str) -> Iterator[Page]:
    """The first start, a visit, and the calibration."""
    page.goto(f"{base}/?language={language}")
    page.click("[data-not-set-up] a")
    for step in SETUP:
        page.goto(f"{base}/kiosk/setup/{step}")
        yield page
    page.goto(f"{base}/kiosk/setup/pin")
    page.click("[data-set-pin]")
    yield page
    for field in ("new", "again"):
        page.fill(f"input[name={field}]", PIN)
    page.locator("form[action$=pin] .button").last.click()
    expect(page.locator("[data-done]")).to_be_visible()
    page.click("form[action$=later] button")
    for _ in steps_of(page, "done", language):
        yield page
    page.goto(f"{base}/staff/login?next=/kiosk/calibration")
    yield page
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{base}/kiosk/calibration")
    yield from linked(page, f"{base}/kiosk/calibration")


def of_the_staff(page: Page, base: str) -> Iterator[Page]:
    """The login, and every page that a link leads to."""
    page.goto(f"{base}/staff")
    yield page
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    expect(page.locator("[data-total]")).to_be_visible()
    yield from linked(page, f"{base}/staff")


def linked(page: Page, start: str) -> Iterator[Page]:
    """``start`` and each page of the same part that can be reached from it, once per kind."""
    known, waiting = set[str](), [start]
    while waiting and len(known) < MOST_PAGES:
        answer = page.goto(waiting.pop(0))
        if answer is None or "text/html" not in answer.headers["content-type"]:
            continue
        yield page
        links = page.eval_on_selector_all("a[href]:not([download])", "all => all.map(each => each.href)")
        for link in links:
            path = urlsplit(link).path
            if link.startswith(start) and path not in known and not path.endswith((".pdf", ".png", ".zip")):
                known.add(path)
                waiting.append(link.split("#")[0])
