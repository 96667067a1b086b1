"""Everybody can use every page: axe finds no fault by WCAG 2.2 AA, and nothing is cut off at any size."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Error, Page, expect

from appliance.cases.store import Intake
from firmware.calibration import STEPS
from firmware.synthetic import Fault
from tests.browser.conftest import Served
from tests.browser.test_kiosk_pages import steps_of

PIN = "270913"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
LOOKS = [("en", "bright"), ("zh", "bright"), ("en", "dark")]
SCHEMES = {"bright": "light", "dark": "dark"}
PAGE_LANGUAGES = {"en": "en", "zh": "zh-CN"}
SETUP = ("language", "clinic", "pin", "focus", "calibration", "selftest", "wifi")
PAPER = ("/print", "/letter", "/refer")
MOST_PAGES = 60
DARK = 0.1
"""Of a white screen's light."""
ANSWER_MS = 60_000
Size = tuple[int, int]
PHONES: tuple[Size, ...] = ((320, 640), (390, 844), (844, 390))
KIOSK: tuple[Size, ...] = ((800, 480), (480, 800), (1280, 800), (800, 1280))
MAIN_BUTTON = ".actions .button:not(.quiet), .page .button:not(.quiet), .login .button"
WIDER_THAN_ITS_ROOM = """() => {
  const named = (each) => `${each.tagName.toLowerCase()} #${each.id} .${each.className}`;
  const scrolls = (each) => each.matches("[role=region][tabindex='0'], [role=region][tabindex='0'] *");
  const seen = (each) => each.clientWidth > 1 && getComputedStyle(each).overflowX !== "visible";
  const root = document.documentElement;
  const page = root.scrollWidth > root.clientWidth ? [`the page, ${root.scrollWidth} px`] : [];
  // The kiosk's screen stands still: only what is between its header and its buttons scrolls.
  const tall = document.body.matches(".kiosk") && root.scrollHeight > root.clientHeight;
  if (tall) page.push(`the page, ${root.scrollHeight} px high`);
  const parts = [...document.body.querySelectorAll("*")].filter((each) =>
    each.scrollWidth > each.clientWidth + 1 && seen(each) && !scrolls(each) && !each.matches("input, select, svg *"));
  return [...page, ...parts.map((each) => `${named(each)}, ${each.scrollWidth} px in ${each.clientWidth}`)];
}"""


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


def too_wide(page: Page, sizes: tuple[Size, ...]) -> list[str]:
    """What is wider than its room at any of ``sizes``: the page, or a part of it that does not say that it scrolls."""
    before = page.viewport_size
    found = []
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        parts = page.evaluate(WIDER_THAN_ITS_ROOM)
        found += [f"{urlsplit(page.url).path} at {width}×{height}: {part}" for part in parts]
    if before:
        page.set_viewport_size(before)
    return found


def not_in(language: str, page: Page) -> list[str]:
    """The page, where it is not in ``language``: then the walk does not look at what it says that it looks at."""
    shown = page.get_attribute("html", "lang")
    return [] if shown == PAGE_LANGUAGES[language] else [f"{urlsplit(page.url).path} is in {shown}, not in {language}"]


def out_of_reach(page: Page) -> list[str]:
    """The kiosk's main button, where it is not in sight without scrolling at a size that the kiosk has."""
    before = page.viewport_size
    found = []
    for width, height in KIOSK:
        page.set_viewport_size({"width": width, "height": height})
        main = page.locator(MAIN_BUTTON).filter(visible=True).first
        box = main.bounding_box() if main.count() else None
        if box is not None and box["y"] + box["height"] > height:
            found.append(f"{urlsplit(page.url).path} at {width}×{height}: {main.inner_text()} is below the edge")
    if before:
        page.set_viewport_size(before)
    return found


def light_of(page: Page) -> float:
    """What the page sends into the room, as a share of a white one."""
    shown = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")) / 255
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    return float((linear @ [0.2126, 0.7152, 0.0722]).mean())


@pytest.fixture
def photographed(tmp_path: Path, three_photographs: Path) -> Iterator[tuple[Served, Path]]:
    """A box whose camera shows a clear photograph and then two that are refused; and the folder that these lie in."""
    folder = tmp_path / "photographs"
    shutil.copytree(three_photographs, folder)
    with Served(tmp_path / "state", folder) as running:
        yield running, folder


