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


def test_with_the_readers_own_colours_a_bar_is_still_a_bar(
    browse: Callable[..., Page], graded: tuple[Box, dict[str, str]]
) -> None:
    box, links = graded
    page = browse(390, 844, box, locale="en-GB", forced_colors="active")
    page.goto(f"{box.phones}{links['refer']}")
    bar = page.locator("progress").first
    assert contrast(Image.open(io.BytesIO(bar.screenshot())).convert("RGB")) >= LARGE


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
        shown = Image.open(io.BytesIO(page.locator(".frame").screenshot())).convert("RGB")
        lab = colour.lab(colour.halved_light(np.asarray(shown)))
        height, width = lab.shape[:2]
        strongest, skin = lab[height // 2, width // 2], lab[height // 12, width // 12]
        assert np.linalg.norm(strongest - skin) >= STANDS_OUT, deficiency


def illegible(page: Page, elements: Locator) -> list[str]:
    """Those whose contrast is too low for some colour vision."""
    visible = [each for each in elements.all() if each.is_visible()]
    assert visible
    places = [(each.inner_text(), each.bounding_box()) for each in visible]
    session = page.context.new_cdp_session(page)
    found = []
    for deficiency in DEFICIENCIES:
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
        shown = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
        ratios = [(words, contrast(shown.crop(corners(place)))) for words, place in places]
        found += [f"{deficiency}: {words!r} {ratio:.2f}" for words, ratio in ratios if ratio < LEGIBLE]
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    return found


def corners(place: Any) -> tuple[int, int, int, int]:
    """Of a bounding box: left, top, right, bottom."""
    left, top = int(place["x"]), int(place["y"])
    return left, top, left + int(place["width"]), top + int(place["height"])


def contrast(shown: Image.Image) -> float:
    """Of what stands out most against the commonest colour, by WCAG 2.2's definition."""
    colours, counts = np.unique(np.asarray(shown).reshape(-1, 3), axis=0, return_counts=True)
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722] + 0.05
    ground = light[counts.argmax()]
    return float(np.maximum(light / ground, ground / light).max())
