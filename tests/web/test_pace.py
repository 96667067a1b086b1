"""How often phones may send photographs."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.cases.store import Store
from appliance.errors import DecoderBusy
from appliance.request_errors import UploadsTooMany, UploadUnderWay
from appliance.vision.photo import Pixels
from appliance.web.app import create_lan_app
from appliance.web.pace import HOUR_S, PHONES, Pace, Turns
from appliance.web.services import Services


class Ticks:
    """A clock that stands still until it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_one_phone_waits_until_its_first_of_the_hour_is_an_hour_old(ticks: Ticks) -> None:
    pace = Pace(ticks)
    pace.count("10.0.0.2", 2)
    ticks.now_s = 60
    pace.count("10.0.0.2", 2)
    pace.count("10.0.0.3", 2)  # another phone does not wait
    with pytest.raises(UploadsTooMany) as refused:
        pace.count("10.0.0.2", 2)
    assert refused.value.values["minutes"] == 60
    ticks.now_s = HOUR_S
    pace.count("10.0.0.2", 2)


def test_many_addresses_gain_a_stranger_little(ticks: Ticks) -> None:
    pace, admitted = Pace(ticks), 0
    for number in range(1000):
        try:
            pace.count(f"10.0.{number // 250}.{number % 250}", 3)
        except UploadsTooMany:
            continue
        admitted += 1
    assert admitted == PHONES * 3


@pytest.fixture
def one_an_hour(services: Services) -> None:
    services.settings = services.settings.model_copy(update={"uploads_per_hour": 1})


@pytest.mark.usefixtures("one_an_hour")
def test_a_phone_that_sends_too_many_is_told_when_and_nothing_is_kept(
    phone: FlaskClient, form: Callable[..., Any], store: Store
) -> None:
    assert phone.post("/api/v1/photos", **form()).status_code == 202
    answer = phone.post("/api/v1/photos", **form())
    assert (answer.status_code, answer.get_json()["key"]) == (429, "uploads_too_many")
    assert answer.headers["Retry-After"] == "3600"
    assert len(store.cases()) == 1


@pytest.mark.usefixtures("one_an_hour")
def test_what_is_not_kept_does_not_count(
    phone: FlaskClient, form: Callable[..., Any], services: Services, answer: Callable[..., None]
) -> None:
    assert phone.post("/api/v1/photos", **form(photo=(b"none", "a.jpg"))).status_code == 415
    services.settings = services.settings.model_copy(update={"uploads_per_hour": 2, "queue_limit": 1})
    assert phone.post("/api/v1/photos", **form()).status_code == 202
    assert phone.post("/api/v1/photos", **form()).status_code == 503
    answer()
    assert phone.post("/api/v1/photos", **form()).status_code == 202
    assert phone.post("/api/v1/photos", **form()).status_code == 429


@pytest.mark.usefixtures("one_an_hour")
def test_a_repeat_is_never_counted_nor_refused(
    phone: FlaskClient, form: Callable[..., Any], services: Services, store: Store
) -> None:
    services.settings = services.settings.model_copy(update={"uploads_per_hour": 2, "queue_limit": 1})

    def send(key: str) -> TestResponse:
        return phone.post("/api/v1/photos", **form(), headers={"Idempotency-Key": key})

    first = send("a").get_json()["case"]
    assert [send("a").get_json()["case"] for _ in range(4)] == [first] * 4  # the queue is full, too
    services.settings = services.settings.model_copy(update={"queue_limit": 9})
    assert send("b").status_code == 202
    assert send("c").status_code == 429
    assert send("b").status_code == 202
    assert len(store.cases()) == 2


@pytest.mark.usefixtures("one_an_hour")
def test_a_repeat_that_comes_before_the_first_was_kept_takes_no_second_place(
    form: Callable[..., Any], services: Services, store: Store
) -> None:
    services.settings = services.settings.model_copy(update={"queue_limit": 1})
    arrived, decode = threading.Semaphore(0), services.decode
    app = create_lan_app(services)
    app.before_request(lambda: arrived.release())

    def decode_once_both_are_here(data: bytes, name: str | None) -> Pixels:
        for _ in range(2):
            assert arrived.acquire(timeout=60)
        return decode(data, name)

    services.decode = decode_once_both_are_here

    def send(_: int) -> TestResponse:
        return app.test_client().post("/api/v1/photos", **form(), headers={"Idempotency-Key": "a"})

    with ThreadPoolExecutor(2) as phones:
        first, second = phones.map(send, range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.get_json()["case"] == second.get_json()["case"]
    assert len(store.cases()) == 1


def test_a_repeat_of_an_upload_that_takes_long_is_told_to_come_back() -> None:
    turns = Turns(turn_s=0.01)
    with turns.one("a"):
        with pytest.raises(UploadUnderWay), turns.one("a"):
            pass
        with turns.one("b"), turns.one(None):
            pass
    with turns.one("a"):
        pass


def test_a_phone_that_gets_no_turn_may_send_again_and_nothing_was_counted(
    phone: FlaskClient, form: Callable[..., Any], services: Services
) -> None:
    services.settings = services.settings.model_copy(update={"uploads_per_hour": 1})
    decode = services.decode

    def busy(_data: bytes, _name: str | None) -> Pixels:
        raise DecoderBusy

    services.decode = busy
    answered = phone.post("/api/v1/photos", **form())
    assert (answered.status_code, answered.get_json()["key"]) == (503, "decoder_busy")
    assert int(answered.headers["Retry-After"]) > 0
    services.decode = decode
    assert phone.post("/api/v1/photos", **form()).status_code == 202
