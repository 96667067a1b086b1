"""Staff set the clock from a phone or at the kiosk; the helper behind the socket is a stand-in that takes notes."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appliance.cases import clock, pin
from appliance.web.app import create_kiosk_app, create_lan_app
from appliance.web.services import Services

PIN = "482915"


@dataclass
class Helper:
    """What it was asked, and what it says to that."""

    path: Path
    answer: bytes = b"ok\n"
    asked: list[bytes] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                self.asked.append(line.recv(100).strip())
                line.sendall(self.answer)


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Helper]:
    made = Helper(tmp_path / "clock.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(made.path))
        listener.listen()
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def box(services: Services, helper: Helper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Services:
    monkeypatch.setattr(pin, "COST", 16)
    monkeypatch.setattr(clock, "SYNCHRONISED", (tmp_path / "synchronized",))
    services.store.pin.set(PIN, "kiosk")
    return replace(services, settings=services.settings.model_copy(update={"clock_socket": helper.path}))


def signed_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.post("/staff/login", data={"pin": PIN})
    return client


@pytest.fixture
def phone(box: Services) -> FlaskClient:
    return signed_in(create_lan_app(box))


def change(client: FlaskClient, **form: str) -> Any:
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/staff/clock").text)
    assert csrf
    return client.post("/staff/clock", data={"csrf": csrf[1], **form})


def test_a_phone_that_gave_the_pin_sets_the_clock_and_it_is_written_down(
    phone: FlaskClient, helper: Helper, box: Services
) -> None:
    answered = change(phone, phone_ms="1900000000123", local="2020-01-01T00:00")
    assert (answered.status_code, answered.location) == (303, "/staff/clock")
    assert helper.asked == [b"1900000000"]
    line = box.store.audit.entries()[0]
    assert (line.actor, line.action) == ("staff", "clock")
    assert re.fullmatch(r"from \d+ to 1900000000", line.detail)


@pytest.mark.parametrize("create", [create_lan_app, create_kiosk_app])
def test_what_is_typed_is_the_time_where_the_box_stands(
    box: Services, helper: Helper, create: Callable[[Services], Flask]
) -> None:
    change(signed_in(create(box)), local="2031-05-06T07:08")
    assert helper.asked == [b"%d" % datetime(2031, 5, 6, 7, 8).astimezone().timestamp()]


@pytest.mark.parametrize(
    "form", [{}, {"local": ""}, {"local": "yesterday"}, {"phone_ms": "soon"}, {"phone_ms": "9" * 30}]
)
def test_what_is_no_time_changes_nothing(
    phone: FlaskClient, helper: Helper, box: Services, form: dict[str, str]
) -> None:
    answered = change(phone, **form)
    assert answered.status_code == 422
    assert 'data-problem="time_missing"' in answered.text
    assert helper.asked == []
    assert box.store.audit.entries()[0].action == "login"


@pytest.mark.parametrize(("answer", "key"), [(b"refused\n", "clock_implausible"), (b"", "clock_unsettable")])
def test_what_the_helper_does_not_do_is_said_and_not_written_down(
    phone: FlaskClient, helper: Helper, box: Services, answer: bytes, key: str
) -> None:
    helper.answer = answer
    assert f'data-problem="{key}"' in change(phone, local="2031-05-06T07:08").text
    assert box.store.audit.entries()[0].action == "login"


def test_without_the_pin_or_the_pages_own_form_nothing_is_set(
    phone: FlaskClient, box: Services, helper: Helper
) -> None:
    stranger = create_lan_app(box).test_client()
    assert stranger.get("/staff/clock").status_code == 302
    assert stranger.post("/staff/clock", data={"local": "2031-05-06T07:08"}).status_code == 401
    assert phone.post("/staff/clock", data={"local": "2031-05-06T07:08"}).status_code == 403
    assert helper.asked == []


def test_the_pages_say_that_nobody_checked_the_clock_until_somebody_did(
    box: Services, phone: FlaskClient, sent: dict[str, Any], answer: Callable[..., None], tmp_path: Path
) -> None:
    answer()
    reader, kiosk = create_lan_app(box).test_client(), create_kiosk_app(box).test_client()
    said = 'data-clock="unverified"'
    assert said in reader.get(sent["page_url"]).text
    assert said in phone.get("/staff/audit").text
    assert said in kiosk.get("/").text
    assert 'data-verified="no"' in phone.get("/staff/clock").text
    (tmp_path / "synchronized").touch()
    assert said not in phone.get("/staff/audit").text
    assert said not in kiosk.get("/").text
    assert 'data-verified="yes"' in phone.get("/staff/clock").text
    assert said in reader.get(sent["page_url"]).text  # this photo was taken before
