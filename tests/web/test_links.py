"""A result's link opens on the first phone that has it, on the kiosk's screen, and nowhere else."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from appliance.web.app import create_lan_app
from appliance.web.services import Services

PATHS = ("", "/photo.jpg", "/map/psoriasis.png", "/result.pdf")


@pytest.fixture
def other(services: Services) -> FlaskClient:
    """A second phone."""
    return create_lan_app(services).test_client()


def opens(client: FlaskClient, sent: dict[str, Any]) -> bool:
    page, document = client.get(sent["page_url"]).status_code, client.get(sent["result_url"]).status_code
    assert (page, document) in ((200, 200), (200, 202), (404, 404))
    return page == 200


def test_the_first_phone_keeps_the_link_to_itself(
    phone: FlaskClient, other: FlaskClient, sent: dict[str, Any], answer: Callable[..., None]
) -> None:
    answer()
    assert opens(phone, sent)
    assert not opens(other, sent)
    assert [other.get(f"{sent['result_url']}{path}").status_code for path in PATHS] == [404] * 4
    assert opens(phone, sent)


@pytest.mark.parametrize("page", ["", "/refer", "/print", "/letter"])
def test_a_page_read_once_by_a_new_phone_has_taken_the_link(
    services: Services, other: FlaskClient, sent: dict[str, Any], answer: Callable[..., None], page: str
) -> None:
    answer("cannot_assess", failed=("advice.exposure_dark",))
    scanned = create_lan_app(services).test_client()
    assert scanned.get(f"{sent['page_url']}{page}").status_code == 200  # one request, no pictures after it
    assert not opens(other, sent)
    assert opens(scanned, sent)


def test_a_program_without_cookies_reads_its_result_as_long_as_no_phone_has_opened_it(
    services: Services, phone: FlaskClient, sent: dict[str, Any]
) -> None:
    program = create_lan_app(services).test_client(use_cookies=False)
    assert program.get(sent["result_url"]).status_code == 202
    assert opens(phone, sent)
    assert program.get(sent["result_url"]).status_code == 404
    assert program.post(f"{sent['page_url']}/delete", data={"sure": "yes"}).status_code == 404


def test_the_kiosks_screen_goes_on_showing_it(
    kiosk: FlaskClient, phone: FlaskClient, sent: dict[str, Any], services: Services
) -> None:
    assert opens(phone, sent)
    assert kiosk.get(f"{sent['result_url']}/photo.jpg").status_code == 200
    assert "phone=" not in str(kiosk.get("/").headers)


def test_a_new_link_from_the_kiosk_opens_on_another_phone_and_the_old_one_is_dead(
    services: Services, phone: FlaskClient, other: FlaskClient, sent: dict[str, Any]
) -> None:
    assert opens(phone, sent)
    store = services.store
    token = sent["page_url"].rsplit("/", 1)[1]
    case = store.by_token(token)
    store.revoke(token)
    new = store.link(case, 1).token
    assert not opens(phone, sent)
    renewed = {name: url.replace(token, new) for name, url in sent.items() if name.endswith("_url")}
    assert opens(other, renewed)
    assert not opens(phone, renewed)


def test_the_secret_is_kept_from_scripts_and_other_sites_and_the_database(
    services: Services, phone: FlaskClient, sent: dict[str, Any]
) -> None:
    cookie = phone.get(sent["page_url"]).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    phone.get(sent["result_url"])
    secret = phone.get_cookie("phone")
    assert secret is not None
    assert secret.value not in "".join(services.store._database._connection.iterdump())


def test_staff_give_another_phone_a_new_code(
    services: Services, phone: FlaskClient, other: FlaskClient, sent: dict[str, Any]
) -> None:
    assert opens(phone, sent)
    services.store.pin.set("270913", "kiosk")
    staff = create_lan_app(services).test_client()
    path = f"/staff/cases/{sent['case']}"
    assert staff.post(f"{path}/link").status_code != 200
    staff.post("/staff/login", data={"pin": "270913"})
    csrf = re.search(r'name="csrf" value="([^"]+)"', staff.get(path).text)
    assert csrf
    link = re.search(r'data-link="([^"]+)"', staff.post(f"{path}/link", data={"csrf": csrf[1]}).text)
    assert link
    assert not opens(phone, sent)
    assert other.get(urlsplit(link[1]).path).status_code == 200
    assert "revoke" in [entry.action for entry in services.store.audit.entries()]
