"""Default deny: no route without a rule, no case without its link, no kiosk from anywhere else."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appliance.web.access import RULES
from appliance.web.app import create_kiosk_app, create_lan_app
from appliance.web.services import Services
from tests.web.conftest import Browser

KIOSK_ROUTES = [
    *("start", "consent", "new", "earlier", "code", "back", "site", "close-up", "capture", "again", "go-on", "refer"),
    *("hand-over", "revoke", "renew", "another", "done", "end", "here", "state", "preview.jpg"),
]
READS = ("state", "preview.jpg")
LINKED = [
    "/r/{}",
    "/api/v1/results/{}",
    "/api/v1/results/{}/map/psoriasis.png",
    "/api/v1/results/{}/photo.jpg",
    "/api/v1/results/{}/marked.jpg",
    "/r/{}/refer",
    "/r/{}/print",
    "/r/{}/letter",
    "/api/v1/results/{}/result.pdf",
    "/api/v1/results/{}/letter.pdf",
]


def endpoints(app: Flask) -> set[str]:
    return {rule.endpoint for rule in app.url_map.iter_rules()}


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def test_every_route_of_both_apps_has_a_rule_and_every_rule_a_route(services: Services) -> None:
    assert endpoints(create_kiosk_app(services)) | endpoints(create_lan_app(services)) == set(RULES)


def test_the_phones_app_holds_nothing_of_the_kiosk(services: Services, phone: FlaskClient) -> None:
    assert not [name for name in endpoints(create_lan_app(services)) if name.startswith("kiosk")]
    assert phone.get("/").headers["Location"] == "/send"
    for route in KIOSK_ROUTES:
        assert phone.open(f"/kiosk/{route}", method="GET" if route in READS else "POST").status_code == 404


def test_a_route_nobody_gave_a_rule_is_refused(services: Services) -> None:
    app = create_lan_app(services)
    app.add_url_rule("/new", "new", lambda: "secret")
    answer = app.test_client().get("/new")
    assert answer.status_code == 403
    assert b"secret" not in answer.data


@pytest.mark.parametrize("host", ["dermkiosk.evil.example", "192.168.1.5:8080", "127.0.0.1.evil.example", "[::2]", "["])
def test_the_kiosk_answers_to_no_foreign_name(kiosk: FlaskClient, host: str) -> None:
    for path in ("/", "/send", "/healthz", "/static/kiosk.js", "/nowhere"):
        assert kiosk.get(path, headers={"Host": host}).status_code in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.0.0.1"])
def test_the_kiosk_answers_to_this_machine(kiosk: FlaskClient, host: str) -> None:
    assert kiosk.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("route", KIOSK_ROUTES)
def test_without_its_session_the_kiosk_does_nothing(kiosk: FlaskClient, route: str) -> None:
    csrf = csrf_of(kiosk.get("/").text)
    kiosk.set_cookie("kiosk_session", "guess")
    method = "GET" if route in READS else "POST"
    assert kiosk.open(f"/kiosk/{route}", method=method, data={"csrf": csrf}).status_code == 403


def test_the_session_stays_on_the_kiosk(kiosk: FlaskClient) -> None:
    cookie = kiosk.get("/").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


@pytest.mark.parametrize("token", [None, "", "guess", "ünïcode"])
def test_a_form_without_the_pages_token_changes_nothing(kiosk: FlaskClient, token: str | None) -> None:
    kiosk.get("/")
    assert kiosk.post("/kiosk/start", data={} if token is None else {"csrf": token}).status_code == 403
    assert kiosk.get("/kiosk/state").get_json()["phase"] == "welcome"


@pytest.mark.parametrize(
    ("origin", "phase"),
    [
        ("http://evil.example", "welcome"),
        ("http://localhost:8000", "welcome"),
        ("http://localhost", "consent"),
        ("null", "welcome"),
        (None, "welcome"),
    ],
)
def test_only_the_kiosks_own_page_moves_it(kiosk: Browser, origin: str | None, phase: str) -> None:
    csrf = csrf_of(kiosk.get("/").text)
    kiosk.comes_from(origin)
    kiosk.post("/kiosk/start", data={"csrf": csrf})
    assert kiosk.get("/kiosk/state").get_json()["phase"] == phase


@pytest.mark.parametrize("path", LINKED)
def test_a_revoked_link_looks_like_one_that_never_was(
    phone: FlaskClient, services: Services, sent: dict[str, Any], path: str
) -> None:
    token = sent["page_url"].rsplit("/", 1)[1]
    services.store.revoke(token)
    revoked, unknown = phone.get(path.format(token)), phone.get(path.format("0" * 22))
    assert revoked.status_code == unknown.status_code == 404
    assert revoked.text.replace(token, "") == unknown.text.replace("0" * 22, "")
    assert "error.case_unknown" not in revoked.text


def test_a_case_is_found_by_neither_its_code_nor_its_photo(
    phone: FlaskClient, services: Services, sent: dict[str, Any]
) -> None:
    case = services.store.case(sent["case"])
    for guess in (case.code, case.photo_id, str(case.number), case.sha256):
        for path in LINKED:
            assert phone.get(path.format(guess)).status_code == 404


def test_every_answer_forbids_scripts_frames_and_keeping(phone: FlaskClient, sent: dict[str, Any]) -> None:
    for path in ("/send", sent["page_url"], sent["result_url"], "/healthz", "/nowhere", "/r/unknown"):
        headers = phone.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_pages_carry_no_inline_script_or_style(phone: FlaskClient, kiosk: FlaskClient, sent: dict[str, Any]) -> None:
    for page in (phone.get("/send"), phone.get(sent["page_url"]), kiosk.get("/")):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page.text)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)
