"""What surrounds the photograph at the kiosk: consent, who, the pair, what the patient takes along, and pauses."""

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.cases.store import Store
from appliance.messages import text
from appliance.web.services import Services
from appliance.web.visit import PAUSE_S, Kiosk, Phase

Answer = Callable[..., None]
Clock = Any
"""That of conftest.py."""
DEADLINE_S = 60


@pytest.fixture
def do(by_visit: Callable[..., int]) -> Callable[..., int]:
    return by_visit


def photograph(visit: Kiosk, do: Callable[..., int]) -> None:
    """Take the photograph that the live view is about."""
    do("capture")
    visit.shown(visit.visit.step)
    end = time.monotonic() + DEADLINE_S
    while visit.visit.phase == "capturing" and time.monotonic() < end:
        time.sleep(0.02)


@pytest.fixture
def result(visit: Kiosk, do: Callable[..., int], answer: Answer) -> Callable[..., None]:
    """A visit up to its result."""

    def reach(*before: str, **fields: str) -> None:
        do("start", "consent", *(before or ("new",)), "site", "close-up", **fields)
        photograph(visit, do)
        answer()
        assert visit.visit.phase == "result"

    return reach


def test_consent_is_logged_with_its_words_in_the_patients_language(
    kiosk: FlaskClient, visit: Kiosk, do: Any, store: Store
) -> None:
    do("start", language="en")
    page = kiosk.get("/").text
    do("consent", letter="yes")
    number = visit.visit.number
    assert number is not None
    logged = store.agreed(number)
    assert logged is not None
    assert (logged.consent.language, logged.consent.photo_in_letter) == ("en", True)
    assert (logged.at, logged.clock) != ("", "")
    assert text("en", "consent.stays") in logged.consent.words
    for words in logged.consent.words.splitlines():
        assert words in page  # nothing is logged that was not on the page


def test_the_letter_needs_a_tick_of_its_own_and_the_case_knows(result: Any, store: Store, do: Any) -> None:
    result()
    do("end")
    result(letter="yes")
    assert [case.consent_photo for case in store.cases()] == [True, False]


def test_a_double_tap_logs_one_consent(visit: Kiosk, do: Any, store: Store) -> None:
    do("start", "consent", "consent")
    assert store.agreed(1) is not None
    assert store.agreed(2) is None


def test_who_leaves_without_a_photograph_leaves_no_trace(visit: Kiosk, do: Any, store: Store) -> None:
    do("start", "consent", "new")
    number = visit.visit.number
    assert number is not None
    do("end")
    assert store.agreed(number) is None


def test_a_new_patient_gets_a_code_and_brings_it_next_time(
    kiosk: FlaskClient, visit: Kiosk, result: Any, do: Any, store: Store
) -> None:
    result()
    do("hand-over")
    shown = re.search(r"data-patient>([^<]+)<", kiosk.get("/").text)
    assert shown
    do("done", "end", "start", "consent", "earlier")
    do("code", code=shown[1])
    assert (visit.visit.phase, visit.visit.known) == ("site", True)
    do("site", "close-up")
    photograph(visit, do)
    second, first = store.cases()
    assert second.patient == first.patient == shown[1]
    assert second.visit != first.visit
    assert store.earlier(second) == [first]


def test_overview_and_close_up_are_kept_as_a_pair_by_the_button_alone(
    visit: Kiosk, do: Any, hardware: Any, store: Store, answer: Answer
) -> None:
    do("start", "consent", "new", "site")
    for wanted in ("close_up", "waiting"):
        hardware.button.press()
        end = time.monotonic() + DEADLINE_S
        while wanted not in (visit.visit.view, visit.visit.phase) and time.monotonic() < end:
            time.sleep(0.02)
        if wanted == "close_up":
            assert store.cases() == []  # nothing is on the disk before the photograph that it is for
    (case,) = store.cases()
    overview = store.overview(case)
    assert overview is not None
    assert (overview.patient, overview.visit, overview.view) == (case.patient, case.visit, "overview")
    answer()
    assert store.document(overview) is None


