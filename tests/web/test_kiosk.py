"""A visit at the kiosk, without a browser: its steps, the camera's faults, and what it leaves behind."""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from appliance.cases import document
from appliance.cases.store import Intake
from appliance.messages import text
from appliance.vision.hints import HINTS
from appliance.web.app import create_kiosk_app
from appliance.web.intake import keep
from appliance.web.services import Services
from appliance.web.sites import SITES
from appliance.web.visit import Visit
from firmware.synthetic import Fault
from tests.web.conftest import TO_THE_CLOSE_UP, walk

Answer = Callable[..., None]
DEADLINE_S = 60


@pytest.fixture
def do(by_page: Callable[..., int]) -> Callable[..., int]:
    return by_page


def test_a_visit_from_welcome_to_result(
    do: Any, page: Any, phase: Any, until: Any, answer: Answer, services: Services
) -> None:
    assert text("zh", "kiosk.welcome.start") in page()
    do("start")
    assert text("zh", "consent.stays") in page()
    do("consent", consent="yes")
    assert text("zh", "kiosk.who.new") in page()
    do("new")
    assert all(f'value="{site}"' in page() for site in SITES)
    do("site", site="back")
    assert phase() == "live"
    do("close-up")
    do("capture")
    assert until() == "waiting"
    assert text("zh", "kiosk.waiting.place", position=1) in page()
    (case,) = services.store.cases()
    assert (case.source, case.site, case.simulated) == ("kiosk", "back", True)
    assert case.capture is not None
    assert case.capture["camera"] == "synthetic"
    answer(top="psoriasis")
    assert phase() == "result"
    shown = page()
    assert 'data-class="psoriasis"' in shown
    assert "/map/psoriasis.png" in shown
    assert case.code in shown


def test_the_qr_carries_the_case_link_with_the_lan_address(
    do: Any, page: Any, until: Any, answer: Answer, live: None, phone: FlaskClient
) -> None:
    do("capture")
    until()
    answer()
    do("hand-over")
    link = re.search(r'data-link="(http://192\.168\.1\.5:8000(/r/[\w-]+))"', page())
    assert link
    assert f"{link[1]}</p>" in page()
    assert "<svg" in page()
    assert 'data-outcome="findings"' in phone.get(link[2]).text


def test_the_hardware_button_captures_while_the_live_view_is_on(
    hardware: Any, phase: Any, until: Any, services: Services, live: None
) -> None:
    hardware.button.press()
    end = time.monotonic() + DEADLINE_S
    while phase() == "live" and time.monotonic() < end:
        time.sleep(0.02)
    assert until() == "waiting"
    assert len(services.store.cases()) == 1


@pytest.mark.parametrize("steps", [(), ("start",), ("start", "consent"), ("start", "consent", "new")])
def test_before_consent_and_site_the_button_does_nothing(
    do: Any, page: Any, hardware: Any, phase: Any, services: Services, steps: tuple[str, ...]
) -> None:
    page()
    for step in steps:
        do(step, consent="yes")
    before = phase()
    pressed = threading.Event()
    capture = hardware.button._action
    hardware.button.on_press(lambda: (capture(), pressed.set()))
    hardware.button.press()
    assert pressed.wait(DEADLINE_S)
    do("capture")
    assert phase() == before
    assert not services.store.cases()


def test_consent_must_be_ticked(do: Any, phase: Any) -> None:
    do("start")
    assert do("consent") == 422
    assert phase() == "consent"


def test_an_unknown_site_is_refused(do: Any, phase: Any) -> None:
    walk(do, "start", "consent", "new")
    assert do("site", site="moon") == 422
    assert phase() == "site"


def test_the_live_view_is_a_jpeg_and_only_there(kiosk: FlaskClient, do: Any) -> None:
    kiosk.get("/")
    assert kiosk.get("/kiosk/preview.jpg").status_code == 204
    walk(do, "start", "consent", "new")
    assert kiosk.get("/kiosk/preview.jpg").status_code == 204
    do("site", site="hand")
    shown = kiosk.get("/kiosk/preview.jpg")
    assert shown.mimetype == "image/jpeg"
    assert shown.data.startswith(b"\xff\xd8")
    assert shown.headers["Cache-Control"] == "no-store"


