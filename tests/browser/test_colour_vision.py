"""What colours say is said by words and shapes, too, and is legible to every kind of colour vision, bright and dark."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from appliance.cases.document import build
from appliance.cases.store import Intake, Store
from appliance.health.result import Result
from appliance.serve import Listener
from appliance.settings import Settings
from appliance.vision import colour
from appliance.vision.photo import decode
from appliance.web.app import create_lan_app
from appliance.web.services import Services
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.station import Station
from firmware.synthetic import SyntheticCamera
from tests.browser.conftest import Box
from tests.web.conftest import MODEL, assessed, origin

PIN = "270913"
DEFICIENCIES = ("protanopia", "deuteranopia", "tritanopia", "achromatopsia")
LEGIBLE = 4.5
"""Contrast of text, WCAG 2.2, 1.4.3."""
LARGE = 3.0
"""Contrast of large text and of drawings, 1.4.11."""
INK = "-webkit-text-fill-color"
"""The text's alone: borders and drawings in the text's colour stay."""
LINES = """all => all.flatMap((each) => {
  const lines = [];
  const texts = document.createTreeWalker(each, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const range = document.createRange();
    range.selectNode(texts.currentNode);
    const words = texts.currentNode.data.trim();
    for (const { x, y, width, height } of range.getClientRects())
      if (words && width >= 1) lines.push([words, { x, y, width, height }]);
  }
  return lines;
})"""
"""Each line of text that is shown, with its place: one colour's contrast says nothing of its neighbour's."""
SKIN = (198, 150, 125)
STANDS_OUT = 10.0
"""CIELAB distance of the map's strongest place from the skin: four times what is just noticeable (2.3)."""
GRADES = {"normal_skin": "low", "psoriasis": "refer", "pemphigus": "urgent"}
CHECKS = (Result("camera", ok=False), Result("backup", ok=True, says="never"), Result("database", ok=True))


@pytest.fixture
def graded(tmp_path: Path) -> Iterator[tuple[Box, dict[str, str]]]:
    """A box with a case of each grade and a lamp of each colour; and the grades' links."""
    light = SimulatedLight()
    with (
        Station(SyntheticCamera(light), light, SimulatedIndicator(), SimulatedButton()) as station,
        Store(tmp_path / "state") as store,
    ):
        store.pin.set(PIN, "kiosk")
        settings = Settings(state=tmp_path / "state", language="en")
        services = Services(settings, store, lambda: None, station, decode, lambda: CHECKS, lambda: "http://127.0.0.1")
        listener = Listener(create_lan_app(services), "127.0.0.1", 0)
        listener.start()
        try:
            links = {grade: _answered(store, top) for top, grade in GRADES.items()}
            yield Box("", f"http://127.0.0.1:{listener.port}", store), links
        finally:
            listener.close()


def _answered(store: Store, top: Any) -> str:
    case = store.accept(
        Intake(np.full((320, 320, 3), SKIN, np.uint8), f"{len(top):064}", "kiosk", "hand", True, None, True)
    )
    assessment = assessed("findings", top, ())
    store.answer(case, build(origin(case), assessment, MODEL), assessment.class_maps)
    return f"/r/{store.link(case, 72).token}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_grades_and_lamps_are_words_and_shapes_and_legible_without_colours(
    browse: Callable[..., Page], graded: tuple[Box, dict[str, str]], scheme: str
) -> None:
    box, links = graded
    page = browse(1280, 800, box, locale="en-GB", color_scheme=scheme)
    said = {}
    for grade, link in links.items():
        page.goto(f"{box.phones}{link}")
        verdict = page.locator(f".verdict.{grade}")
        said[grade] = verdict.locator(".eyebrow").inner_text()
        assert not illegible(page, verdict.locator(".eyebrow, h1, .soon strong, .sooner dd"))
    assert len(set(said.values())) == len(GRADES)
    page.goto(f"{box.phones}/staff")
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    expect(page.locator("[data-total]")).to_be_visible()
    for grade, words in said.items():
        expect(page.locator(f".chip.{grade}")).to_have_text(words)
    assert not illegible(page, page.locator(".chip"))
    page.goto(f"{box.phones}/staff/directory")
    assert not illegible(page, page.locator(".grade legend"))
    page.goto(f"{box.phones}/staff/health")
    assert not illegible(page, page.locator(".lamp > b, .lamp .chip, .lamp h2 + p"))
    lamps = page.locator("[data-check]")
    shapes = lamps.locator("b").evaluate_all("all => all.map(each => getComputedStyle(each).borderRadius)")
    signs, words = lamps.locator("b").all_inner_texts(), lamps.locator(".chip").all_inner_texts()
    assert [len(set(each)) for each in (signs, shapes, words)] == [3, 3, 3]


