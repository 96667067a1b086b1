"""The health page, and the support file: it holds what helps and nothing of a patient."""

import io
import json
import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.cases.store import Intake, Store
from appliance.cases.visits import Consent
from appliance.health.result import Result
from appliance.log_tail import LogTail, error_keys
from appliance.messages import Language, text
from appliance.vision.photo import Pixels
from appliance.web.access import METHODS, RULES
from appliance.web.services import Services

NAME = "Wang Xiaofang"


@pytest.fixture
def tail(services: Services) -> Iterator[LogTail]:
    """The log as ``dermkiosk serve`` keeps it."""
    services.log = LogTail((*RULES, *METHODS, *error_keys()))
    logging.getLogger().addHandler(services.log)
    yield services.log
    logging.getLogger().removeHandler(services.log)


@pytest.fixture
def support(laptop: FlaskClient) -> Callable[[], dict[str, str]]:
    """Download the support file: name → text."""

    def download() -> dict[str, str]:
        csrf = re.search(r'name="csrf" value="([^"]+)"', laptop.get("/staff/pin").text)
        assert csrf
        answer = laptop.post("/staff/health/support.zip", data={"csrf": csrf[1]})
        assert answer.mimetype == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}

    return download


@pytest.mark.parametrize(
    ("language", "said"), [("zh", ["3 天", "已用 79%", "51 °C"]), ("en", ["Days: 3", "79 % used", "51 °C"])]
)
def test_what_was_measured_has_its_unit_in_the_readers_language(
    laptop: FlaskClient, checks: list[Result], language: Language, said: list[str]
) -> None:
    checks[:] = [
        Result("backup", True, None, "reading.days", {"count": 3}),
        Result("disk", True, None, "reading.used", {"percent": "79"}),
        Result("power", True, None, "reading.celsius", {"celsius": "51"}),
    ]
    page = laptop.get(f"/staff/health?language={language}").text
    assert re.findall(r'class="reading">([^<]+)<', page) == said
    assert f"<dt>{text(language, 'facts.worked')}</dt><dd>0</dd>" in page
    told = laptop.get(f"/healthz?language={language}").get_json()["checks"]
    assert [each["reading"] for each in told] == said


def test_a_light_a_check_the_worst_first(laptop: FlaskClient, checks: list[Result]) -> None:
    assert 'data-worst="green"' in laptop.get("/staff/health").text
    checks += [Result("calibration", ok=True, says="missing"), Result("disk", ok=False), Result("network", ok=True)]
    checks += [Result("tls", ok=True, says="off")]
    page = laptop.get("/staff/health").text
    assert re.findall(r'data-check="(\w+)" data-light="(\w+)"', page) == [
        ("disk", "red"),
        ("calibration", "amber"),
        ("camera", "green"),
        ("network", "green"),
        ("tls", "green"),
    ]
    assert 'data-worst="red"' in page
    assert "Export and delete old cases" in page


def test_the_support_file_holds_what_a_technician_needs(
    support: Callable[[], dict[str, str]], services: Services, answer: Callable[..., None], sent: dict[str, Any]
) -> None:
    answer()
    parts = support()
    assert json.loads(parts["versions.json"])["packages"]["flask"]
    assert json.loads(parts["settings.json"])["queue_limit"] == 3
    assert json.loads(parts["health.json"])[0]["id"] == "camera"
    assert json.loads(parts["counts.json"])["cases"]["findings"] == 1
    assert set(parts) == {
        "versions.json", "settings.json", "health.json", "counts.json", "timings.json", "log.txt"
    }  # fmt: skip
    assert services.store.audit.entries()[0].action == "support_bundle"


def test_nothing_of_a_patient_is_in_the_support_file(
    support: Callable[[], dict[str, str]],
    services: Services,
    store: Store,
    tail: LogTail,
    picture: Pixels,
    answer: Callable[..., None],
    phone: FlaskClient,
) -> None:
    services.settings = services.settings.model_copy(update={"camera": f"folder:/home/{NAME}"})
    visit = store.agree(Consent(f"{NAME} agrees", "zh", photo_in_letter=True))
    intake = Intake(picture, "ab" * 32, "phone_gallery", "genital_area", True, None, False, "key of the sender")
    case = store.accept(replace(intake, patient="P4AA-2X", visit=visit))
    link = store.link(case, 5)
    answer(top="pemphigus")
    store.reviews.note(case.number, f"{NAME}, 13800138000")
    store.reviews.diagnose(case.number, "other.haemangioma", "pathology")
    phone.get(f"/r/{link.token}")
    phone.post(f"/r/{link.token}/delete", data={"name": NAME})
    log = logging.getLogger("appliance.web.app")
    log.error("%s %s failed: %s", "GET", f"/r/{link.token}", NAME)
    try:
        {}[NAME]
    except KeyError:
        log.exception("%s", case.code)
        logging.getLogger("waitress").exception("on %s", NAME)
    everything = "\n".join(f"{name}\n{text}" for name, text in support().items())
    assert "GET … failed: …" in everything
    planted = (NAME, "Wang", "13800138000", case.code, case.code[:4], "P4AA", case.photo_id, case.sha256, link.token)
    for each in (*planted, "key of the sender", "haemangioma", "pemphigus", "genital", "psoriasis", "pathology"):
        assert each not in everything, each
