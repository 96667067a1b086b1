"""Staff change settings: within their range, at once where that goes, and written down."""

import re
import tomllib
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.cases.layout import STAFF_SETTINGS
from appliance.messages import text
from appliance.settings import Settings
from appliance.web.services import Services


@pytest.fixture
def post(laptop: FlaskClient) -> Callable[..., Any]:
    csrf = re.search(r'name="csrf" value="([^"]+)"', laptop.get("/staff/pin").text)
    assert csrf
    return lambda **form: laptop.post("/staff/settings", data={"csrf": csrf[1], **form})


def test_the_page_shows_every_setting_and_its_range(laptop: FlaskClient) -> None:
    page = laptop.get("/staff/settings").text
    for name, field in Settings.model_fields.items():
        assert str(field.description).replace("'", "&#39;") in page, name
    assert "&gt; 0, ≤ 2160" in page


def test_a_change_counts_at_once_is_kept_and_is_in_the_log(post: Callable[..., Any], services: Services) -> None:
    answer = post(link_hours="5", queue_limit=str(services.settings.queue_limit), language="en")
    assert answer.headers["Location"].endswith("kept=now")
    assert (services.settings.link_hours, services.settings.language) == (5, "en")
    kept = tomllib.loads((services.settings.state / STAFF_SETTINGS).read_text())
    assert kept == {"language": "en", "link_hours": 5.0}
    newest = services.store.audit.entries()[0]
    assert (newest.actor, newest.action, newest.detail) == ("staff", "settings", "language, link_hours")


def test_one_wrong_value_changes_nothing_and_is_named(post: Callable[..., Any], services: Services) -> None:
    before = services.settings
    answer = post(link_hours="5", queue_limit="0")
    assert answer.status_code == 422
    assert re.findall(r'data-wrong="(\w+)"', answer.text) == ["queue_limit"]
    assert text("en", "setting.queue_limit") in unescape(answer.text)
    assert "Input should" not in answer.text
    assert 'name="link_hours" value="5"' in answer.text  # what was typed is still there
    assert services.settings == before
    assert not (before.state / STAFF_SETTINGS).exists()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_emptied_field_is_refused_and_never_said_to_be_kept(
    post: Callable[..., Any], laptop: FlaskClient, services: Services, language: str
) -> None:
    laptop.get(f"/staff/settings?language={language}")
    before = services.settings
    answer = post(link_hours=" ", queue_limit="7")
    assert answer.status_code == 422
    assert re.findall(r'data-wrong="(\w+)"', answer.text) == ["link_hours"]
    name = text(language, "setting.link_hours").rstrip("。.")
    assert text(language, "settings.empty", name=name) in unescape(answer.text)
    assert "data-kept" not in answer.text
    assert services.settings == before
    assert re.search(r'id="link_hours"[^>]* required', answer.text)


def test_what_counts_after_a_restart_says_so(post: Callable[..., Any]) -> None:
    assert post(staff_minutes="7").headers["Location"].endswith("kept=restart")


@pytest.fixture
def named(laptop: FlaskClient) -> Callable[..., Any]:
    """Send the form with the clinic's names; gives the page that follows."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', laptop.get("/staff/pin").text)
    assert csrf
    return lambda **form: laptop.post("/staff/settings/clinic", data={"csrf": csrf[1], **form}, follow_redirects=True)


def test_the_clinics_name_is_changed_stands_on_paper_and_is_in_the_log(
    named: Callable[..., Any], laptop: FlaskClient, services: Services
) -> None:
    services.store.setup.keep_clinic("Old name")
    page = named(clinic="  河边   Clinic ", wifi="Clinic 5G")
    assert 'data-kept="now"' in page.text
    assert (services.store.setup.clinic, services.store.setup.wifi) == ("河边 Clinic", "Clinic 5G")
    card = laptop.get("/staff/wifi-card").text
    assert "河边 Clinic" in card
    assert "Clinic 5G" in card
    newest = services.store.audit.entries()[0]
    assert (newest.actor, newest.action, newest.detail) == ("staff", "settings", "clinic")
    named(clinic="河边 Clinic", wifi="Clinic 5G")
    assert services.store.audit.entries()[0] == newest  # nothing was changed


@pytest.mark.parametrize("names", [{"clinic": " "}, {"clinic": "x" * 61}, {"clinic": "x", "wifi": "无线" * 6}])
def test_a_name_that_will_not_do_is_refused(
    named: Callable[..., Any], services: Services, names: dict[str, str]
) -> None:
    services.store.setup.keep_clinic("Old name")
    answer = named(**names)
    assert answer.status_code == 422
    assert "data-problem" in answer.text
    assert (services.store.setup.clinic, services.store.setup.wifi) == ("Old name", "")
    assert not [each for each in services.store.audit.entries() if each.action == "settings"]


def test_nobody_sends_what_is_not_for_staff(post: Callable[..., Any], services: Services) -> None:
    post(bundle="elsewhere", camera="folder:/", link_hours="9")
    assert str(services.settings.bundle) != "elsewhere"
    assert services.settings.camera == "picamera2"
    assert services.settings.link_hours == 9


def test_what_the_environment_gives_cannot_be_changed(
    post: Callable[..., Any], laptop: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DERMKIOSK_LINK_HOURS", "72")
    assert re.search(r'id="link_hours"[^>]* disabled', laptop.get("/staff/settings").text)
    post(link_hours="9", queue_limit="7")
    assert (services.settings.link_hours, services.settings.queue_limit) == (72, 7)