@pytest.mark.parametrize("ink", ["transparent", "#b9c2c4"])
def test_text_that_nobody_sees_is_found(
    browse: Callable[..., Page], graded: tuple[Box, dict[str, str]], ink: str
) -> None:
    box, links = graded
    page = browse(1280, 800, box, locale="en-GB", color_scheme="light")
    page.goto(f"{box.phones}{links['urgent']}")
    title = page.locator(".verdict.urgent h1")  # with a small line in a colour of its own, which stays legible
    assert not illegible(page, title)
    title.evaluate(f"each => each.style.setProperty('color', '{ink}', 'important')")
    assert len(illegible(page, title)) == len(DEFICIENCIES)


def test_with_the_readers_own_colours_a_bar_is_still_a_bar(
    browse: Callable[..., Page], graded: tuple[Box, dict[str, str]]
) -> None:
    box, links = graded
    page = browse(390, 844, box, locale="en-GB", forced_colors="active")
    page.goto(f"{box.phones}{links['refer']}")
    bar = page.locator("progress").first
    share = float(bar.evaluate("each => each.position"))
    shown = picture(bar.screenshot())
    full, empty = (shown.crop(spot(shown, along)) for along in (share / 2, (1 + share) / 2))
    assert contrast(full, empty) >= LARGE


def test_the_map_stands_out_from_skin_without_colours(
    browse: Callable[..., Page], graded: tuple[Box, dict[str, str]]
) -> None:
    box, links = graded
    page = browse(390, 844, box, locale="en-GB", reduced_motion="reduce")
    page.goto(f"{box.phones}{links['refer']}")
    page.locator(".map-label").click()
    expect(page.locator(".frame .map")).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator(".frame .map")).to_have_css("opacity", "1")
    session = page.context.new_cdp_session(page)
    for deficiency in DEFICIENCIES:
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
        shown = picture(page.locator(".frame").screenshot())
        lab = colour.lab(colour.halved_light(np.asarray(shown)))
        height, width = lab.shape[:2]
        strongest, skin = lab[height // 2, width // 2], lab[height // 12, width // 12]
        assert np.linalg.norm(strongest - skin) >= STANDS_OUT, deficiency


def illegible(page: Page, elements: Locator) -> list[str]:
    """The lines in them with too little contrast for some colour vision. Text is what is gone without its ink."""
    places = elements.evaluate_all(LINES)
    assert places
    session = page.context.new_cdp_session(page)
    found = []
    for deficiency in DEFICIENCIES:
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
        shown = picture(page.screenshot(full_page=True))
        elements.evaluate_all(
            f"all => all.forEach(each => each.style.setProperty('{INK}', 'transparent', 'important'))"
        )
        bare = picture(page.screenshot(full_page=True))
        elements.evaluate_all(f"all => all.forEach(each => each.style.removeProperty('{INK}'))")
        ratios = [(words, contrast(*(each.crop(corners(place)) for each in (shown, bare)))) for words, place in places]
        found += [f"{deficiency}: {words!r} {ratio:.2f}" for words, ratio in ratios if ratio < LEGIBLE]
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    return found


def picture(screenshot: bytes) -> Image.Image:
    return Image.open(io.BytesIO(screenshot)).convert("RGB")


def spot(shown: Image.Image, along: float) -> tuple[int, int, int, int]:
    """The pixel half-way down and so far along, 0…1: left, top, right, bottom."""
    left, top = int(shown.width * along), shown.height // 2
    return left, top, left + 1, top + 1


def corners(place: Any) -> tuple[int, int, int, int]:
    """Of a bounding box: left, top, right, bottom."""
    left, top = int(place["x"]), int(place["y"])
    return left, top, left + int(place["width"]), top + int(place["height"])


def contrast(shown: Image.Image, ground: Image.Image) -> float:
    """Of what stands out most against the ground at the same place, by WCAG 2.2's definition; 1 where nothing does."""
    one, other = luminance(shown) + 0.05, luminance(ground) + 0.05
    return float(np.maximum(one / other, other / one).max())


def luminance(picture: Image.Image) -> Any:
    """(height, width), 0…1: WCAG 2.2's relative luminance."""
    share = np.asarray(picture) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]
