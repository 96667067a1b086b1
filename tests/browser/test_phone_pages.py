"""A phone sends a photo and reads the result, over a network that drops and files that are not photos."""

import csv
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from appliance.messages import Language, text

LOCALES: dict[Language, str] = {"zh": "zh-CN", "en": "en-GB"}
Fill = Callable[[Page, Path, str], None]
Result = Callable[[Page], str]


@pytest.fixture(params=["photograph", "synthetic"])
def any_photo(request: pytest.FixtureRequest) -> Path:
    """A real photograph; where there are none (that skips), one that the synthetic camera takes."""
    if request.param == "synthetic":
        drawn: Path = request.getfixturevalue("photo_file")
        return drawn
    folder: Path = request.getfixturevalue("photographs")
    with (folder / "manifest.csv").open(encoding="utf-8") as manifest:
        row = next(row for row in csv.DictReader(manifest) if row["label"] == "psoriasis")
    return folder / row["image"]


def test_a_photo_sent_becomes_a_result(
    phone: Callable[..., Page], box: Any, fill: Fill, result: Result, any_photo: Path
) -> None:
    page = phone(box)
    fill(page, any_photo, box.phones)
    assert result(page) in ("findings", "none_of_these", "cannot_assess")
    expect(page.locator(".photo")).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator("[data-simulated]")).to_be_visible()
    expect(page.locator(".caution")).to_contain_text("melanoma")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_photo_is_seen_before_it_is_sent(phone: Callable[..., Page], box: Any, photo_file: Path) -> None:
    page = phone(box)
    page.goto(f"{box.phones}/send")
    expect(page.locator("#preview")).to_be_hidden()
    page.set_input_files("input[name=phone_camera]", photo_file)
    expect(page.locator("#preview-image")).to_be_visible()
    expect(page.locator("#preview-image")).not_to_have_js_property("naturalWidth", 0)


def test_sending_without_a_photo_says_what_is_missing(phone: Callable[..., Page], box: Any) -> None:
    page = phone(box)
    page.goto(f"{box.phones}/send")
    page.select_option("#site", "hand")
    page.check("input[name=consent]")
    page.click("#form > button")
    expect(page.locator("#missing")).to_be_visible()


