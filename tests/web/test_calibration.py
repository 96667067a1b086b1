"""The pages that lead staff through the calibration, with the synthetic camera under the drawn cards."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from appliance.files import write_atomically
from appliance.health import calibration as health
from appliance.messages import LANGUAGES, catalogue, text
from appliance.web.access import PROGRAM_HEADER, PROGRAM_VALUE
from appliance.web.calibration import SHARES, due
from appliance.web.services import Services
from firmware.calibration import STEPS, Calibration, SelfCheck, Step, load, store

ROOT = "/kiosk/calibration"
CONDITIONS = ("ok", "missing", "incomplete", "foreign", "drifted", "clock", "old", "check_due", "damaged", "impossible")


@pytest.fixture
def do(kiosk: FlaskClient) -> Callable[[str], str]:
    """Press the button of a step; gives the page that follows, in English."""

    def press(place: str) -> str:
        csrf = re.search(r'name="csrf" value="([^"]+)"', kiosk.get("/?language=en").text)
        assert csrf
        answered = kiosk.post(f"{ROOT}/{place}", data={"csrf": csrf[1]})
        assert answered.status_code == 303
        return kiosk.get(answered.headers["Location"]).text

    return press


def kept(services: Services, **changes: Any) -> Calibration:
    """A finished calibration of today with a check of today, stored."""
    now = datetime.now(UTC).isoformat()
    values: dict[str, Any] = {
        "exposure": {"exposure_us": 8000, "analogue_gain": 1.0},
        "white_balance": {"colour_gains": [1.9, 1.6]},
        "flat_field": {"gains": [[[1.0, 1.0, 1.0]] * 2] * 2, "grey": [0.17] * 3},
        "colour": {"matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "patches": [[0.1] * 3] * 24},
        "scale": {"mm_per_pixel": 0.05},
    }
    checks = {"colour": {"delta_e_after": 0.5}}
    steps = {name: Step(now, 1 + n, values[name], checks.get(name, {})) for n, name in enumerate(STEPS)}
    made = Calibration("synthetic", 5, steps, SelfCheck(now, 0.3, drifted=False))
    made = replace(made, **changes)
    store(services.settings.calibration_file, made, write_atomically)
    return made


def test_a_calibration_from_the_first_page_to_the_check(
    kiosk: FlaskClient, do: Callable[[str], str], services: Services, hardware: Any
) -> None:
    scene = hardware.camera.scene
    assert 'data-due="missing"' in kiosk.get("/?language=en").text
    for name in STEPS:
        page = kiosk.get(f"{ROOT}/{name}").text
        assert f"drawing-{'grey' if name in STEPS[:3] else 'card'}.svg" in page
        done = do(name)
        assert f'data-done="{name}"' in done, done
        assert text("en", "staff.next" if name != STEPS[-1] else "staff.finish") in done
    assert text("en", "staff.value.delta_e_after") in kiosk.get(ROOT).text
    assert "data-done" in do("check")
    stored = load(services.settings.calibration_file)
    assert stored is not None
    assert stored.complete
    assert stored.last_check is not None
    assert hardware.station.calibration == stored  # the next photograph is taken with it
    assert hardware.camera.scene is scene
    assert not hardware.camera._light.lit
    assert 'data-due="ok"' in kiosk.get(ROOT).text
    assert text("en", "staff.due.ok") in kiosk.get("/?language=en").text


def test_steps_come_in_their_order(kiosk: FlaskClient, do: Callable[[str], str]) -> None:
    page = do("colour")
    assert 'data-problem="calibration_impossible"' in page
    assert f'href="{ROOT}/colour"' not in kiosk.get(ROOT).text
    assert f'href="{ROOT}/exposure"' in kiosk.get(ROOT).text


def test_it_goes_on_with_the_first_step_that_is_not_done(kiosk: FlaskClient, do: Callable[[str], str]) -> None:
    def button(key: str, step: str) -> bool:
        return f'class="button" href="{ROOT}/{step}">{text("en", key)}<' in kiosk.get(ROOT).text

    kiosk.get("/?language=en")
    assert button("staff.begin", STEPS[0])
    for name, following in pairwise(STEPS):
        do(name)
        assert button("kiosk.continue", following)


def test_a_step_that_fails_says_why_and_leaves_the_old_calibration(
    do: Callable[[str], str], services: Services, hardware: Any
) -> None:
    before = kept(services)
    hardware.camera.physics.ring_level = 0.0
    page = do("exposure")
    assert re.search(r'data-problem="(calibration_unconverged|camera_black)"', page)
    assert text("en", "staff.again") in page
    assert load(services.settings.calibration_file) == before
    assert not hardware.camera._light.lit


def test_the_timer_asks_for_the_ring_and_a_drift_is_an_alarm(
    kiosk: FlaskClient, do: Callable[[str], str], services: Services, hardware: Any
) -> None:
    asked = {"headers": {PROGRAM_HEADER: PROGRAM_VALUE, "Accept": "application/json"}}
    assert kiosk.post(f"{ROOT}/ring", **asked).json["key"] == "calibration_impossible"
    for name in STEPS:
        do(name)
    assert kiosk.post(f"{ROOT}/ring", **asked).json["delta_e"] < 0.5
    assert health.check(services.settings, hardware.station).message == "health.calibration.ok"
    hardware.camera.physics.ring_colour = (1.3, 1.0, 0.7)
    answer = kiosk.post(f"{ROOT}/ring", **asked)
    assert (answer.status_code, answer.json["key"]) == (409, "calibration_drifted")
    assert not health.check(services.settings, hardware.station).ok
    assert not hardware.camera._light.lit


def test_only_the_boxs_own_program_may_ask_for_the_ring(kiosk: FlaskClient, phone: FlaskClient) -> None:
    assert kiosk.post(f"{ROOT}/ring").status_code == 403
    csrf = re.search(r'name="csrf" value="([^"]+)"', kiosk.get("/").text)
    assert csrf
    assert kiosk.post(f"{ROOT}/ring", data={"csrf": csrf[1]}).status_code == 403
    assert phone.post(f"{ROOT}/ring", headers={PROGRAM_HEADER: PROGRAM_VALUE}).status_code == 404


def test_a_drift_is_an_alarm_on_the_page_and_in_health(
    kiosk: FlaskClient, do: Callable[[str], str], services: Services, hardware: Any
) -> None:
    for name in STEPS:
        do(name)
    hardware.camera.physics.ring_colour = (1.3, 1.0, 0.7)
    assert 'data-problem="calibration_drifted"' in do("check")
    assert 'data-due="drifted"' in kiosk.get("/").text
    result = health.check(services.settings, hardware.station)
    assert (result.ok, result.message) == (False, "health.calibration.drifted")


@pytest.mark.parametrize(
    ("changes", "said", "well"),
    [
        ({}, "ok", True),
        ({"hardware_id": "another"}, "foreign", False),
        ({"steps": {}}, "missing", True),
        ({"last_check": SelfCheck("2000-01-01T00:00:00+00:00", 3.0, drifted=True)}, "drifted", False),
        ({"last_check": SelfCheck("2000-01-01T00:00:00+00:00", 0.1, drifted=False)}, "check_due", True),
    ],
)
def test_health_and_welcome_page_say_what_is_to_be_done(
    kiosk: FlaskClient, services: Services, hardware: Any, changes: dict[str, Any], said: str, well: bool
) -> None:
    kept(services, **changes)
    result = health.check(services.settings, hardware.station)
    assert (result.ok, result.message) == (well, f"health.calibration.{said}")
    page = kiosk.get("/?language=en").text
    assert str(escape(text("en", f"staff.due.{said}"))) in page
    assert ('class="due"' in page) == (said != "ok")


def test_an_old_calibration_is_an_alarm(services: Services, hardware: Any) -> None:
    made = kept(services)
    then = (datetime.now(UTC) - timedelta(days=91)).isoformat()
    kept(services, steps={name: replace(step, made_at=then) for name, step in made.steps.items()})
    assert health.check(services.settings, hardware.station).message == "health.calibration.old"
    assert not health.check(services.settings, hardware.station).ok


def test_a_damaged_file_is_an_alarm_and_no_crash(kiosk: FlaskClient, services: Services, hardware: Any) -> None:
    file: Path = services.settings.calibration_file
    file.parent.mkdir(parents=True)
    file.write_text("{")
    assert not health.check(services.settings, hardware.station).ok
    assert due(services) == "damaged"
    kiosk.get("/")
    assert 'data-due="damaged"' in kiosk.get(ROOT).text


def test_during_a_visit_nothing_is_calibrated(kiosk: FlaskClient, services: Services) -> None:
    csrf = re.search(r'name="csrf" value="([^"]+)"', kiosk.get("/").text)
    assert csrf
    kiosk.post("/kiosk/start", data={"csrf": csrf[1]})
    assert kiosk.post(f"{ROOT}/ring", headers={PROGRAM_HEADER: PROGRAM_VALUE}).status_code == 503
    kiosk.post(f"{ROOT}/exposure", data={"csrf": csrf[1]})
    assert 'data-problem="station_busy"' in kiosk.get(f"{ROOT}/exposure").text
    assert load(services.settings.calibration_file) is None


def test_without_the_kiosks_session_or_token_nothing_is_shown_or_done(kiosk: FlaskClient) -> None:
    for path in ("", "/exposure", "/check", "/card.svg"):
        assert kiosk.get(f"{ROOT}{path}").status_code == 403
    kiosk.get("/")
    assert kiosk.post(f"{ROOT}/exposure").status_code == 403


def test_phones_reach_none_of_it(phone: FlaskClient) -> None:
    for path in ("", "/exposure", "/card.svg"):
        assert phone.get(f"{ROOT}{path}").status_code == 404


def test_the_card_can_be_printed_and_no_other_step_be_made_up(kiosk: FlaskClient) -> None:
    kiosk.get("/")
    assert kiosk.get(f"{ROOT}/card.svg").data.startswith(b"<svg")
    assert kiosk.get(f"{ROOT}/moon").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_value_and_condition_has_its_words(language: Any) -> None:
    values = {"grey", "corner_gain", "delta_e", "delta_e_before", "delta_e_after", "delta_e_worst"} | SHARES
    wanted = (
        [f"staff.step.{name}" for name in (*STEPS, "check")]
        + [f"staff.value.{name}" for name in values]
        + [f"{part}.{name}" for name in CONDITIONS for part in ("staff.due", "health.calibration")]
        + [f"staff.lay.{card}" for card in ("grey", "card")]
    )
    assert set(wanted) <= set(catalogue(language))
