"""What a refused photograph is answered with: the fault, one thing to do, and after two of them a way on."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from appliance.cases import document
from appliance.cases.store import Store
from appliance.messages import LANGUAGES, Language, text
from appliance.serve import Answerer
from appliance.vision.assessor import Assessor
from appliance.web.result_view import REASONS
from appliance.web.services import Services

Answer = Callable[..., None]
TOKEN = re.compile(r"/r/([\w-]+)")


@pytest.fixture
def dark() -> tuple[bytes, str]:
    """A photograph of the darkest room."""
    file = io.BytesIO()
    Image.fromarray(np.full((240, 240, 3), 9, np.uint8)).save(file, "PNG")
    return file.getvalue(), "dark.png"


@pytest.fixture
def refused(phone: FlaskClient, form: Any, answer: Answer, dark: tuple[bytes, str]) -> Callable[..., str]:
    """Send a photograph that is refused; returns its page's address."""

    def send(**fields: str) -> str:
        url: str = phone.post("/api/v1/photos", **form(photo=dark, **fields)).get_json()["page_url"]
        answer("cannot_assess", failed=("advice.exposure_dark", "advice.hair"))
        return url

    return send


@pytest.fixture
def twice(refused: Callable[..., str]) -> str:
    """The page of the second refusal."""
    return refused(after=token_of(refused()))


def token_of(url: str) -> str:
    found = TOKEN.search(url)
    assert found
    return found[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_is_said_with_one_thing_to_do(
    phone: FlaskClient, sent: dict[str, Any], answer: Answer, language: Language, reason: str
) -> None:
    answer("cannot_assess", failed=(f"advice.{reason}",))
    page = phone.get(f"{sent['page_url']}?language={language}").text
    assert f"<h1>{text(language, f'wrong.{reason}')}</h1>" in page
    assert page.count('class="todo"') == 1
    assert text(language, f"todo.{reason}") in page
    assert f"drawing-{reason}.svg" in page


def test_what_to_mend_first_comes_first_and_the_rest_is_only_named(phone: FlaskClient, refused: Any) -> None:
    page = phone.get(refused()).text
    assert text("en", "todo.exposure_dark") in page
    assert text("en", "todo.hair") not in page
    assert page.index(text("en", "wrong.hair")) > page.index(text("en", "todo.exposure_dark"))


def test_the_fault_is_marked_on_the_photograph(phone: FlaskClient, refused: Any, form: Any, answer: Answer) -> None:
    bright = np.full((240, 240, 3), (200, 160, 140), np.uint8)
    bright[60:180, 60:180] = 5
    file = io.BytesIO()
    Image.fromarray(bright).save(file, "PNG")
    url = phone.post("/api/v1/photos", **form(photo=(file.getvalue(), "a.png"))).get_json()["page_url"]
    answer("cannot_assess", failed=("advice.exposure_dark",))
    page = phone.get(url).text
    assert "data-marked" in page
    marked = phone.get(f"/api/v1/results/{token_of(url)}/marked.jpg")
    assert marked.mimetype == "image/jpeg"
    shown = np.asarray(Image.open(io.BytesIO(marked.data)).convert("RGB"))
    assert shown.shape == (640, 640, 3)
    assert shown[320, 155:165, 2].min() < 60  # the yellow line runs along the dark square's left edge


def test_a_fault_without_a_place_is_shown_by_a_drawing_alone(
    phone: FlaskClient, sent: dict[str, Any], answer: Answer
) -> None:
    answer("cannot_assess", failed=("advice.focus",))
    page = phone.get(sent["page_url"]).text
    assert "data-marked" not in page
    assert "photo.jpg" in page
    assert phone.get(f"{sent['result_url']}/marked.jpg").status_code == 404


def test_an_answered_photograph_has_nothing_marked(phone: FlaskClient, sent: dict[str, Any], answer: Answer) -> None:
    assert phone.get(f"{sent['result_url']}/marked.jpg").status_code == 404
    answer()
    assert phone.get(f"{sent['result_url']}/marked.jpg").status_code == 404


def test_the_first_refusal_offers_a_new_photograph_and_nothing_else(phone: FlaskClient, refused: Any) -> None:
    url = refused()
    page = phone.get(url).text
    assert f"/send?after={token_of(url)}" in page
    assert "/go-on" not in page
    assert "/refer" not in page
    assert phone.post(f"{url}/go-on").status_code == 303
    assert 'data-outcome="cannot_assess"' in phone.get(url).text


def test_the_form_for_the_next_photograph_remembers_the_refused_one(phone: FlaskClient, refused: Any) -> None:
    token = token_of(refused())
    page = phone.get(f"/send?after={token}").text
    assert f'name="after" value="{token}"' in page
    assert 'value="forearm" selected' in page
    assert "selected" not in phone.get("/send?after=unknown").text


@pytest.mark.parametrize("after", ["", "unknown"])
def test_a_new_spot_starts_with_no_refusals(phone: FlaskClient, refused: Any, after: str) -> None:
    refused()
    assert "/go-on" not in phone.get(refused(after=after)).text


def test_an_answered_photograph_before_is_no_refusal(
    phone: FlaskClient, sent: Any, answer: Answer, refused: Any
) -> None:
    answer()
    assert "/go-on" not in phone.get(refused(after=token_of(sent["page_url"]))).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_after_two_refusals_one_may_go_on_with_a_reservation_that_the_result_says(
    phone: FlaskClient, services: Services, assessor: Assessor, twice: str, language: Language
) -> None:
    assert f'action="{twice}/go-on"' in phone.get(twice).text
    assert phone.post(f"{twice}/go-on").headers["Location"] == twice
    assert phone.get(f"/api/v1/results/{token_of(twice)}").status_code == 202
    case = services.store.next_queued()
    assert case is not None
    made, maps = Answerer(assessor).answer(case, services.store.photo(case))
    services.store.answer(case, made, maps)
    jsonschema.validate(made, json.loads(Path(document.__file__).with_name("result.schema.json").read_text()))
    assert (made["quality"]["accepted"], made["quality"]["reservation"]) == (False, True)
    assert made["risk"]["grade"] != "low"
    page = phone.get(f"{twice}?language={language}").text
    assert "data-reserved" in page
    assert text(language, "reserved.text", wrong=text(language, "wrong.exposure_dark")) in page
    assert f'data-outcome="{made["outcome"]}"' in page


def test_it_is_answered_again_but_once(phone: FlaskClient, store: Store, twice: str, answer: Answer) -> None:
    phone.post(f"{twice}/go-on")
    assert store.waiting() == 1
    answer("cannot_assess", failed=("advice.failed",))
    phone.post(f"{twice}/go-on")
    assert store.waiting() == 0


def test_after_two_refusals_one_may_refer_with_the_reason(phone: FlaskClient, twice: str) -> None:
    assert f'href="{twice}/refer"' in phone.get(twice).text
    page = phone.get(f"{twice}/refer").text
    assert text("en", "refer.when") in page
    assert text("en", "wrong.exposure_dark") in page
    assert text("en", "site.forearm") in page


def test_who_was_answered_is_not_referred_for_lack_of_an_answer(phone: FlaskClient, sent: Any, answer: Answer) -> None:
    assert phone.get(f"{sent['page_url']}/refer").status_code == 404
    answer()
    assert phone.get(f"{sent['page_url']}/refer").status_code == 404
