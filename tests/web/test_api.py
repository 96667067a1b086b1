"""Photos in, documents out."""

import io
import json
import logging
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient
from PIL import Image

from appliance.cases import store as store_module
from appliance.errors import StoreFull
from appliance.health.result import Result
from appliance.vision.photo import MAX_BYTES, Pixels
from appliance.web.problems import TOO_EARLY
from appliance.web.services import Services
from firmware.errors import DermkioskError

Form = Callable[..., dict[str, Any]]
Answer = Callable[..., None]


def bomb() -> bytes:
    """A PNG whose header announces 200 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (20_000).to_bytes(4, "big") + (10_000).to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    data = zlib.compress(bytes(3 * 20_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_an_accepted_photo_is_stored_before_the_answer(
    phone: FlaskClient, services: Services, form: Form, picture: Pixels
) -> None:
    answer = phone.post("/api/v1/photos", **form(source="phone_camera"))
    assert answer.status_code == 202
    accepted = answer.get_json()
    assert set(accepted) == {"case", "result_url", "page_url", "position"}
    assert answer.headers["Location"] == accepted["result_url"]
    case = services.store.case(accepted["case"])
    assert (case.site, case.source, case.capture, case.simulated) == ("forearm", "phone_camera", None, True)
    assert services.store.photo(case).shape == picture.shape


def test_a_result_is_202_with_its_place_then_200_with_the_document(
    phone: FlaskClient, form: Form, answer: Answer
) -> None:
    urls = [phone.post("/api/v1/photos", **form()).get_json()["result_url"] for _ in range(2)]
    waiting = phone.get(urls[1])
    assert waiting.status_code == 202
    assert waiting.get_json() == {"state": "queued", "position": 2}
    assert int(waiting.headers["Retry-After"]) > 0
    answer()
    done = phone.get(urls[1])
    assert done.status_code == 200
    schema = json.loads((Path(store_module.__file__).parent / "result.schema.json").read_text())
    jsonschema.validate(done.get_json(), schema)


def test_the_same_key_and_photo_make_one_case(phone: FlaskClient, services: Services, form: Form) -> None:
    headers = {"Idempotency-Key": "0b6c8a52-0f5e-4a34-9a2f-0a7c6d1f5b11"}
    first = phone.post("/api/v1/photos", headers=headers, **form())
    again = phone.post("/api/v1/photos", headers=headers, **form())
    assert first.get_json()["case"] == again.get_json()["case"]
    assert len(services.store.cases()) == 1
    assert phone.get(again.get_json()["result_url"]).status_code == 202
    assert phone.get(first.get_json()["result_url"]).status_code == 404  # nobody was told of it: a case has one link


def test_the_same_key_with_another_photo_is_a_conflict(
    phone: FlaskClient, services: Services, form: Form, as_file: Callable[[str], bytes]
) -> None:
    headers = {"Idempotency-Key": "key"}
    phone.post("/api/v1/photos", headers=headers, **form())
    other = phone.post("/api/v1/photos", headers=headers, **form(photo=(as_file("PNG"), "photo.png")))
    assert (other.status_code, other.get_json()["key"]) == (409, "key_reused")
    assert len(services.store.cases()) == 1


@pytest.mark.parametrize("key", ["", "k" * 201, "ключ".encode().decode("latin-1")])
def test_an_unusable_key_is_refused(phone: FlaskClient, form: Form, key: str) -> None:
    answer = phone.post("/api/v1/photos", headers={"Idempotency-Key": key}, **form())
    assert (answer.status_code, answer.get_json()["key"]) == (400, "idempotency_key_invalid")


@pytest.mark.parametrize(
    ("parts", "status", "key"),
    [
        ({"consent": None}, 422, "consent_missing"),
        ({"consent": "no"}, 422, "consent_missing"),
        ({"site": None}, 422, "site_unknown"),
        ({"site": "moon"}, 422, "site_unknown"),
        ({"source": "kiosk"}, 422, "source_unknown"),
        ({"photo": None}, 422, "photo_missing"),
        ({"photo": (b"", "photo.jpg")}, 422, "photo_empty"),
        ({"photo": (b"not a photo at all", "photo.jpg")}, 415, "photo_unknown_format"),
        ({"photo": (bomb(), "photo.png")}, 422, "photo_too_many_pixels"),
    ],
)
def test_what_is_refused_is_said_and_not_stored(
    phone: FlaskClient, services: Services, form: Form, parts: dict[str, Any], status: int, key: str
) -> None:
    answer = phone.post("/api/v1/photos", **form(**parts))
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    problem = answer.get_json()
    assert (problem["key"], problem["status"]) == (key, status)
    assert problem["detail"]
    assert problem["remedy"]
    assert not services.store.cases()


def test_a_truncated_and_a_mislabelled_file_are_refused(
    phone: FlaskClient, services: Services, form: Form, as_file: Callable[[str], bytes]
) -> None:
    half = as_file("JPEG")[:4000]
    answer = phone.post("/api/v1/photos", **form(photo=(half, "photo.jpg")))
    assert answer.get_json()["key"] == "photo_damaged"
    answer = phone.post("/api/v1/photos", **form(photo=(as_file("PNG"), "photo.jpg")))
    assert answer.get_json()["key"] == "photo_mislabelled"
    assert not services.store.cases()


def test_a_problem_speaks_the_readers_language(phone: FlaskClient, form: Form) -> None:
    english = phone.post("/api/v1/photos", **form(consent=None)).get_json()
    chinese = phone.post("/api/v1/photos", headers={"Accept-Language": "zh-CN"}, **form(consent=None)).get_json()
    assert english["key"] == chinese["key"]
    assert "agree" in english["detail"]
    assert "同意" in chinese["detail"]


def raw_upload(photo: bytes, chunked: bool = False) -> dict[str, Any]:
    """The test client would put so large a form into a temporary file, and leave that open."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    fields = "".join(part.format(name, "") + value + "\r\n" for name, value in (("site", "hand"), ("consent", "yes")))
    body = (fields + part.format("photo", '; filename="photo.jpg"')).encode() + photo + b"\r\n--x--\r\n"
    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
    return {
        "input_stream": io.BytesIO(body),
        "headers": {"Content-Type": "multipart/form-data; boundary=x", **length},
        "environ_overrides": {"wsgi.input_terminated": True} if chunked else {},
    }


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [MAX_BYTES + 1, MAX_BYTES + 8 * 2**20])
def test_too_large_is_413_with_a_sentence(phone: FlaskClient, services: Services, size: int, chunked: bool) -> None:
    upload = raw_upload(bytes(size), chunked)
    answer = phone.post("/api/v1/photos", **upload)
    assert upload["input_stream"].tell() < MAX_BYTES + 2 * 2**20  # what is beyond is not even read
    assert (answer.status_code, answer.get_json()["key"]) == (413, "photo_too_large")
    assert "32" in answer.get_json()["detail"]
    assert not services.store.cases()


