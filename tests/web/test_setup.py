"""The first start: step by step, kept, resumed, and said on every page until it is done."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageFilter

from appliance import hotspot
from appliance.cases.setup import STEPS, is_done
from appliance.cases.store import Store
from appliance.health.result import Result
from appliance.messages import LANGUAGES, Language, remedy, sentence, text
from appliance.settings import load
from appliance.web.app import create_kiosk_app
from appliance.web.services import Services
from firmware.errors import CameraUnplugged, StationBusy
from firmware.synthetic import Fault
from tests.web.conftest import Hardware

ROOT = "/kiosk/setup"
PIN = "270913"


def first_pin(kiosk: FlaskClient) -> Any:
    """Set it at the kiosk, which is staff's from then on; gives the page that follows."""
    csrf = kiosk.application.jinja_env.globals["csrf"]
    return kiosk.post("/kiosk/pin", data={"csrf": csrf, "new": PIN, "again": PIN}, follow_redirects=True)


@pytest.fixture
def do(kiosk: FlaskClient) -> Callable[..., Any]:
    """Send a step's form; gives the page that follows."""

    def press(step: str, **fields: str) -> Any:
        kiosk.get("/")
        csrf = kiosk.application.jinja_env.globals["csrf"]
        answer = kiosk.post(f"{ROOT}/{step}", data={"csrf": csrf, **fields})
        assert answer.status_code == 303, answer.text
        return kiosk.get(answer.headers["Location"], follow_redirects=True)

    return press


@pytest.fixture
def complete(do: Callable[..., Any], kiosk: FlaskClient) -> Callable[[], Any]:
    """Do all steps."""

    def walk() -> Any:
        do("language", language="en")
        do("clinic", clinic="Village clinic")
        first_pin(kiosk)
        do("focus", anyway="1")
        do("calibration")
        do("selftest")
        return do("wifi")

    return walk


def step_of(page: Any) -> str:
    found = re.search(r'data-step="(\w+)"', page.text)
    return found[1] if found else ""


def test_a_new_box_says_on_every_page_that_it_is_not_set_up_and_works(
    kiosk: FlaskClient, phone: FlaskClient, sent: dict[str, Any]
) -> None:
    pages = [phone.get(path).text for path in ("/send", sent["page_url"], "/nowhere")] + [kiosk.get("/").text]
    assert all("data-not-set-up" in page for page in pages)
    assert [f'href="{ROOT}"' in page for page in pages] == [False, False, False, True]


def test_from_the_language_to_the_wifi_card(
    kiosk: FlaskClient, phone: FlaskClient, do: Callable[..., Any], store: Store
) -> None:
    assert step_of(kiosk.get(ROOT, follow_redirects=True)) == ""  # not without the kiosk's session
    kiosk.get("/")
    assert step_of(kiosk.get(ROOT, follow_redirects=True)) == "language"
    page = do("language", language="en")
    assert step_of(page) == "clinic"
    assert '<html lang="en" ' in page.text
    assert step_of(do("clinic", clinic="  Village \n clinic ")) == "pin"
    assert step_of(do("pin")) == "pin"  # not without one
    assert step_of(first_pin(kiosk)) == "pin"
    assert step_of(do("pin")) == "focus"
    looked = do("focus")
    assert step_of(looked) == "focus"
    assert "data-done" in looked.text
    assert step_of(kiosk.get(f"{ROOT}/calibration")) == "calibration"
    assert step_of(do("calibration")) == "selftest"
    tested = do("selftest")
    assert 'class="good" data-check="photo"' in tested.text
    assert step_of(do("selftest", anyway="1")) == "wifi"
    assert "Village clinic" in kiosk.get(f"{ROOT}/wifi").text
    assert "data-not-set-up" not in do("wifi").text
    assert "data-not-set-up" not in phone.get("/send").text
    assert store.setup.state == "done"
    assert kiosk.get(ROOT).status_code == 404
    assert kiosk.get(f"{ROOT}/clinic").status_code == 404


@pytest.mark.parametrize("stop", range(1, len(STEPS)))
def test_after_a_power_cut_it_goes_on_where_it_was(services: Services, stop: int) -> None:
    folder = services.settings.state
    kept = services.store.setup
    kept.become("begun")
    for step in STEPS[:stop]:
        if step == "pin":
            services.store.pin.set(PIN, "kiosk")
        else:
            kept.keep(step, "done")
    services.store.close()
    with Store(folder) as store:
        again = Services(**{**services.__dict__, "store": store})
        client = create_kiosk_app(again).test_client()
        page = client.get("/", follow_redirects=True)
        if "pin" in STEPS[:stop]:
            assert step_of(page) == ""
            page = client.post("/staff/login", data={"pin": PIN, "next": next_of(page)}, follow_redirects=True)
        assert step_of(page) == STEPS[stop]