def test_each_frame_of_the_live_view_comes_with_a_hint_that_the_page_can_show(
    kiosk: FlaskClient, page: Any, live: None
) -> None:
    assert all(f'data-hint="{hint}" hidden' in page() for hint in HINTS)
    assert all(str(escape(text("zh", f"hint.{hint}"))) in page() for hint in HINTS)
    assert kiosk.get("/kiosk/preview.jpg").headers["X-Hint"] in HINTS


def test_a_camera_that_fails_is_said_with_a_remedy_and_can_be_tried_again(
    do: Any, page: Any, phase: Any, until: Any, hardware: Any, services: Services, live: None, kiosk: FlaskClient
) -> None:
    hardware.camera.faults.add(Fault.UNPLUG)
    preview = kiosk.get("/kiosk/preview.jpg", headers={"Accept": "application/json"})
    assert (preview.status_code, preview.get_json()["key"]) == (503, "camera_unplugged")
    do("capture")
    assert until() == "failed"
    assert text("zh", "error.camera_unplugged") in page()
    assert text("zh", "error.camera_unplugged.remedy") in page()
    assert hardware.indicator.state == "fault"
    assert not services.store.cases()
    hardware.camera.faults.clear()
    do("again")
    assert phase() == "live"
    do("capture")
    assert until() == "waiting"


def test_a_bright_room_is_a_refusal_with_a_remedy_and_no_fault(
    do: Any, page: Any, until: Any, hardware: Any, services: Services, live: None
) -> None:
    hardware.camera.physics.ambient_level = 0.5
    do("capture")
    assert until() == "failed"
    assert 'data-problem="room_too_bright"' in page()
    assert text("zh", "error.room_too_bright.remedy") in page()
    assert hardware.indicator.state == "refused"
    assert not services.store.cases()


def test_the_case_keeps_what_was_set_and_measured_in_the_documents_own_shape(
    do: Any, until: Any, services: Services, live: None
) -> None:
    do("capture")
    assert until() == "waiting"
    schema = json.loads(Path(document.__file__).with_name("result.schema.json").read_text())
    (case,) = services.store.cases()
    assert case.capture is not None
    assert case.capture["set"] is not None
    jsonschema.validate(case.capture, {"$defs": schema["$defs"], **schema["properties"]["capture"]})


def test_the_indicator_follows_the_visit(
    do: Any, until: Any, answer: Answer, phase: Any, hardware: Any, live: None
) -> None:
    assert hardware.indicator.state == "ready"
    do("capture")
    until()
    assert hardware.indicator.state == "busy"
    answer()
    assert phase() == "result"
    assert hardware.indicator.state == "ready"


def test_a_full_queue_is_said_at_the_kiosk(
    do: Any, page: Any, until: Any, live: None, phone: FlaskClient, form: Any, services: Services
) -> None:
    for _ in range(services.settings.queue_limit):
        phone.post("/api/v1/photos", **form())
    do("capture")
    assert until() == "failed"
    assert 'data-problem="queue_full"' in page()


def test_retaking_keeps_the_site(do: Any, page: Any, until: Any, answer: Answer, live: None) -> None:
    do("capture")
    until()
    answer("cannot_assess", failed=("advice.focus",))
    assert text("zh", "todo.focus") in page()
    do("again")
    assert text("zh", "site.back") in page()


def test_a_new_patient_finds_nothing_of_the_last(
    do: Any, page: Any, phase: Any, until: Any, answer: Answer, live: None, kiosk: FlaskClient, services: Services
) -> None:
    kiosk.get("/?language=en")
    do("capture")
    until()
    answer()
    (case,) = services.store.cases()
    do("hand-over")
    token = re.search(r"/r/([\w-]+)", page())
    assert token
    assert case.patient in page()
    do("done")
    assert phase() == "done"
    for secret in (case.code, token[1], case.patient, "site.back"):
        assert secret not in page()
    do("end")
    assert phase() == "welcome"
    for path in ("/", "/kiosk/state"):
        shown = kiosk.get(path).text
        assert not any(secret in shown for secret in (case.code, token[1], case.patient))
    assert '<html lang="zh-CN" ' in page()
    walk(do, "start", "consent", "new")
    assert text("zh", "site.back") in page()  # a choice again, not a memory
    assert phase() == "site"


