"""A clinician's journey on a laptop: from a patient's photo to the later diagnosis and what it says of the box."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PIN = "482915"
Fill = Callable[[Page, Path, str], None]
Result = Callable[[Page], str]
FIELDS = "select, input:not([type=hidden], [type=radio], [type=checkbox])"
TOUCHED = f"a.button, button, label.radio, .places a, .cases a, {FIELDS}"
WORDS = {"en-GB": ("Psoriasis", "Log out"), "zh-CN": ("银屑病", "退出登录")}


@pytest.fixture
def clinic(held_box: Any) -> Any:
    """A box with a PIN and one answered photo to come."""
    held_box.store.pin.set(PIN, "kiosk")
    held_box.release.set()
    return held_box


def log_in(page: Page, base: str) -> None:
    page.goto(f"{base}/staff")
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    expect(page.locator("[data-total]")).to_be_visible()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_a_clinician_finds_a_case_writes_down_the_diagnosis_and_sees_how_often_the_box_was_right(
    phone: Callable[..., Page],
    browse: Callable[..., Page],
    clinic: Any,
    fill: Fill,
    result: Result,
    photo_file: Path,
    locale: str,
) -> None:
    patient = phone(clinic, locale=locale)
    fill(patient, photo_file, clinic.phones)
    result(patient)
    page = browse(1280, 800, clinic, locale=locale)
    log_in(page, clinic.phones)
    name, leave = WORDS[locale]

    page.select_option("#site", "forearm")
    page.select_option("#reviewed", "no")
    page.locator(".filters button").click()
    expect(page.locator("[data-case]")).to_have_count(1)
    page.locator("[data-case] a").click()
    expect(page.locator("figure.overview, .clinician")).to_be_visible()
    expect(page.locator(".clinician img.photo")).not_to_have_js_property("naturalWidth", 0)

    page.select_option("#what", label=name)
    page.check("input[name=evidence][value=pathology]")
    page.locator("#diagnosis button").click()
    expect(page.locator("[data-diagnosis=psoriasis]")).to_have_text(name)
    expect(page.locator("[data-reviewed]")).to_be_visible()
    page.fill("#text", "biopsy of the left arm")
    page.locator("#notes button").click()
    expect(page.locator(".notes")).to_contain_text("biopsy of the left arm")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280

    page.locator(".papers a").first.click()
    pdf = page.request.get(clinic.phones + str(page.locator(".tools a[href*='.pdf']").get_attribute("href")))
    assert pdf.body().startswith(b"%PDF")

    page.goto(f"{clinic.phones}/staff/figures")
    expect(page.locator("[data-cell^='psoriasis/']", has_text="1")).to_have_count(1)
    expect(page.locator("[data-too-few]")).to_have_count(3)

    page.goto(f"{clinic.phones}/staff/audit")
    for action in ("export", "note", "diagnosis", "look", "login"):
        expect(page.locator(f"[data-action={action}]").first).to_be_visible()
    delete(page, clinic.phones)
    patient.reload()
    expect(patient.locator("[data-problem=case_unknown]")).to_be_visible()
    page.get_by_role("button", name=leave).click()
    expect(page.locator("#pin")).to_be_visible()
    page.go_back()
    expect(page.locator("#pin")).to_be_visible()


@pytest.mark.parametrize("locale", WORDS)
def test_a_table_wider_than_the_screen_says_so_and_the_keyboard_moves_it(
    browse: Callable[..., Page], clinic: Any, photo_file: Path, phone: Callable[..., Page], fill: Fill, locale: str
) -> None:
    patient = phone(clinic)
    fill(patient, photo_file, clinic.phones)
    expect(patient.locator("[data-outcome]")).to_be_visible()
    clinic.store.reviews.diagnose(1, "squamous_cell_carcinoma", "pathology")
    page = browse(360, 640, clinic, locale=locale)
    log_in(page, clinic.phones)
    page.goto(f"{clinic.phones}/staff/figures")
    table, hint = page.locator(".scroll"), page.locator("#confusion-wider")
    wide = "each => each.scrollWidth > each.clientWidth"
    seen = {}
    for width in range(360, 1400, 20):
        page.set_viewport_size({"width": width, "height": 640})
        seen[width] = (table.evaluate(wide), hint.is_visible())
    assert seen[360] == (True, True)
    assert seen[1360] == (False, False)
    assert [width for width, (wider, said) in seen.items() if wider != said] == []
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    table.focus()
    page.keyboard.press("ArrowRight")
    expect(table).not_to_have_js_property("scrollLeft", 0)


def delete(page: Page, base: str) -> None:
    """Delete the only case; without a tick nothing happens."""
    page.goto(f"{base}/staff/cases")
    page.locator("[data-case] a").click()
    form = page.locator("form[action$=delete]")
    page.locator("details", has=form).locator("summary").click()
    form.locator("button").click()
    expect(form).to_be_visible()
    form.locator("input[name=sure]").check()
    form.locator("button").click()
    expect(page.locator("[data-none]")).to_be_visible()


def test_on_a_phone_a_wrong_pin_is_said_and_all_pages_fit_and_are_easy_to_touch(
    phone: Callable[..., Page], clinic: Any
) -> None:
    page = phone(clinic)
    page.goto(f"{clinic.phones}/staff/settings")
    page.fill("#pin", "000000")
    page.keyboard.press("Enter")
    expect(page.locator("[data-problem=pin_wrong]")).to_be_visible()
    page.fill("#pin", PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#link_hours")).to_be_visible()
    assert page.url == f"{clinic.phones}/staff/settings"
    for path in ("cases", "figures", "health", "audit", "settings", "pin"):
        page.goto(f"{clinic.phones}/staff/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        for each in page.locator(TOUCHED).all():
            if each.is_visible():
                touched = each.bounding_box()
                assert touched is not None
                assert touched["height"] >= 48, (path, each.evaluate("node => node.outerHTML"))


def test_without_a_keyboard_the_kiosks_own_digits_fill_the_pin(browse: Callable[..., Page], box: Any) -> None:
    page = browse(800, 480, box, has_touch=True)
    page.goto(box.kiosk)
    page.goto(f"{box.kiosk}/staff")
    expect(page).to_have_url(re.compile("/kiosk/pin$"))
    for field in ("#new", "#again"):
        page.locator(field).tap()
        for digit in "48291":
            page.locator(f"[data-digit='{digit}']").tap()
    page.locator("[data-back]").tap()
    assert page.input_value("#new") == "48291"
    assert page.input_value("#again") == "4829"
    page.locator("[data-clear]").tap()
    assert page.input_value("#again") == ""