def test_without_scripts_it_works_too(
    phone: Callable[..., Page], box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    page = phone(box, java_script_enabled=False)
    fill(page, photo_file, box.phones)
    assert result(page)


def test_where_scripts_fail_to_load_the_photo_is_sent_and_the_wait_does_not_hang(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    page = phone(held_box)
    page.route("**/*.js", lambda route: route.abort())
    fill(page, photo_file, held_box.phones)
    expect(page.locator("#place")).to_be_visible()
    held_box.release.set()
    case = held_box.store.cases()[0]
    while held_box.store.document(case) is None:
        page.wait_for_timeout(100)
    page.get_by_role("link", name=text("en", "phone.wait.reload")).click()
    assert result(page)


@pytest.mark.parametrize("language", LOCALES)
def test_a_phone_sends_waits_over_a_reload_and_a_dropped_connection_reads_and_saves(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path, language: Language
) -> None:
    page = phone(held_box, locale=LOCALES[language])
    page.goto(held_box.phones)
    expect(page.locator("h1").first).to_have_text(text(language, "phone.send.title"))
    fill(page, photo_file, held_box.phones)
    expect(page.locator("#place")).to_have_text(text(language, "phone.wait.place", position=1))
    expect(page.locator("#reload")).to_be_hidden()
    page.reload()
    expect(page.locator("#place")).to_have_text(text(language, "phone.wait.place", position=1))
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    held_box.release.set()
    page.context.set_offline(False)
    assert result(page)
    expect(page.locator("main")).to_contain_text(text(language, "result.cannot_see.act"))
    assert page.title() == text(language, "result.title")
    page.get_by_role("link", name=text(language, "paper.sheet")).click()
    expect(page.locator("#print")).to_have_text(text(language, "paper.print"))
    pdf = page.request.get(held_box.phones + str(page.locator(".tools a[href*='.pdf']").get_attribute("href")))
    assert pdf.body().startswith(b"%PDF")


def test_a_slow_upload_shows_how_far_it_is(
    phone: Callable[..., Page], held_box: Any, fill: Fill, photo_file: Path
) -> None:
    page = phone(held_box)
    page.goto(f"{held_box.phones}/send")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": photo_file.stat().st_size / 4}
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", slow)
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { window.seen = []; new MutationObserver("
        "() => seen.push(document.getElementById('progress').value))"
        ".observe(document.getElementById('percent'), { childList: true }); });"
    )
    page.route("**/r/*", lambda route: route.abort())  # stay on the page that has seen it
    fill(page, photo_file, held_box.phones)
    expect(page.locator("#progress")).to_be_visible()
    page.wait_for_function("() => seen.at(-1) === 100")
    seen = page.evaluate("seen")
    assert seen == sorted(seen)
    assert any(0 < each < 100 for each in seen)


def test_a_page_that_waits_asks_less_and_less_often_where_nobody_answers_and_as_it_is_told_where_somebody_does(
    phone: Callable[..., Page], held_box: Any, fill: Fill, photo_file: Path
) -> None:
    page = phone(held_box)
    page.clock.install()
    asked = []
    told: dict[str, Any] = {"status": 202, "headers": {"Retry-After": "10"}, "json": {"state": "queued", "position": 3}}

    def seconds(count: int) -> int:
        """Let them go by; gives how often the page asked."""
        asked.clear()
        for _ in range(count):
            page.clock.run_for(1000)
            page.wait_for_timeout(50)  # for what a request takes
        return len(asked)

    page.route("**/api/v1/results/*", lambda route: (asked.append(1), route.abort()))
    fill(page, photo_file, held_box.phones)
    expect(page.locator("#offline")).to_be_visible()
    assert 2 <= seconds(60) <= 7  # after 1, 2, 4, 8, 16, 30 s
    assert 1 <= seconds(60) <= 3
    page.unroute("**/api/v1/results/*")
    page.route("**/api/v1/results/*", lambda route: (asked.append(1), route.fulfill(**told)))
    seconds(31)
    expect(page.locator("#place")).to_have_text(text("en", "phone.wait.place", position=3))
    assert 1 <= seconds(30) <= 4


def test_a_connection_lost_during_the_upload_is_made_up_for(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    held_box.release.set()
    page = phone(held_box)
    page.goto(f"{held_box.phones}/send")
    page.set_input_files("input[name=phone_gallery]", photo_file)
    page.select_option("#site", "forearm")
    page.check("input[name=consent]")
    page.context.set_offline(True)
    page.click("#form > button")
    expect(page.locator("#status-retrying")).to_be_visible()
    assert not held_box.store.cases()
    page.context.set_offline(False)
    assert result(page)
    assert len(held_box.store.cases()) == 1


def test_a_reload_during_the_upload_goes_on_with_it(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    held_box.release.set()
    page = phone(held_box)
    page.route("**/api/v1/photos", lambda route: route.abort())
    fill(page, photo_file, held_box.phones)
    expect(page.locator("#status-retrying")).to_be_visible()
    page.reload()
    expect(page.locator("#status-retrying")).to_be_visible()
    page.unroute("**/api/v1/photos")
    page.click("#now")
    assert result(page)
    assert len(held_box.store.cases()) == 1


def test_a_full_queue_is_waited_for(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    page = phone(held_box)
    full = {"status": 503, "headers": {"Retry-After": "1"}, "json": {"key": "queue_full"}}
    page.route("**/api/v1/photos", lambda route: route.fulfill(**full), times=1)  # type: ignore[arg-type]
    fill(page, photo_file, held_box.phones)
    expect(page.locator("#status-busy")).to_be_visible()
    held_box.release.set()
    assert result(page)


def test_the_last_result_is_found_again_and_can_be_forgotten(
    phone: Callable[..., Page], box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    page = phone(box)
    fill(page, photo_file, box.phones)
    result(page)
    mine = page.url
    page.goto(f"{box.phones}/send")
    page.click("#last-open")
    assert page.url == mine
    page.goto(f"{box.phones}/send")
    page.click("#last-forget")
    page.reload()
    expect(page.locator("#last")).to_be_hidden()


def bomb() -> bytes:
    """A PNG of 200 megapixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(1 + 20_000)) for _ in range(10_000)) + rows.flush()
    header = (20_000).to_bytes(4, "big") + (10_000).to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.fixture
def bad_file(request: pytest.FixtureRequest, tmp_path: Path, photo_file: Path) -> Path:
    """A file that is no photograph, by name."""
    name, make = {
        "empty": ("empty.jpg", lambda: b""),
        "text": ("notes.jpg", lambda: b"Dear diary, this is not a photograph. " * 50),
        "truncated": ("half.jpg", lambda: photo_file.read_bytes()[:20_000]),
        "bomb": ("bomb.png", bomb),
        "60 MB": ("film.jpg", lambda: photo_file.read_bytes().ljust(60_000_000, b"\0")),
    }[request.param]
    file = tmp_path / name
    file.write_bytes(make())
    return file


BAD = pytest.mark.parametrize("bad_file", ["empty", "text", "truncated", "bomb", "60 MB"], indirect=True)


@BAD
def test_a_bad_file_gets_a_clear_page_and_loses_nothing(
    phone: Callable[..., Page], box: Any, fill: Fill, result: Result, photo_file: Path, bad_file: Path
) -> None:
    page = phone(box)
    fill(page, photo_file, box.phones)
    outcome, earlier = result(page), page.url
    fill(page, bad_file, box.phones)
    expect(page.locator("#failed")).to_be_visible()
    expect(page.locator("#failed-text")).not_to_be_empty()
    expect(page.locator("#failed-remedy")).not_to_be_empty()
    page.click("#other")
    expect(page.locator("#form")).to_be_visible()
    fill(page, photo_file, box.phones)
    assert result(page) == outcome
    page.goto(earlier)
    assert result(page) == outcome


@BAD
def test_a_bad_file_gets_a_clear_page_without_scripts(
    phone: Callable[..., Page], box: Any, fill: Fill, bad_file: Path
) -> None:
    page = phone(box, java_script_enabled=False)
    fill(page, bad_file, box.phones)
    problem = page.locator("[data-problem]")
    expect(problem).to_be_visible()
    assert str(problem.get_attribute("data-problem")).startswith("photo_")
    expect(problem.locator(".lead")).not_to_be_empty()


def test_the_language_follows_the_phone_and_can_be_switched(phone: Callable[..., Page], box: Any) -> None:
    page = phone(box, locale="zh-CN")
    page.goto(box.phones)
    expect(page.locator("h1").first).to_have_text("发送皮肤照片")
    page.click("[data-language=en]")
    expect(page.locator("h1").first).to_have_text("Send a photo of the skin")
    page.goto(f"{box.phones}/send")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_without_a_link_nothing_is_seen(phone: Callable[..., Page], box: Any) -> None:
    page = phone(box)
    for path in ("/r/guess", "/kiosk/state", "/kiosk/preview.jpg", "/r/", "/api/v1/results/guess", "/cases"):
        answer = page.goto(f"{box.phones}{path}")
        assert answer is not None
        assert answer.status == 404


@pytest.mark.parametrize("path", ["/send", "/r/unknown"])
def test_what_is_touched_on_a_phone_is_large_enough(phone: Callable[..., Page], box: Any, path: str) -> None:
    page = phone(box)
    page.goto(f"{box.phones}{path}")
    for each in page.locator("a[href], button, select, label.pick, label.tick").all():
        if each.is_visible():
            touched = each.bounding_box()
            assert touched is not None
            assert min(touched["width"], touched["height"]) >= 48


def test_a_photo_refused_twice_leads_to_an_answer_with_a_reservation(
    phone: Callable[..., Page], box: Any, fill: Fill, result: Result, tmp_path: Path, encoded: Callable[..., bytes]
) -> None:
    for number in (1, 2):
        dark = np.full((480, 480, 3), 8 * number, np.uint8)
        (tmp_path / f"{number}.png").write_bytes(encoded(dark, "PNG"))
    page = phone(box)
    fill(page, tmp_path / "1.png", box.phones)
    assert result(page) == "cannot_assess"
    expect(page.locator("[data-reason=exposure_dark]")).to_be_visible()
    expect(page.locator(".offers")).to_have_count(0)
    page.click(".refusal a.button")
    expect(page.locator("#site")).to_have_value("forearm")
    page.set_input_files("input[name=phone_gallery]", tmp_path / "2.png")
    page.check("input[name=consent]")
    page.click("#form > button")
    assert result(page) == "cannot_assess"
    buttons = [each.bounding_box() for each in page.locator(".refusal a, .refusal button").all()]
    assert all(each and each["height"] >= 48 for each in buttons)
    page.click("form[action$=go-on] button")
    expect(page.locator("[data-reserved]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
