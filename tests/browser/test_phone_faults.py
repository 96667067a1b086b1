"""A phone's photo and result over what happens to phones: a box that restarts, HEIC, back buttons, other phones."""

import hashlib
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from PIL import Image
from pillow_heif import register_heif_opener
from playwright.sync_api import Page, expect

from appliance.cases.store import Store
from appliance.vision.photo import Pixels
from appliance.web.pace import HOUR_S, Pace

Fill = Callable[[Page, Path, str], None]
Result = Callable[[Page], str]


@pytest.fixture
def heic(tmp_path: Path, camera_photo: Pixels, encoded: Callable[..., bytes]) -> Path:
    """The camera's photo as an iPhone keeps it."""
    register_heif_opener()
    file = tmp_path / "IMG_0002.HEIC"
    file.write_bytes(encoded(camera_photo, "HEIF", quality=85))
    return file


def cases_of(state: Path) -> int:
    with closing(sqlite3.connect(state / "cases.sqlite3", timeout=10)) as database:
        return int(database.execute("SELECT count(*) FROM cases").fetchone()[0])


def lose_answers(page: Page, count: int, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Let the next uploads arrive whole and their answers never come back.

    Through Chromium's own protocol: a request that Playwright fetches itself carries no file.
    """
    line = page.context.new_cdp_session(page)
    left = [count]

    def answered(event: dict[str, Any]) -> None:
        how: dict[str, Any] = {"requestId": event["requestId"]}
        if not left[0]:
            line.send("Fetch.continueRequest", how)
            return
        left[0] -= 1
        meanwhile()
        line.send("Fetch.failRequest", {**how, "errorReason": "ConnectionReset"})

    line.on("Fetch.requestPaused", answered)
    line.send("Fetch.enable", {"patterns": [{"urlPattern": "*/api/v1/photos", "requestStage": "Response"}]})


def test_an_answer_lost_on_the_way_back_makes_no_second_case(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    held_box.release.set()
    page = phone(held_box)
    found: list[int] = []
    lose_answers(page, 2, meanwhile=lambda: found.append(len(held_box.store.cases())))
    fill(page, photo_file, held_box.phones)
    assert result(page)
    assert found == [1, 1]
    assert len(held_box.store.cases()) == 1


def test_a_photo_over_the_hours_limit_is_kept_and_sent_when_the_hour_is_over(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    held_box.release.set()
    now_s = [0.0]
    held_box.services.pace = Pace(lambda: now_s[0])
    held_box.services.settings = held_box.services.settings.model_copy(update={"uploads_per_hour": 1})
    held_box.services.pace.count("127.0.0.1", 1)
    page = phone(held_box)
    page.clock.install()
    fill(page, photo_file, held_box.phones)
    expect(page.locator("#status-paced")).to_be_visible(timeout=20_000)
    assert kept(page) == 1
    assert held_box.store.cases() == []
    now_s[0] = 2 * HOUR_S
    page.clock.fast_forward(2000 * int(HOUR_S))
    assert result(page)
    assert len(held_box.store.cases()) == 1


def test_a_box_that_restarts_during_the_upload_and_the_wait_loses_nothing(
    phone: Callable[..., Page], restartable: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    page = phone(restartable)
    lose_answers(page, 1, meanwhile=restartable.kill)  # the photo has arrived; power goes before the phone is told
    fill(page, photo_file, restartable.phones)
    expect(page.locator("#status-retrying")).to_be_visible()
    expect(page.locator("#status-retrying")).to_contain_text("restarting")
    assert cases_of(restartable.state) == 1
    restartable.start()
    page.evaluate("window.dispatchEvent(new Event('pageshow'))")  # the phone is unlocked
    assert result(page)
    assert cases_of(restartable.state) == 1
    mine = page.url
    restartable.kill()
    restartable.start()
    page.reload()
    assert result(page)
    assert page.url == mine
    assert mine.rsplit("/", 1)[1] not in restartable.log.read_text()


def test_the_waiting_page_says_that_the_box_is_gone_and_goes_on_by_itself(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    page = phone(held_box)
    fill(page, photo_file, held_box.phones)
    expect(page.locator("#place")).to_be_visible()
    page.route("**/api/v1/results/*", lambda route: route.abort("connectionrefused"))
    expect(page.locator("#offline")).to_contain_text("restarting")
    page.unroute("**/api/v1/results/*")
    held_box.release.set()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the phone is unlocked
    assert result(page)


def test_a_heic_photo_is_taken_and_the_browser_that_cannot_show_it_says_so(
    phone: Callable[..., Page], box: Any, fill: Fill, result: Result, heic: Path
) -> None:
    page = phone(box)
    page.goto(f"{box.phones}/send")
    page.set_input_files("input[name=phone_gallery]", heic)
    expect(page.locator("#preview-unshown")).to_be_visible()
    expect(page.locator("#preview-name")).to_have_text(f"✓ {heic.name}")
    expect(page.locator("#preview-image")).to_be_hidden()
    page.select_option("#site", "forearm")
    page.check("input[name=consent]")
    page.click("#form > button")
    assert result(page) in ("findings", "none_of_these", "cannot_assess")
    expect(page.locator("img.photo").first).not_to_have_js_property("naturalWidth", 0)


def test_what_was_chosen_survives_a_reload_in_its_tab_alone(
    phone: Callable[..., Page], held_box: Any, result: Result, photo_file: Path
) -> None:
    page = phone(held_box)
    page.goto(f"{held_box.phones}/send")
    page.set_input_files("input[name=phone_camera]", photo_file)
    expect(page.locator("#preview-image")).to_be_visible()
    page.select_option("#site", "hand")
    page.reload()
    expect(page.locator("#preview-image")).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator("#site")).to_have_value("hand")
    page.check("input[name=consent]")
    held_box.release.set()
    page.click("#form > button")
    assert result(page)
    assert [case.source for case in held_box.store.cases()] == ["phone_camera"]
    other = page.context.new_page()
    other.goto(f"{held_box.phones}/send")
    expect(other.locator("#preview")).to_be_hidden()
    emptied(other)


SAFARIS_PRIVATE_WINDOW = """() => {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (value, key) {
    for (const each of [value, ...Object.values(value)]) {
      if (each instanceof Blob) throw new DOMException("Error preparing Blob/File data", "DataCloneError");
    }
    return put.call(this, value, key);
  };
}"""


def test_a_browser_that_keeps_bytes_and_no_files_loses_nothing_either(
    phone: Callable[..., Page], held_box: Any, result: Result, photo_file: Path
) -> None:
    page = phone(held_box)
    page.add_init_script(f"({SAFARIS_PRIVATE_WINDOW})()")
    page.goto(f"{held_box.phones}/send")
    page.set_input_files("input[name=phone_gallery]", photo_file)
    expect(page.locator("#preview-image")).to_be_visible()
    while not kept(page):
        page.wait_for_timeout(50)
    page.reload()
    expect(page.locator("#preview-image")).not_to_have_js_property("naturalWidth", 0)
    page.select_option("#site", "hand")
    page.check("input[name=consent]")
    page.route("**/api/v1/photos", lambda route: route.abort("connectionrefused"))
    page.click("#form > button")
    expect(page.locator("#status-retrying")).to_be_visible()
    page.unroute_all(behavior="wait")
    held_box.release.set()
    page.reload()
    assert result(page)
    (case,) = held_box.store.cases()
    assert case.sha256 == hashlib.sha256(photo_file.read_bytes()).hexdigest()


KEPT_AS_A_FILE = """() => new Promise((done) => {
  const file = document.querySelector("input[name=phone_gallery]").files[0];
  const opening = indexedDB.open("dermkiosk", 1);
  opening.onsuccess = () => {
    const writing = opening.result.transaction("photo", "readwrite");
    writing.objectStore("photo").clear();
    writing.objectStore("photo").put(file, "a1b2c3d4e5f60718");
    writing.oncomplete = () => { opening.result.close(); done(); };
  };
  const answers = { key: "a1b2c3d4e5f60718", source: "phone_gallery", name: file.name, site: "hand", consent: "yes" };
  localStorage.setItem("dermkiosk.pending", JSON.stringify(answers));
})"""


def test_a_photo_that_the_version_before_kept_as_a_file_is_sent_as_it_is(
    phone: Callable[..., Page], held_box: Any, result: Result, photo_file: Path
) -> None:
    held_box.release.set()
    page = phone(held_box)
    page.goto(f"{held_box.phones}/send")
    page.set_input_files("input[name=phone_gallery]", photo_file)
    while not kept(page):
        page.wait_for_timeout(50)
    page.evaluate(KEPT_AS_A_FILE)
    page.reload()
    assert result(page)
    (case,) = held_box.store.cases()
    assert case.sha256 == hashlib.sha256(photo_file.read_bytes()).hexdigest()


SLOW_READING = """() => {
  window.held = [];
  for (const each of [Blob, Response]) {
    const read = each.prototype.arrayBuffer;
    each.prototype.arrayBuffer = function () {
      const bytes = read.call(this);
      return new Promise((done) => window.held.push(() => bytes.then(done)));
    };
  }
}"""


def read_through(page: Page, number: int) -> None:
    """Let the page have what it reads as its ``number``-th photo, from 0, and do with it what it will."""
    page.wait_for_function("number => window.held.length > number", arg=number)
    page.evaluate("number => window.held[number]().then(() => new Promise((done) => setTimeout(done)))", number)


def test_a_photo_given_up_while_it_was_read_is_not_kept_afterwards(
    phone: Callable[..., Page], held_box: Any, photo_file: Path
) -> None:
    page = phone(held_box)
    page.add_init_script(f"({SLOW_READING})()")
    page.goto(f"{held_box.phones}/send")
    page.set_input_files("input[name=phone_gallery]", photo_file)
    page.select_option("#site", "hand")
    page.check("input[name=consent]")
    page.evaluate("form.dataset.maxBytes = 1")
    page.click("#form > button")
    page.click("#other")
    read_through(page, 0)
    assert kept(page) == 0


def test_of_two_photos_the_one_chosen_last_is_kept_however_long_the_first_takes(
    phone: Callable[..., Page], held_box: Any, photo_file: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.jpg"
    Image.new("RGB", (64, 48), "peru").save(second)
    page = phone(held_box)
    page.add_init_script(f"({SLOW_READING})()")
    page.goto(f"{held_box.phones}/send")
    for number, file in enumerate((photo_file, second)):
        page.set_input_files("input[name=phone_gallery]", file)
        page.wait_for_function("number => window.held.length > number", arg=number)
    for number in (1, 0):
        read_through(page, number)
        assert kept(page) == 1  # and whatever is written is written: a reload breaks it off
    page.reload()
    expect(page.locator("#preview-image")).to_have_js_property("naturalWidth", 64)


def test_a_browser_whose_files_cannot_be_read_by_themselves_keeps_the_photo_too(
    phone: Callable[..., Page], held_box: Any, photo_file: Path
) -> None:
    page = phone(held_box)
    page.add_init_script("delete Blob.prototype.arrayBuffer")  # Safari before 14, Chromium before 76
    page.goto(f"{held_box.phones}/send")
    page.set_input_files("input[name=phone_gallery]", photo_file)
    while not kept(page):
        page.wait_for_timeout(50)
    page.reload()
    expect(page.locator("#preview-image")).not_to_have_js_property("naturalWidth", 0)


def emptied(page: Page) -> None:
    """Wait until no photo lies in the browser."""
    while kept(page):
        page.wait_for_timeout(50)


def kept(page: Page) -> int:
    """How many photos lie in the browser."""
    return int(
        page.evaluate(
            """() => new Promise((done) => {
              const opening = indexedDB.open("dermkiosk", 1);
              opening.onupgradeneeded = () => opening.result.createObjectStore("photo");
              opening.onsuccess = () => {
                const counting = opening.result.transaction("photo").objectStore("photo").count();
                counting.onsuccess = () => { opening.result.close(); done(counting.result); };
              };
            })"""
        )
    )


def test_nothing_of_a_photo_that_was_not_sent_stays_for_the_next_visit(
    phone: Callable[..., Page], held_box: Any, photo_file: Path
) -> None:
    page = phone(held_box)
    page.goto(f"{held_box.phones}/send")
    page.set_input_files("input[name=phone_gallery]", photo_file)
    expect(page.locator("#preview-image")).to_be_visible()
    page.wait_for_function("indexedDB.databases().then((all) => all.length > 0)")
    context = page.context
    page.close()
    later = context.new_page()
    later.goto(f"{held_box.phones}/send")
    expect(later.locator("#preview")).to_be_hidden()
    emptied(later)


def test_after_sending_the_back_button_sends_nothing_again(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    held_box.release.set()
    page = phone(held_box)
    page.goto(f"{held_box.phones}/send?language=en")
    fill(page, photo_file, held_box.phones)
    assert result(page)
    mine = page.url
    page.go_back()
    expect(page.locator("#form")).to_be_visible()
    expect(page.locator("#last")).to_be_visible()
    page.go_forward()
    assert result(page)
    assert page.url == mine
    assert len(held_box.store.cases()) == 1


def test_over_plain_http_from_another_address_it_works(
    phone: Callable[..., Page],
    held_box: Any,
    plain_http: Callable[[Any], Any],
    fill: Fill,
    result: Result,
    photo_file: Path,
) -> None:
    held_box.release.set()
    seen_from_afar = plain_http(held_box)
    page = phone(seen_from_afar)
    fill(page, photo_file, seen_from_afar.phones)
    assert page.evaluate("isSecureContext") is False
    assert result(page)


def told(page: Page, url: str) -> tuple[int, str]:
    """Status and text of what a phone is shown."""
    answer = page.goto(url)
    assert answer is not None
    return answer.status, page.inner_text("body")


def test_a_second_phone_sees_nothing_of_the_first_ones_result(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    held_box.release.set()
    first, second = phone(held_box), phone(held_box)
    fill(first, photo_file, held_box.phones)
    result(first)
    case = held_box.store.cases()[0]
    token = first.url.rsplit("/", 1)[1]
    api = f"{held_box.phones}/api/v1/results"
    for path in ("", "/photo.jpg", "/marked.jpg", "/map/psoriasis.png"):  # by the very link
        assert second.request.get(f"{api}/{token}{path}").status == 404
    unknown = told(second, f"{held_box.phones}/r/{'0' * 22}")
    assert told(second, first.url) == unknown
    assert unknown[0] == 404
    for guess in (case.code, case.photo_id, case.sha256, str(case.number), token[:-1], token.swapcase()):
        assert told(second, f"{held_box.phones}/r/{guess}")[0] == 404
        assert second.request.get(f"{api}/{guess}").status == 404
    for listing in (
        "/r/",
        "/r",
        "/cases",
        "/api/v1/results",
        "/api/v1/results/",
        "/api/v1/photos",
        "/photos",
        "/static/",
    ):
        assert second.request.get(held_box.phones + listing).status in (404, 405)
    second.goto(f"{held_box.phones}/send")
    second.go_back()
    assert case.code not in second.content()
    expect(second.locator("[data-outcome]")).to_have_count(0)
    first.reload()
    assert result(first)


@pytest.mark.parametrize("ended", ["revoked", "expired", "deleted"])
def test_a_link_that_ended_shows_nothing_not_even_by_the_back_button(
    phone: Callable[..., Page], held_box: Any, fill: Fill, result: Result, photo_file: Path, ended: str
) -> None:
    held_box.release.set()
    page = phone(held_box)
    fill(page, photo_file, held_box.phones)
    result(page)
    case, token, mine = held_box.store.cases()[0], page.url.rsplit("/", 1)[1], page.url
    page.goto(f"{held_box.phones}/send")
    {
        "revoked": lambda: held_box.store.revoke(token),
        "expired": lambda: expire(held_box.store, token),
        "deleted": lambda: held_box.store.delete(case.code),
    }[ended]()
    page.go_back()
    expect(page.locator("[data-problem=case_unknown]")).to_be_visible()
    assert case.code not in page.content()
    assert page.request.get(f"{held_box.phones}/api/v1/results/{token}/photo.jpg").status == 404
    page.goto(f"{held_box.phones}/send")
    expect(page.locator("#last")).to_be_hidden()
    assert mine not in page.content()


def expire(store: Store, token: str) -> None:
    """Let the case's link end by itself: here one that works for a second."""
    case = store.by_token(token)
    with store._database.transaction() as connection:
        connection.execute(
            "UPDATE links SET issued_age_s = -9, expires_age_s = -8 WHERE case_number = ?", (case.number,)
        )


def test_the_tab_and_the_history_name_no_condition(
    phone: Callable[..., Page], box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    page = phone(box)
    fill(page, photo_file, box.phones)
    result(page)
    assert page.title() == "Result"
    assert page.locator("meta[property^='og:'], meta[name^='twitter:'], meta[name=description]").count() == 0
    assert not any(part in page.url.lower() for part in ("psoriasis", "carcinoma", "case"))


class Site(ThreadingHTTPServer):
    """Another site. It keeps who its visitors say sent them."""

    def __init__(self) -> None:
        self.told: Queue[str | None] = Queue()
        super().__init__(("127.0.0.1", 0), Visit)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Visit(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.told.put(self.headers["Referer"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing to tell."""


def test_another_site_that_is_opened_from_a_result_does_not_learn_its_link(
    phone: Callable[..., Page], box: Any, fill: Fill, result: Result, photo_file: Path
) -> None:
    with Site() as site:
        page = phone(box, elsewhere=site.url)
        fill(page, photo_file, box.phones)
        result(page)
        page.evaluate(f"location.assign('{site.url}')")
        assert site.told.get(timeout=60) is None
        site.shutdown()