def next_of(page: Any) -> str:
    """Where the page that asks for the PIN leads on to."""
    found = re.search(r'name="next" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def test_with_a_pin_no_patient_goes_on_with_what_was_put_off(
    services: Services, kiosk: FlaskClient, do: Callable[..., Any]
) -> None:
    do("clinic", clinic="Ours")
    first_pin(kiosk)
    do("later")
    patient = create_kiosk_app(services).test_client()
    patient.get("/")
    csrf = patient.application.jinja_env.globals["csrf"]
    for path in ("", "/clinic", "/state", "/preview.jpg"):
        assert patient.get(f"{ROOT}{path}").headers["Location"].startswith("/staff/login?next=")
    refused = patient.post(f"{ROOT}/clinic", data={"csrf": csrf, "clinic": "Mine"})
    assert (refused.status_code, services.store.setup.clinic) == (401, "Ours")
    on = patient.post("/staff/login", data={"pin": PIN, "next": next_of(refused)}, follow_redirects=True)
    assert step_of(on) == "language"


def test_a_box_that_comes_up_in_the_middle_can_be_left_to_the_patients_without_the_pin(services: Services) -> None:
    services.store.setup.become("begun")
    services.store.pin.set(PIN, "kiosk")
    client = create_kiosk_app(services).test_client()
    assert "data-later" in client.get("/", follow_redirects=True).text
    csrf = client.application.jinja_env.globals["csrf"]
    page = client.post(f"{ROOT}/later", data={"csrf": csrf}, follow_redirects=True).text
    assert 'data-phase="welcome"' in page
    assert "data-later" not in client.get("/staff/login").text


@pytest.mark.parametrize("fault", ["dark", "blurred"])
def test_a_view_that_is_not_sharp_is_said_and_can_be_passed(
    do: Callable[..., Any], store: Store, services: Services, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    frame = services.station.preview(lit=True)
    image = Image.fromarray(frame.pixels)
    seen = image.filter(ImageFilter.GaussianBlur(12)) if fault == "blurred" else image.point(lambda value: value // 12)
    monkeypatch.setattr(type(services.station), "preview", lambda *_, **__: replace(frame, pixels=np.asarray(seen)))
    looked = do("focus")
    assert f'data-fault="{fault}"' in looked.text
    assert store.setup.outcome("focus") is None
    assert step_of(do("focus", anyway="1")) == "calibration"
    assert store.setup.outcome("focus") == "anyway"


def test_put_off_it_leaves_the_kiosk_to_the_patients(kiosk: FlaskClient, do: Callable[..., Any]) -> None:
    kiosk.get("/")
    kiosk.get(ROOT)
    assert step_of(kiosk.get("/", follow_redirects=True)) == "language"
    page = do("later")
    assert 'data-phase="welcome"' in page.text
    assert "data-not-set-up" in page.text


def test_it_does_not_end_before_every_step_is_done(do: Callable[..., Any], store: Store) -> None:
    page = do("wifi")
    assert "data-missing" in page.text
    assert store.setup.state != "done"


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "bad\x00name"])
def test_a_name_nobody_can_read_is_refused(do: Callable[..., Any], store: Store, name: str) -> None:
    assert 'data-problem="clinic_name_invalid"' in do("clinic", clinic=name).text
    assert store.setup.clinic == ""


def test_no_step_is_taken_during_a_visit(kiosk: FlaskClient, store: Store) -> None:
    kiosk.get("/")
    csrf = kiosk.application.jinja_env.globals["csrf"]
    kiosk.post("/kiosk/start", data={"csrf": csrf})
    assert kiosk.get(ROOT).status_code == 503
    kiosk.post(f"{ROOT}/language", data={"csrf": csrf, "language": "en"})
    assert store.setup.outcome("language") is None
    assert f'href="{ROOT}"' not in kiosk.get("/").text


def test_the_clinics_language_is_the_kiosks_from_then_on(
    kiosk: FlaskClient, phone: FlaskClient, do: Callable[..., Any], services: Services
) -> None:
    assert '<html lang="zh-CN" ' in kiosk.get("/").text
    do("language", language="en")
    do("later")
    assert '<html lang="en" ' in kiosk.get("/").text
    assert load(state=services.settings.state).language == "en"  # and of staff's page of settings, after a restart too
    assert '<html lang="zh-CN" ' in phone.get("/send", headers={"Accept-Language": "zh"}).text
    assert '<html lang="en" ' in phone.get("/send", headers={"Accept-Language": "fr"}).text


