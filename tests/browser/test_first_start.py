"""The first start at the kiosk's screen, with a phone as its keyboard and a power cut in the middle."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from appliance.messages import LANGUAGES, Language, text

PIN = "270913"
FRAMES = 14
"""So many of one sharpness, and the bar stands still."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_unpacking_to_the_first_patient_over_a_power_cut(
    browse: Callable[..., Page], phone: Callable[..., Page], restartable: Any, language: Language
) -> None:
    page = browse(800, 480, restartable, has_touch=True)
    page.goto(restartable.kiosk)
    expect(page.locator("[data-not-set-up]")).to_be_visible()
    page.click("[data-not-set-up] a")
    page.click(f"button[value={language}]")
    at(page, "clinic", language)

    helper = phone(restartable)
    key = str(page.get_attribute("[data-helper]", "data-helper")).rsplit("/", 1)[1]
    helper.goto(f"{restartable.phones}/setup/{key}?language={language}")
    expect(helper.locator("[data-not-set-up]")).to_be_visible()
    helper.fill("#clinic", "河边 Clinic")
    helper.click("form .button")
    expect(helper.locator("[data-saved]")).to_be_visible()
    expect(page.locator("#clinic")).to_have_value("河边 Clinic")  # by itself
    page.click("[form=answer]")
    at(page, "pin", language)
    page.click("[data-set-pin]")
    for field in ("new", "again"):
        page.fill(f"input[name={field}]", PIN)
    page.click(f"form[action$=pin] .button:has-text('{text(language, 'staff.pin.keep')}')")
    expect(page.locator("[data-done]")).to_be_visible()
    go_on(page)
    at(page, "focus", language)

    restartable.kill()
    restartable.start()
    page.goto(restartable.kiosk)  # as the kiosk's browser does after a start
    expect(page.locator("[data-later]")).to_be_visible()
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    at(page, "focus", language)
    page.click("form[action$=focus] button")
    expect(page.locator("[data-done]")).to_be_visible()
    expect(page.locator("#focus-view")).not_to_have_js_property("naturalWidth", 0)
    page.click("[data-onward]")
    at(page, "calibration", language)
    go_on(page)
    at(page, "selftest", language)
    page.click("form[action$=selftest] button")
    expect(page.locator("[data-check=photo].good")).to_be_visible()
    page.click("button[name=anyway]")
    at(page, "wifi", language)
    expect(page.locator("[data-card]")).to_contain_text("河边 Clinic")
    go_on(page)
    expect(page.locator("body.welcome")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if language == "zh" else "en")
    for each, url in ((page, restartable.kiosk), (helper, f"{restartable.phones}/send")):
        each.goto(url)
        expect(each.locator("[data-not-set-up]")).to_have_count(0)
    assert helper.request.get(f"{restartable.phones}/setup/{key}").status == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_focus_bar_is_empty_until_the_lens_is_turned_and_full_at_the_sharpest(
    browse: Callable[..., Page], box: Any, language: Language
) -> None:
    """The frames are the box's own; how sharp they are is said here, for nobody turns a drawn camera's lens."""
    seen = [0.02]

    def turned(route: Route) -> None:
        frame = route.fetch()
        seen.append(seen[-1])
        route.fulfill(response=frame, headers={**frame.headers, "x-sharpness": str(seen[-1])})

    page = browse(800, 480, box, has_touch=True)
    page.goto(f"{box.kiosk}/?language={language}")
    page.route("**/preview.jpg", turned)
    page.goto(f"{box.kiosk}/kiosk/setup/focus?language={language}")
    says, bar = page.locator("[data-says]:visible"), page.locator("#sharp")
    for sharpness, said, level in (
        (0.02, "turn", 0.0),
        (0.05, "best", 1.0),
        (0.03, "nearer", 1 / 3),
        (0.05, "best", 1.0),
    ):
        seen.append(sharpness)
        while seen[-FRAMES:] != [sharpness] * FRAMES:
            page.wait_for_timeout(50)
        expect(says).to_have_text(text(language, f"setup.focus.{said}"))
        assert abs(float(bar.evaluate("bar => bar.value")) - level) < 0.02
    expect(bar).to_be_in_viewport(ratio=1)
    expect(says).to_be_in_viewport(ratio=1)


def at(page: Page, step: str, language: Language) -> None:
    """The step's page is there, in its language, and nothing on it is too small to touch with a glove."""
    expect(page.locator(f"body[data-step={step}]")).to_be_visible()
    expect(page.locator("h1")).to_have_text(text(language, f"setup.{step}.title"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    for each in page.locator("a[href], button, input:not([type=hidden])").all():
        if each.is_visible():
            box = each.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 48


def go_on(page: Page) -> None:
    """The last button of the row."""
    page.locator(".actions form button.button").first.click()