def test_a_room_too_bright_for_a_close_up_does_not_keep_anyone_from_an_overview(
    visit: Kiosk, do: Any, hardware: Any
) -> None:
    hardware.camera.physics.ambient_level = 0.8
    do("start", "consent", "new", "site")
    photograph(visit, do)
    assert (visit.visit.phase, visit.visit.view) == ("live", "close_up")
    photograph(visit, do)
    assert visit.visit.phase == "failed"


def test_no_frame_of_a_photograph_is_taken_under_the_bright_page(
    visit: Kiosk, kiosk: FlaskClient, do: Any, hardware: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.station.DARK_WITHIN_S", DEADLINE_S)
    do("start", "consent", "new", "site")
    bright = kiosk.get("/kiosk/state").get_json()["step"]
    hardware.button.press()
    end = time.monotonic() + DEADLINE_S
    while visit.visit.phase == "live" and time.monotonic() < end:
        time.sleep(0.02)
    dark = kiosk.get(f"/kiosk/state?step={bright}").get_json()["step"]  # the bright page learns of it
    time.sleep(0.3)  # long enough for a capture that does not wait
    assert visit.visit.phase == "capturing"
    assert hardware.camera._last is None
    kiosk.get(f"/kiosk/state?step={dark}")
    while visit.visit.phase == "capturing" and time.monotonic() < end - DEADLINE_S / 2:
        time.sleep(0.02)
    assert visit.visit.view == "close_up"


def test_a_long_press_while_the_screen_goes_dark_calls_the_photograph_off(
    visit: Kiosk, do: Any, hardware: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.station.DARK_WITHIN_S", DEADLINE_S)
    do("start", "consent", "new", "site", "close-up", "capture")
    end = time.monotonic() + DEADLINE_S / 2
    while not services.station.busy and time.monotonic() < end:
        time.sleep(0.02)
    hardware.button.hold()
    while visit.visit.phase == "capturing" and time.monotonic() < end:
        time.sleep(0.02)
    assert (visit.visit.phase, visit.visit.view) == ("live", "close_up")
    assert hardware.indicator.state == "ready"
    assert hardware.camera._last is None
    assert services.store.cases() == []


def test_the_overview_has_hints_of_its_own(kiosk: FlaskClient, visit: Kiosk, do: Any) -> None:
    do("start", "consent", "new", "site")
    wide = kiosk.get("/").text
    assert 'data-hint="far"' not in wide
    assert text("zh", "kiosk.live.overview") in wide
    do("close-up")
    assert 'data-hint="far"' in kiosk.get("/").text


def test_another_site_starts_without_the_overview_of_the_last(visit: Kiosk, do: Any) -> None:
    do("start", "consent", "new", "site")
    photograph(visit, do)
    assert visit.visit.overview is not None
    do("back")
    do("site", site="face")
    assert (visit.visit.view, visit.visit.overview) == ("overview", None)


@pytest.mark.parametrize(("top", "said"), [("psoriasis", "paper"), ("normal_skin", "paper_sheet")])
def test_a_letter_is_promised_where_the_phone_has_one(
    kiosk: FlaskClient, visit: Kiosk, do: Callable[..., int], answer: Answer, top: str, said: str
) -> None:
    do("start", "consent", "new", "site", "close-up")
    photograph(visit, do)
    answer(top=top)
    assert visit.visit.phase == "result"
    do("hand-over")
    assert text("zh", f"kiosk.handover.{said}", code=visit.visit.code) in kiosk.get("/").text


def test_a_link_is_revoked_and_a_new_one_shown_until_the_visit_is_done(
    kiosk: FlaskClient, phone: FlaskClient, result: Any, do: Any
) -> None:
    result()
    do("hand-over")
    first = re.search(r'data-link="http://[^/]+(/[^"]+)"', kiosk.get("/").text)
    assert first
    do("revoke")
    page = kiosk.get("/").text
    assert text("zh", "kiosk.handover.revoked") in page
    assert first[1] not in page
    assert phone.get(first[1]).status_code == 404
    do("renew")
    second = re.search(r'data-link="http://[^/]+(/[^"]+)"', kiosk.get("/").text)
    assert second
    assert second[1] != first[1]
    assert phone.get(second[1]).status_code == 200
    do("done", "renew")
    assert "data-link" not in kiosk.get("/").text


def test_one_may_go_back_from_the_codes_to_the_result(kiosk: FlaskClient, visit: Kiosk, result: Any, do: Any) -> None:
    result()
    do("hand-over", "revoke", "back")
    shown = re.search(r'src="(/api/v1/results/[^/]+/photo.jpg)"', kiosk.get("/").text)
    assert shown
    assert kiosk.get(shown[1]).status_code == 200


def test_another_spot_of_the_same_patient(visit: Kiosk, result: Any, do: Any, store: Store) -> None:
    result()
    do("hand-over", "another")
    do("site", site="face")
    do("close-up")
    photograph(visit, do)
    second, first = store.cases()
    assert (second.patient, second.visit) == (first.patient, first.visit)
    assert (second.site, first.site) == ("face", "back")


STEPS: dict[Phase, tuple[str, ...]] = {
    "consent": ("start",),
    "who": ("start", "consent"),
    "code": ("start", "consent", "earlier"),
    "site": ("start", "consent", "new"),
    "live": ("start", "consent", "new", "site"),
}


@pytest.mark.parametrize("phase", STEPS)
def test_a_screen_that_was_left_forgets_the_patient(
    kiosk: FlaskClient, visit: Kiosk, do: Any, clock: Clock, store: Store, phase: Phase
) -> None:
    do(*STEPS[phase])
    clock.now_s = PAUSE_S[phase] - 10
    assert kiosk.get("/kiosk/state").get_json()["left_s"] == 10
    do("here")
    clock.now_s += PAUSE_S[phase] - 1
    assert visit.visit.phase == phase
    clock.now_s += 1
    assert kiosk.get("/kiosk/state").get_json()["phase"] == "welcome"
    assert store.agreed(1) is None
    assert kiosk.get("/kiosk/preview.jpg").status_code == 204


@pytest.mark.parametrize("phase", STEPS)
def test_without_scripts_a_screen_that_was_left_forgets_the_patient_too(
    kiosk: FlaskClient, do: Any, clock: Clock, phase: Phase
) -> None:
    do(*STEPS[phase])
    clock.now_s = 10
    asked_again = re.search(r'<noscript><meta http-equiv="refresh" content="(\d+)">', kiosk.get("/").text)
    assert asked_again
    if phase != "live":  # which asks all the time: the button on the box ends it
        clock.now_s += int(asked_again[1])
        assert text("zh", "kiosk.welcome.title") in kiosk.get("/").text


@pytest.mark.parametrize("after", [(), ("hand-over",)])
def test_no_time_out_takes_a_result_away(
    kiosk: FlaskClient, visit: Kiosk, result: Any, do: Any, clock: Clock, after: tuple[str, ...]
) -> None:
    result()
    for step in after:
        do(step)
    phase = visit.visit.phase
    clock.now_s = 7 * 24 * 3600
    assert kiosk.get("/kiosk/state").get_json()["left_s"] is None
    assert 'http-equiv="refresh"' not in kiosk.get("/").text
    assert visit.visit.phase == phase


def test_the_last_page_has_nothing_of_the_patient_and_goes_by_itself(
    kiosk: FlaskClient, visit: Kiosk, result: Any, do: Any, clock: Clock
) -> None:
    result(language="en")
    patient = visit.visit.patient
    do("hand-over", "done")
    page = kiosk.get("/").text
    assert patient not in page
    assert "/r/" not in page
    assert "photo.jpg" not in page
    clock.now_s += PAUSE_S["done"]
    assert visit.visit.phase == "welcome"
    assert '<html lang="zh-CN" ' in kiosk.get("/").text


def test_a_photograph_that_comes_after_the_pause_goes_nowhere(
    visit: Kiosk, do: Any, hardware: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = threading.Event()
    overview = hardware.station.overview

    def slow() -> object:
        left.wait(DEADLINE_S)
        return overview()

    monkeypatch.setattr(hardware.station, "overview", slow)
    do("start", "consent", "new", "site", "capture", "end")
    left.set()
    for thread in threading.enumerate():
        if thread.name == "kiosk-capture":
            thread.join(DEADLINE_S)
    assert (visit.visit.phase, visit.visit.overview) == ("welcome", None)
    assert store.cases() == []
