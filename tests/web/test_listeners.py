"""Two listeners, two sets of routes: what is the kiosk's is not there for a phone, whatever host it asks for."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from appliance import hotspot
from appliance.web import qr
from appliance.web.app import create_kiosk_app, create_lan_app
from appliance.web.services import Services


def _paths(app: Flask) -> set[str]:
    return {rule.rule for rule in app.url_map.iter_rules()}


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "192.168.1.5:8000"])
def test_a_phone_finds_none_of_the_kiosks_routes(services: Services, host: str) -> None:
    kiosk, phones = create_kiosk_app(services), create_lan_app(services)
    own = _paths(kiosk) - _paths(phones)
    assert {"/kiosk/state", "/kiosk/capture", "/kiosk/preview.jpg"} <= own
    client = phones.test_client()
    for path in own:
        for method in ("GET", "POST"):
            answered = client.open(path.replace("<", "").replace(">", ""), method=method, headers={"Host": host})
            assert answered.status_code == 404, (method, path)


def test_the_pages_of_both_are_told_apart_at_the_same_address(services: Services) -> None:
    answered = create_lan_app(services).test_client().get("/", headers={"Host": "127.0.0.1:8080"})
    assert answered.location == "/send"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_through_tls_cookies_stay_in_tls(services: Services, scheme: str) -> None:
    answered = (
        create_lan_app(services).test_client().get("/send?language=zh", base_url=f"{scheme}://dermkiosk-x7k2.local")
    )
    cookies = answered.headers.getlist("Set-Cookie")
    assert cookies
    assert all(("Secure" in each) == (scheme == "https") for each in cookies)


@pytest.mark.parametrize("told", [True, False])
def test_the_kiosk_shows_the_name_only_where_the_network_is_told_it(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    file = tmp_path / "hotspot.toml"
    file.write_text('ssid = "dermkiosk-x7k2"\npassphrase = "abcdefgh234567"\n')
    announced = partial(hotspot.name, announced=tmp_path if told else tmp_path / "missing")
    monkeypatch.setattr(qr.hotspot, "name", announced)
    box = replace(services, settings=services.settings.model_copy(update={"hotspot_file": file}))
    page = create_kiosk_app(box).test_client().get("/").text
    assert ("http://dermkiosk-x7k2.local:8000<" in page) == told
    assert "/send" in page