@pytest.mark.parametrize(("language", "look"), LOOKS)
def test_axe_finds_nothing_and_everything_fits_while_the_camera_is_calibrated(
    browse: Callable[..., Page], box: Any, language: str, look: str
) -> None:
    page = browse(800, 480, box, has_touch=True)
    page.goto(f"{box.kiosk}/?language={language}&look={look}")
    found, shown = [], set()
    for each in calibrated(page, box.kiosk):
        shown.add(urlsplit(each.url).path.rsplit("/", 1)[-1])
        found += not_in(language, each) + faults(each) + too_wide(each, KIOSK)
    assert shown == {"calibration", *STEPS, "check"}
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("language", "look"), LOOKS)
def test_axe_finds_nothing_and_everything_fits_while_something_is_under_way(
    browse: Callable[..., Page], held_box: Any, language: str, look: str
) -> None:
    page = browse(800, 480, held_box, has_touch=True)
    page.goto(f"{held_box.kiosk}/?look={look}")
    found, shown = [], []
    for each in under_way(page, held_box, language):
        shown.append(each.get_attribute("body", "data-phase"))
        dark = look == "dark" or shown[-1] == "capturing"
        assert (light_of(each) < DARK) == dark, shown
        found += not_in(language, each) + faults(each) + too_wide(each, KIOSK) + out_of_reach(each)
    assert shown == ["capturing", "waiting", "failed", "failed", "refer"]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("language", "look"), LOOKS)
def test_axe_finds_nothing_and_everything_fits_where_staff_look_before_they_act(
    browse: Callable[..., Page], held_box: Any, language: str, look: str
) -> None:
    page = browse(1280, 800, held_box, locale=LOCALES[language], color_scheme=SCHEMES[look])
    found = []
    for each in previews(page, held_box):
        found += not_in(language, each) + faults(each) + too_wide(each, PHONES + KIOSK)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("language", "look"), LOOKS)
def test_axe_finds_nothing_and_everything_fits_on_any_page(
    browse: Callable[..., Page],
    phone: Callable[..., Page],
    fill: Callable[..., None],
    result: Callable[[Page], str],
    photographed: tuple[Served, Path],
    photo_file: Path,
    language: str,
    look: str,
) -> None:
    box, folder = photographed
    kiosk = browse(800, 480, box, has_touch=True)
    kiosk.goto(f"{box.kiosk}/?look={look}")
    found = []
    for page in at_the_kiosk(kiosk, box.kiosk, language, folder):
        staffed = urlsplit(page.url).path.startswith(("/staff", "/kiosk/calibration"))
        found += not_in(language, page) + faults(page) + too_wide(page, KIOSK)
        found += [] if staffed else out_of_reach(page)
    own = phone(box, locale=LOCALES[language], color_scheme=SCHEMES[look])
    own.goto(f"{box.phones}/send")
    found += faults(own) + too_wide(own, PHONES)
    fill(own, photo_file, box.phones)
    own.wait_for_url("**/r/*", timeout=ANSWER_MS)
    result(own)  # the page that waits may go on in any moment: it is looked at where the answer is held back
    for ending in ("", *PAPER):
        own.goto(own.url.removesuffix(next((each for each in PAPER if own.url.endswith(each)), "")) + ending)
        found += not_in(language, own) + faults(own) + too_wide(own, PHONES)
    own.goto(f"{box.phones}/r/nobody")
    found += faults(own) + too_wide(own, PHONES)
    laptop = browse(1280, 800, box, locale=LOCALES[language], color_scheme=SCHEMES[look])
    for page in of_the_staff(laptop, box.phones):
        found += not_in(language, page) + faults(page) + too_wide(page, PHONES + KIOSK)
    assert not found, "\n".join(found)


def test_axe_finds_nothing_and_everything_fits_where_a_phone_waits(
    phone: Callable[..., Page], fill: Callable[..., None], held_box: Any, photo_file: Path
) -> None:
    own = phone(held_box)
    fill(own, photo_file, held_box.phones)
    own.wait_for_url("**/r/*", timeout=ANSWER_MS)
    assert faults(own) + too_wide(own, PHONES) == []


def at_the_kiosk(page: Page, base: str, language: str, folder: Path) -> Iterator[Page]:
    """The first start, a visit, one whose photographs are refused, one without a camera, and the calibration.

    ``folder`` is where the camera's photographs lie (:func:`tests.browser.conftest.put_three`).
    """
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
    page.goto(f"{base}/?language={language}")  # at a visit's end the kiosk forgets what the last patient chose
    for _ in steps_of(page, "done", language):
        yield page
    page.click("#end button")
    for _ in steps_of(page, "live[data-view=close_up]", language):
        pass
    yield from refused(page)
    page.click("form[action$=again] button")
    for photograph in folder.iterdir():
        photograph.unlink()
    page.click(".shutter")
    expect(page.locator("body.failed")).to_be_visible()
    yield page
    page.click("form[action$=end] button")
    expect(page.locator("body.welcome")).to_be_visible()
    page.goto(f"{base}/?language={language}")
    page.goto(f"{base}/staff/login?next=/kiosk/calibration")
    yield page
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{base}/kiosk/calibration")
    yield from linked(page, f"{base}/kiosk/calibration")