def test_a_phone_types_for_the_kiosk_until_the_box_is_set_up(
    kiosk: FlaskClient, phone: FlaskClient, store: Store, complete: Callable[[], Any]
) -> None:
    key = store.setup.token
    kiosk.get("/")
    assert f"/setup/{key}" in kiosk.get(f"{ROOT}/clinic").text
    assert "data-saved" in phone.post(f"/setup/{key}", data={"clinic": "卫生院"}).text
    assert kiosk.get(f"{ROOT}/state").get_json() == {"clinic": "卫生院"}
    assert "data-card" in phone.get(f"/setup/{key}/card").text
    for wrong in ("guess", key[:-1], ""):
        assert phone.get(f"/setup/{wrong}").status_code == 404
        assert phone.post(f"/setup/{wrong}", data={"clinic": "mine"}).status_code in (404, 405)
    complete()
    assert phone.get(f"/setup/{key}").status_code == 404
    assert phone.get(f"/setup/{key}/card").status_code == 404
    assert phone.get(f"/setup/{store.setup.token}").status_code == 404


def test_the_card_joins_the_boxs_own_wifi(
    kiosk: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "hotspot.toml").write_text('ssid = "dermkiosk-x7k2"\npassphrase = "abcdefgh2345"\n')
    monkeypatch.setattr(hotspot, "is_up", lambda: True)
    object.__setattr__(services.settings, "hotspot_file", tmp_path / "hotspot.toml")
    welcome = kiosk.get("/?language=en").text
    assert 'data-wifi="dermkiosk-x7k2"' in welcome
    assert welcome.count("<svg") == 2
    assert "abcdefgh2345" not in welcome  # a camera reads it, no passer-by
    assert text("en", "code.join", name="dermkiosk-x7k2") in welcome
    card = kiosk.get(f"{ROOT}/wifi").text
    assert "abcdefgh2345" in card
    assert text("en", "setup.card.ssid") in card


def test_staff_print_the_card_again_and_nobody_else(phone: FlaskClient, store: Store) -> None:
    store.pin.set(PIN, "kiosk")
    assert "data-card" not in phone.get("/staff/wifi-card", follow_redirects=True).text
    phone.post("/staff/login", data={"pin": PIN})
    assert "data-card" in phone.get("/staff/wifi-card").text


def test_without_a_wifi_of_its_own_the_box_shows_one_code_and_the_name_that_staff_gave(
    kiosk: FlaskClient, phone: FlaskClient, store: Store
) -> None:
    assert kiosk.get("/").text.count("<svg") == 1
    phone.post(f"/setup/{store.setup.token}", data={"clinic": "Ours", "wifi": "Clinic 5G"})
    assert text("en", "kiosk.welcome.phone_how_named", name="Clinic 5G") in kiosk.get("/?language=en").text


def test_the_live_view_waits_without_a_word_while_the_camera_is_in_use(
    kiosk: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise StationBusy("the camera is in use")

    kiosk.get("/")
    monkeypatch.setattr(type(services.station), "preview", busy)
    assert kiosk.get(f"{ROOT}/preview.jpg").status_code == 204
    assert not caplog.records


def test_a_fault_in_the_self_test_is_said_and_kept(do: Callable[..., Any], store: Store, checks: list[Result]) -> None:
    checks.append(Result("disk", ok=False))
    page = do("selftest")
    assert 'class="bad" data-check="disk"' in page.text
    assert store.setup.outcome("selftest") == "faults"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answers", [True, False])
def test_the_self_test_says_one_thing_of_the_camera_although_its_check_said_another_a_moment_ago(
    do: Callable[..., Any],
    kiosk: FlaskClient,
    hardware: Hardware,
    checks: list[Result],
    language: Language,
    answers: bool,
) -> None:
    checks[:] = [Result("camera", ok=not answers)]
    if not answers:
        hardware.camera.faults.add(Fault.UNPLUG)
    do("selftest")
    page = unescape(kiosk.get(f"{ROOT}/selftest?language={language}").text)
    assert f'class="{"good" if answers else "bad"}" data-check="photo"' in page
    assert 'data-check="camera"' not in page
    for said in ("ok", "fault"):
        assert text(language, f"health.camera.{said}") not in page
    if not answers:
        assert sentence(language, CameraUnplugged("")) in page
        assert remedy(language, CameraUnplugged("")) in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_is_there_in_every_language(kiosk: FlaskClient, language: Language) -> None:
    kiosk.get("/")
    for step in STEPS:
        assert text(language, f"setup.{step}.title") in kiosk.get(f"{ROOT}/{step}?language={language}").text


def test_from_outside_one_sees_whether_the_box_is_set_up(store: Store, services: Services, tmp_path: Any) -> None:
    assert not is_done(tmp_path / "nowhere")
    assert not is_done(services.settings.state)
    store.setup.become("done")
    assert is_done(services.settings.state)
    store.setup.become("begun")  # what is done stays done
    assert is_done(services.settings.state)