def test_a_full_queue_asks_to_come_later(phone: FlaskClient, services: Services, form: Form, answer: Answer) -> None:
    for _ in range(services.settings.queue_limit):
        assert phone.post("/api/v1/photos", **form()).status_code == 202
    full = phone.post("/api/v1/photos", **form())
    assert (full.status_code, full.get_json()["key"]) == (503, "queue_full")
    assert int(full.headers["Retry-After"]) > 0
    answer()
    assert phone.post("/api/v1/photos", **form()).status_code == 202


def test_a_full_disk_is_507_and_leaves_nothing(
    phone: FlaskClient, services: Services, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreFull

    monkeypatch.setattr(services.store, "accept", full)
    refused = phone.post("/api/v1/photos", **form())
    assert (refused.status_code, refused.get_json()["key"]) == (507, "store_full")


def test_the_photo_and_its_map_come_as_pictures(phone: FlaskClient, sent: dict[str, Any], answer: Answer) -> None:
    base = sent["result_url"]
    assert phone.get(f"{base}/map/psoriasis.png").status_code == 404  # it waits
    photo = Image.open(io.BytesIO(phone.get(f"{base}/photo.jpg").data))
    assert (photo.format, photo.size) == ("JPEG", (320, 240))
    answer()
    overlay = Image.open(io.BytesIO(phone.get(f"{base}/map/psoriasis.png").data))
    assert (overlay.format, overlay.size) == ("PNG", (640, 640))
    assert phone.get(f"{base}/map/melanoma.png").status_code == 404


def test_large_photos_are_shown_smaller_and_without_metadata(phone: FlaskClient, form: Form) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[271] = "somebody's phone"
    Image.new("RGB", (1800, 1200), (200, 150, 130)).save(file, "JPEG", exif=exif)
    url = phone.post("/api/v1/photos", **form(photo=(file.getvalue(), "photo.jpg"))).get_json()["result_url"]
    shown = Image.open(io.BytesIO(phone.get(f"{url}/photo.jpg").data))
    assert max(shown.size) == 1024
    assert not shown.getexif()


def test_healthz_says_what_is_wrong_and_nothing_of_a_patient(
    phone: FlaskClient, checks: list[Result], sent: dict[str, Any]
) -> None:
    well = phone.get("/healthz")
    assert (well.status_code, well.get_json()["status"]) == (200, "ok")
    checks.append(Result("disk", ok=False))
    ill = phone.get("/healthz")
    assert (ill.status_code, ill.get_json()["status"]) == (503, "fault")
    assert [check["id"] for check in ill.get_json()["checks"] if not check["ok"]] == ["disk"]
    assert sent["case"] not in ill.text


def test_a_fault_inside_is_logged_and_not_shown(
    phone: FlaskClient,
    form: Form,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("the reason")

    monkeypatch.setattr(services.store, "accept", broken)
    answer = phone.post("/api/v1/photos", **form())
    assert (answer.status_code, answer.get_json()["key"]) == (500, "internal")
    assert "the reason" not in answer.text
    assert "the reason" in caplog.text


@pytest.mark.parametrize(
    ("error", "level"), [*((each, logging.INFO) for each in TOO_EARLY), (StoreFull, logging.ERROR)]
)
def test_who_comes_too_early_is_no_fault_in_the_log(
    phone: FlaskClient,
    form: Form,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[DermkioskError],
    level: int,
) -> None:
    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr(services.store, "accept", refused)
    with caplog.at_level(logging.INFO):
        assert phone.post("/api/v1/photos", **form()).get_json()["key"] == error.key
    assert [record.levelno for record in caplog.records if error.key in record.getMessage()] == [level]


@pytest.mark.parametrize("letter", ["yes", None])
def test_whoever_sends_a_photo_says_whether_it_may_be_in_a_letter(
    phone: FlaskClient, form: Form, services: Services, letter: str | None
) -> None:
    answer = phone.post("/api/v1/photos", **form(**({"letter": letter} if letter else {})))
    assert services.store.case(answer.get_json()["case"]).consent_photo == (letter == "yes")