def calibrated(page: Page, base: str) -> Iterator[Page]:
    """The calibration from its first page to the check: each step before and after it was measured, and all of them."""
    root = f"{base}/kiosk/calibration"
    for step in (*STEPS, "check"):
        page.goto(root)
        yield page
        page.goto(f"{root}/{step}")
        yield page
        page.click(f"form[action$={step}] button")
        expect(page.locator(f"[data-done={step}]")).to_be_visible()
        yield page


def under_way(page: Page, box: Any, language: str) -> Iterator[Page]:
    """While the photograph is taken and the answer awaited; then a room too bright for any, and the referral."""
    page.goto(f"{box.kiosk}/?language={language}")
    for _ in steps_of(page, "live[data-view=close_up]", language):
        pass
    box.camera.faults.add(Fault.HANG)
    page.click(".shutter")
    expect(page.locator("body.capturing")).to_be_visible()
    yield page
    box.camera.faults.clear()
    expect(page.locator("body.waiting")).to_be_visible()
    yield page
    box.release.set()
    page.click("form[action$=again] button")
    box.camera.physics.ambient_level = 0.5
    yield from refused(page, "[data-problem=room_too_bright]")


def previews(page: Page, box: Any) -> Iterator[Page]:
    """A directory, right and wrong, before it is kept; old cases before they are deleted, and a download to be kept."""
    store, place = box.store, "name,district,level,phone\nQingshan Hospital,Qingshan,county,0871-5550101\n"
    for number in range(2):
        store.accept(Intake(np.full((240, 320, 3), 128, np.uint8), f"{number:064}", "kiosk", "hand", True, None, True))
    box.release.set()
    store.pin.set(PIN, "kiosk")
    page.goto(f"{box.phones}/staff/directory")
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    expect(page.locator("input[name=file]")).to_be_visible()
    for text in (place, f"{place}Nowhere,,moon,?\n"):
        page.goto(f"{box.phones}/staff/directory")
        file = {"name": "places.csv", "mimeType": "text/csv", "buffer": text.encode()}
        page.set_input_files("input[name=file]", file)
        page.click("form[action$=preview] button")
        expect(page.locator("form[action$=preview]")).to_have_count(0)
        yield page
    yield from _old(page, box)


def _old(page: Page, box: Any) -> Iterator[Page]:
    """One that may go and one that stays."""
    store = box.store
    with store._database.transaction() as connection:
        connection.execute("UPDATE cases SET age_s = age_s - 40 * 86400")
    first, *_ = store.ledger.unexported()
    store.ledger.begin()
    store.ledger.note_exported([first])
    b"".join(store.exports.zipped([first], "dermkiosk-cases-0a1b2c.zip"))
    page.goto(f"{box.phones}/staff/retention?days=30")
    expect(page.locator("[data-goes='1']")).to_be_visible()
    expect(page.locator("[data-stays='1']")).to_be_visible()
    expect(page.locator("[data-download]")).to_be_visible()
    yield page


def refused(page: Page, why: str = "[data-reason]") -> Iterator[Page]:
    """Two photographs that cannot be judged, and the referral without an answer."""
    for time in (1, 2):
        page.click(".shutter")
        expect(page.locator(why)).to_be_visible()
        yield page
        if time == 1:
            page.click("form[action$=again] button")
    page.click("form[action$='kiosk/refer'] button")
    expect(page.locator("[data-referral]")).to_be_visible()
    yield page


def of_the_staff(page: Page, base: str) -> Iterator[Page]:
    """The login, and every page that a link leads to."""
    page.goto(f"{base}/staff")
    yield page
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    expect(page.locator("[data-total]")).to_be_visible()
    yield from linked(page, f"{base}/staff")


def linked(page: Page, start: str) -> Iterator[Page]:
    """``start`` and each page of the same part that can be reached from it, each once, in the language they are in."""
    known, waiting = set[str](), [start]
    while waiting and len(known) < MOST_PAGES:
        answer = page.goto(waiting.pop(0))
        if answer is None or "text/html" not in answer.headers["content-type"]:
            continue
        known.add(urlsplit(page.url).path)  # where it led
        yield page
        other = "a[href]:not([download], [data-language])"
        links = page.eval_on_selector_all(other, "all => all.map(each => each.href)")
        for link in links:
            path = urlsplit(link).path
            if link.startswith(start) and path not in known and not path.endswith((".pdf", ".png", ".zip")):
                known.add(path)
                waiting.append(link.split("#")[0])
