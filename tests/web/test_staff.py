"""Staff log in with the PIN: from a phone or laptop, and at the kiosk."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appliance.cases import pin
from appliance.web.app import KIOSK_IDLE_S, create_kiosk_app, create_lan_app
from appliance.web.services import Services
from appliance.web.sessions import LONGEST_S, MOST, Sessions
from tests.web.conftest import Browser

PIN = "482915"
Login = Callable[[FlaskClient], str]


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "COST", 16)


@pytest.fixture
def lan(services: Services) -> Flask:
    services.store.pin.set(PIN, "kiosk")
    return create_lan_app(services)


@pytest.fixture
def laptop(lan: Flask) -> FlaskClient:
    """A laptop on the network that asks for English."""
    client = lan.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def staff_paths(app: Flask) -> list[tuple[str, str]]:
    """Method and path of each route that needs the PIN."""
    rules = [each for each in app.url_map.iter_rules() if each.endpoint.startswith("staff")]
    return [
        (method, re.sub(r"<[^>]+>", "K7QF-2M", each.rule.replace("<class_id>", "psoriasis")))
        for each in rules
        if each.endpoint != "staff.login"
        for method in (each.methods or set()) & {"GET", "POST"}
    ]


def test_without_the_pin_no_staff_page_says_anything(laptop: FlaskClient, lan: Flask, sent: dict[str, Any]) -> None:
    for method, path in staff_paths(lan):
        for cookie in (None, "guess"):
            if cookie:
                laptop.set_cookie("staff_session", cookie)
            answer = laptop.open(path.replace("K7QF-2M", sent["case"]), method=method, data={"csrf": "guess"})
            assert answer.status_code in (302, 401), path
            assert sent["case"] not in re.sub(r"staff/cases/\S+", "", answer.text)


def test_the_pin_opens_the_cases_and_logging_out_closes_them(laptop: FlaskClient, sent: dict[str, Any]) -> None:
    asked = laptop.get("/staff")
    assert asked.headers["Location"] == "/staff/login?next=/staff"
    answer = laptop.post("/staff/login", data={"pin": PIN, "next": "/staff"})
    assert answer.headers["Location"] == "/staff"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Strict" in answer.headers["Set-Cookie"]
    cookie = laptop.get_cookie("staff_session")
    page = laptop.get("/staff", follow_redirects=True).text
    assert sent["case"] in page
    laptop.post("/staff/logout", data={"csrf": csrf_of(page)})
    assert cookie is not None
    laptop.set_cookie("staff_session", cookie.value)
    assert laptop.get("/staff/cases").status_code == 302


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/staff", "/r/token", "staff.evil.example"]
)
def test_logging_in_leads_to_staff_pages_alone(laptop: FlaskClient, elsewhere: str) -> None:
    answer = laptop.post("/staff/login", data={"pin": PIN, "next": elsewhere})
    assert answer.headers["Location"] == "/staff"


def test_a_wrong_pin_is_said_and_guessing_is_made_to_wait_and_locked(laptop: FlaskClient, services: Services) -> None:
    wrong = [laptop.post("/staff/login", data={"pin": "000000"}) for _ in range(pin.FREE)]
    assert [each.status_code for each in wrong] == [403] * pin.FREE
    assert 'data-problem="pin_wrong"' in wrong[0].text
    waiting = laptop.post("/staff/login", data={"pin": PIN})
    assert waiting.status_code == 429
    assert int(waiting.headers["Retry-After"]) >= 1
    with services.store._database.transaction() as connection:
        connection.execute("UPDATE pin_failures SET failures = ?", (pin.LOCK,))
    locked = laptop.post("/staff/login", data={"pin": PIN})
    assert 'data-problem="pin_locked"' in locked.text
    assert laptop.get("/staff/cases").status_code == 302


@pytest.mark.parametrize("token", [None, "", "guess"])
def test_a_staff_form_without_its_token_changes_nothing(
    laptop: FlaskClient, services: Services, token: str | None
) -> None:
    laptop.post("/staff/login", data={"pin": PIN})
    form = {"pin": PIN, "new": "739152", "again": "739152"} | ({} if token is None else {"csrf": token})
    assert laptop.post("/staff/pin", data=form).status_code == 403
    assert services.store.pin.generation == 1


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
def test_another_sites_form_is_refused_and_its_wrong_pins_lock_nobody_out(
    laptop: Browser, services: Services, origin: str | None
) -> None:
    laptop.comes_from(origin)
    refused = laptop.post("/staff/login?language=en", data={"pin": "000000"})
    assert refused.status_code == 403
    assert "Open the page anew" in refused.text  # one from before an update still sends "null"
    assert services.store._database.rows("SELECT failures FROM pin_failures")[0][0] == 0


def test_changing_the_pin_needs_the_old_one_and_ends_the_other_sessions(lan: Flask, laptop: FlaskClient) -> None:
    other = lan.test_client()
    for client in (laptop, other):
        client.post("/staff/login", data={"pin": PIN})
    csrf = csrf_of(laptop.get("/staff/pin").text)
    new = {"csrf": csrf, "new": "739152", "again": "739152"}
    assert laptop.post("/staff/pin", data=new | {"pin": "000000"}).status_code == 403
    assert laptop.post("/staff/pin", data=new | {"pin": PIN, "again": "739153"}).status_code == 422
    assert laptop.post("/staff/pin", data=new | {"pin": PIN}).headers["Location"] == "/staff"
    assert laptop.get("/staff/cases").status_code == 200
    assert other.get("/staff/cases").status_code == 302


def test_the_first_pin_is_set_at_the_kiosk_and_only_there(kiosk: FlaskClient, services: Services) -> None:
    phone = create_lan_app(services).test_client()
    assert "data-unset" in phone.get("/staff/login").text
    assert phone.post("/staff/login", data={"pin": ""}).status_code == 403
    assert phone.get("/kiosk/pin").status_code == 404
    kiosk.get("/")
    assert kiosk.get("/staff/login").headers["Location"] == "/kiosk/pin"
    form = {"csrf": csrf_of(kiosk.get("/kiosk/pin").text), "new": "111111", "again": "111111"}
    assert 'data-problem="pin_weak"' in kiosk.post("/kiosk/pin", data=form).text
    assert kiosk.post("/kiosk/pin", data=form | {"new": PIN, "again": PIN}).headers["Location"] == "/staff"
    assert kiosk.get("/staff/cases").status_code == 200
    assert kiosk.get("/kiosk/pin").status_code == 404
    assert kiosk.post("/kiosk/pin", data=form | {"new": "739152", "again": "739152"}).status_code == 404


def test_calibrating_asks_for_the_pin_as_soon_as_there_is_one(kiosk: FlaskClient, services: Services) -> None:
    kiosk.get("/")
    assert kiosk.get("/kiosk/calibration").status_code == 200
    services.store.pin.set(PIN, "kiosk")
    asked = kiosk.get("/kiosk/calibration")
    assert asked.headers["Location"] == "/staff/login?next=/kiosk/calibration"
    answer = kiosk.post("/staff/login", data={"pin": PIN, "next": "/kiosk/calibration"})
    assert answer.headers["Location"] == "/kiosk/calibration"
    assert kiosk.get("/kiosk/calibration").status_code == 200


def test_a_visit_that_begins_ends_the_staffs_session_at_the_kiosk(kiosk: FlaskClient, services: Services) -> None:
    services.store.pin.set(PIN, "kiosk")
    csrf = csrf_of(kiosk.get("/").text)
    kiosk.post("/staff/login", data={"pin": PIN})
    assert kiosk.get("/staff/cases").status_code == 200
    kiosk.post("/kiosk/start", data={"csrf": csrf})
    assert kiosk.get("/staff/cases").status_code == 302


def test_who_looked_at_what_is_in_the_log(laptop: FlaskClient, services: Services, sent: dict[str, Any]) -> None:
    laptop.post("/staff/login", data={"pin": PIN})
    laptop.get(f"/staff/cases/{sent['case']}")
    case = services.store.case(sent["case"])
    newest = services.store.audit.entries()[0]
    assert (newest.actor, newest.action, newest.case_number) == ("staff", "look", case.number)
    page = laptop.get("/staff/audit").text
    assert 'data-action="look"' in page
    assert sent["case"] not in page


@pytest.mark.parametrize(("language", "letters"), [("zh", r"[A-Za-z]{2,}"), ("en", r"[a-z]+_[a-z_]+")])
def test_the_log_is_in_the_readers_words(laptop: FlaskClient, services: Services, language: str, letters: str) -> None:
    laptop.post("/staff/login", data={"pin": PIN})
    record = services.store.audit.record
    for action, detail in (
        ("settings", "language, link_hours"),
        ("settings", "clinic"),
        ("settings", "pathway"),
        ("clock", "from 0 to 1900000000"),
        ("backup_failed", "stick_full"),
        ("backup_failed", "never_heard_of"),
        *(("export", each) for each in ("letter", "result", "zip", "kept")),
    ):
        record("staff", action, detail=detail)
    told = re.findall(r'class="note">\((.*?)\)</span>', laptop.get(f"/staff/audit?language={language}").text)
    assert len(told) == 11  # the login among them
    assert not [each for each in told if re.search(letters, each.replace("Wi-Fi", ""))]
    assert any("1970-01-01" in each and "2030-03-17" in each for each in told)


def test_a_patient_who_deletes_is_in_the_log_too(phone: FlaskClient, services: Services, sent: dict[str, Any]) -> None:
    phone.post(f"{sent['page_url']}/delete", data={"sure": "yes"})
    assert [(each.actor, each.action) for each in services.store.audit.entries()] == [("link", "delete")]


def test_sessions_end_when_idle_when_old_and_when_there_are_too_many() -> None:
    now_s = [0.0]
    sessions = Sessions(60.0, lambda: now_s[0])
    idle, busy = sessions.begin(1), sessions.begin(1)
    now_s[0] = 50.0
    assert sessions.find(busy.token, 1) == busy
    now_s[0] = 60.0
    assert sessions.find(idle.token, 1) is None
    assert sessions.find(busy.token, 2) is None
    assert sessions.find(busy.token, 1)
    while now_s[0] < LONGEST_S - 50:
        now_s[0] += 50
        assert sessions.find(busy.token, 1)
    now_s[0] += 50
    assert sessions.find(busy.token, 1) is None
    first = sessions.begin(1)
    now_s[0] += 1
    assert len({sessions.begin(1).token for _ in range(MOST)}) == MOST
    assert sessions.find(first.token, 1) is None


def test_the_kiosk_is_left_sooner_than_a_laptop(services: Services) -> None:
    at = {
        name: app.extensions["sessions"]._idle_s
        for name, app in (("kiosk", create_kiosk_app(services)), ("network", create_lan_app(services)))
    }
    assert at == {"kiosk": KIOSK_IDLE_S, "network": services.settings.staff_minutes * 60}