def test_who_leaves_during_the_capture_is_not_photographed(
    do: Any, phase: Any, services: Services, live: None, monkeypatch: pytest.MonkeyPatch, hardware: Any
) -> None:
    taking, left = threading.Event(), threading.Event()
    capture = hardware.station.capture

    def slow(*_: object) -> object:
        taking.set()
        left.wait(DEADLINE_S)
        return capture()

    monkeypatch.setattr(hardware.station, "capture", slow)
    do("capture")
    assert taking.wait(DEADLINE_S)
    do("end")
    left.set()
    for thread in threading.enumerate():
        if thread.name == "kiosk-capture":
            thread.join(DEADLINE_S)
    assert phase() == "welcome"
    assert not services.store.cases()


def test_a_deleted_case_ends_the_visit(
    do: Any, phase: Any, until: Any, answer: Answer, live: None, services: Services
) -> None:
    do("capture")
    until()
    answer()
    assert phase() == "result"
    services.store.delete(services.store.cases()[0].code)
    assert phase() == "welcome"


def test_a_fault_nobody_thought_of_does_not_leave_the_page_waiting(
    do: Any, page: Any, until: Any, live: None, hardware: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware.station, "capture", lambda _dark: 1 / 0)
    do("capture")
    assert until() == "failed"
    assert text("zh", "error.internal") in page()


def test_every_kiosk_page_says_simulated(do: Any, page: Any, until: Any, answer: Answer) -> None:
    pages = [page()]
    for step in (*TO_THE_CLOSE_UP, "capture"):
        walk(do, step)
        pages.append(page())
    until()
    pages.append(page())
    answer()
    pages.append(page())
    for step in ("hand-over", "done"):
        do(step)
        pages.append(page())
    assert all("SIMULATED" in each for each in pages)


def test_the_welcome_page_leads_phones_to_the_form(page: Any) -> None:
    assert 'data-link="http://192.168.1.5:8000/send"' in page()


@pytest.fixture
def offline(services: Services) -> FlaskClient:
    """The kiosk of a box without a network."""
    return create_kiosk_app(replace(services, lan_url=lambda: None)).test_client()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_a_network_a_sentence_stands_where_the_qr_was(
    offline: FlaskClient, services: Services, answer: Answer, language: str
) -> None:
    welcome = offline.get(f"/?language={language}").text
    offline.application.extensions["kiosk"]._become(_answered(services, answer))
    offline.application.extensions["kiosk"].hand_over()
    result = offline.get("/").text
    for page, key in ((welcome, "kiosk.welcome.no_network"), (result, "kiosk.result.no_network")):
        assert str(escape(text(language, key))) in page
        assert "http://" not in re.sub(r'xmlns="[^"]*"', "", page)
        assert "data-link" not in page
        assert page.count('class="qr"') == page.count("data-patient")  # their own code needs no network
    assert "data-patient" in result


def _answered(services: Services, answer: Answer) -> Visit:
    pixels = np.full((240, 320, 3), 128, np.uint8)
    case, link = keep(services, Intake(pixels, "0" * 64, "kiosk", "back", True, None, True))
    answer()
    return Visit("result", "back", case.code, link.token, patient="K7QF-2M")


DARK_SHEET = r'<link rel="stylesheet" href="/static/dark.css" media="([^"]+)">'


def test_the_dark_screen_is_chosen_on_the_first_page_and_outlasts_the_patient(page: Any, do: Any, kiosk: Any) -> None:
    assert not re.search(DARK_SHEET, page())
    assert re.findall(DARK_SHEET, kiosk.get("/?look=dark").text) == ["screen"]
    do("start")
    do("end")
    assert re.findall(DARK_SHEET, page()) == ["screen"]
    assert text("zh", "kiosk.look.bright") in page()
    kiosk.get("/?look=bright")
    assert not re.search(DARK_SHEET, page())
    kiosk.get("/?look=nonsense")
    assert not re.search(DARK_SHEET, page())


def test_a_phone_is_asked_whether_it_is_night(phone: FlaskClient) -> None:
    for path in ("/send", "/send?look=dark"):
        assert re.findall(DARK_SHEET, phone.get(path).text) == ["screen and (prefers-color-scheme: dark)"]
