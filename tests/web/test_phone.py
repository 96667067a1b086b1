"""What a phone is shown, scripts or not."""

import io
import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from flask.testing import FlaskClient

from appliance.cases.clock import local
from appliance.cases.store import Store
from appliance.messages import LANGUAGES, Language, text
from appliance.vision.assessment import Outcome, Seen
from appliance.vision.classes import CLASSES, ClassId
from appliance.web.app import create_lan_app
from appliance.web.result_view import percent
from appliance.web.services import Services
from appliance.web.sites import SITES
from firmware.station import Station

Answer = Callable[..., None]
ADVICE = ("advice.focus", "advice.exposure_dark", "advice.exposure_bright", "advice.not_skin", "advice.failed")


def test_the_form_asks_for_consent_site_and_photo(phone: FlaskClient) -> None:
    page = phone.get("/send").text
    assert 'name="consent"' in page
    assert 'name="phone_camera" accept="image/*" capture="environment"' in page
    assert 'name="phone_gallery" accept="image/*">' in page
    assert all(f'value="{site}"' in page for site in SITES)


@pytest.mark.parametrize("source", ["phone_camera", "phone_gallery"])
def test_the_form_works_without_scripts(
    phone: FlaskClient, services: Services, as_file: Callable[[str], bytes], answer: Answer, source: str
) -> None:
    empty = {name: (io.BytesIO(b""), "") for name in ("phone_camera", "phone_gallery")}
    photo = {source: (io.BytesIO(as_file("JPEG")), "photo.jpg")}
    sent = phone.post("/send", data={"site": "ear", "consent": "yes", **empty, **photo})
    assert sent.status_code == 303
    assert services.store.cases()[0].source == source
    waiting = phone.get(sent.headers["Location"]).text
    assert 'http-equiv="refresh"' in waiting
    assert text("en", "phone.wait.place", position=1) in waiting
    answer()
    assert 'data-outcome="findings"' in phone.get(sent.headers["Location"]).text


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ({"site": "ear"}, "consent_missing"),
        ({"site": "", "consent": "yes"}, "site_unknown"),
        ({"site": "ear", "consent": "yes"}, "photo_missing"),
        ({"site": "ear", "consent": "yes", "phone_camera": (io.BytesIO(b"text"), "a.jpg")}, "photo_unknown_format"),
    ],
)
def test_a_refused_form_gets_a_page_with_sentence_and_remedy(
    phone: FlaskClient, form: dict[str, Any], key: str
) -> None:
    page = phone.post("/send", data=form)
    assert page.mimetype == "text/html"
    assert f'data-problem="{key}"' in page.text
    assert text("en", f"error.{key}.remedy") in page.text.replace("&#39;", "'")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", get_args(Outcome))
@pytest.mark.parametrize("top", CLASSES)
def test_every_outcome_has_words_in_every_language(
    phone: FlaskClient, sent: dict[str, Any], answer: Answer, language: Language, outcome: Outcome, top: ClassId
) -> None:
    answer(outcome, top, ADVICE if outcome == "cannot_assess" else ())
    page = phone.get(f"{sent['page_url']}?language={language}").text
    assert f'data-outcome="{outcome}"' in page
    assert text(language, "result.cannot_see.text") in page
    assert sent["case"] in page
    assert ("data-class" in page) == (outcome == "findings")
    assert outcome != "findings" or text(language, f"class.{top}.name") in page
    assert page.count("data-advice") == (len(ADVICE) if outcome == "cannot_assess" else 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_melanoma_is_named_first_among_what_the_box_cannot_see(language: Language) -> None:
    melanoma, others = {"en": ("melanoma", ("mole", "eczema")), "zh": ("黑色素瘤", ("痣", "湿疹"))}[language]
    for key in ("result.cannot_see.text", "result.none_of_these.text"):
        sentence = text(language, key)
        assert -1 < sentence.index(melanoma) < min(sentence.index(other) for other in others)


@pytest.mark.parametrize(
    ("outcome", "top", "grade", "next_step"),
    [
        ("findings", "pemphigus", "urgent", "pemphigus_possible"),
        ("findings", "basal_cell_carcinoma", "refer", "malignancy_above_threshold"),
        ("findings", "squamous_cell_carcinoma", "refer", "malignancy_above_threshold"),
        ("findings", "psoriasis", "refer", "inflammatory"),
        ("findings", "seborrheic_keratosis", "low", "benign"),
        ("findings", "normal_skin", "low", "normal"),
        ("none_of_these", "normal_skin", "refer", "none_of_these"),
        ("none_of_these", "pemphigus", "urgent", "pemphigus_possible"),
    ],
)
def test_the_grade_says_what_to_do_and_how_soon(
    phone: FlaskClient, sent: dict[str, Any], answer: Answer, outcome: Outcome, top: ClassId, grade: str, next_step: str
) -> None:
    answer(outcome, top)
    page = phone.get(sent["page_url"]).text
    assert f'class="card verdict {grade}"' in page
    assert text("en", f"next.{next_step}") in page
    assert next_step == "none_of_these" or text("en", f"rule.{next_step}") in page  # the heading says that one


def test_likeliest_come_first_and_weak_evidence_is_said(
    phone: FlaskClient, sent: dict[str, Any], answer: Answer
) -> None:
    answer(top="psoriasis")
    page = phone.get(sent["page_url"]).text
    shown = re.findall(r'data-class="(\w+)"', page)
    assert shown == ["psoriasis", "lichen_planus"]
    assert "63%" in page
    assert text("en", "evidence.limited") in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", ["findings", "cannot_assess"])
def test_a_result_says_which_photo_it_is_of_and_how_long_the_page_opens(
    phone: FlaskClient, sent: dict[str, Any], answer: Answer, store: Store, language: Language, outcome: Outcome
) -> None:
    answer(outcome, failed=("advice.focus",) if outcome == "cannot_assess" else ())
    page = phone.get(f"{sent['page_url']}?language={language}").text
    day = local(store.case(sent["case"]).taken_at)[:10]
    assert text(language, "paper.taken", site=text(language, "site.forearm"), date=day) in page
    assert text(language, "phone.result.closes", hours=72) in page
    with store._database.transaction() as connection:
        connection.execute("UPDATE links SET expires_age_s = expires_age_s - 60 * 3600")
    page = phone.get(sent["page_url"]).text
    assert 'data-closes="12"' in page


def test_none_of_these_ranks_nothing(phone: FlaskClient, sent: dict[str, Any], answer: Answer) -> None:
    answer("none_of_these")
    page = phone.get(sent["page_url"]).text
    assert "data-class" not in page
    assert "/map/" not in page


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.0, "<1%"), (0.004, "<1%"), (0.006, "1%"), (0.714, "71%"), (0.996, ">99%"), (1.0, ">99%")],
)
def test_percents_are_whole_and_never_certain(probability: float, words: str) -> None:
    assert percent(probability) == words


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("en-US", "en"),
        ("fr-FR, en;q=0.3", "en"),
        ("", "zh-CN"),
    ],
)
def test_a_phone_is_answered_in_its_language(phone: FlaskClient, header: str, expected: str) -> None:
    assert f'<html lang="{expected}" ' in phone.get("/send", headers={"Accept-Language": header}).text


def test_a_chosen_language_is_kept(phone: FlaskClient) -> None:
    assert '<html lang="zh-CN" ' in phone.get("/send?language=zh").text
    assert '<html lang="zh-CN" ' in phone.get("/send").text
    assert '<html lang="zh-CN" ' in phone.get("/send?language=xx").text


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_hardware_is_said_on_every_page(
    phone: FlaskClient, sent: dict[str, Any], answer: Answer, monkeypatch: pytest.MonkeyPatch, simulated: bool
) -> None:
    monkeypatch.setattr(Station, "simulated", simulated)
    pages = [phone.get(path).text for path in ("/send", sent["page_url"], "/nowhere")]
    assert [("SIMULATED" in page) for page in pages] == [simulated] * 3
    answer()
    assert "SIMULATED" in phone.get(sent["page_url"]).text  # its document says so


def test_a_real_box_says_nothing_of_simulation(
    services: Services, form: Callable[..., dict[str, Any]], answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Station, "simulated", False)
    phone = create_lan_app(services).test_client()
    url = phone.post("/api/v1/photos", **form()).get_json()["page_url"]
    answer()
    assert "SIMULATED" not in phone.get(url).text


def test_whoever_has_the_link_may_have_everything_deleted(
    phone: FlaskClient, sent: dict[str, Any], store: Store, answer: Answer
) -> None:
    answer()
    unsure = phone.post(f"{sent['page_url']}/delete")
    assert unsure.status_code == 400
    assert len(store.cases()) == 1
    deleted = phone.post(f"{sent['page_url']}/delete", data={"sure": "yes"})
    assert deleted.status_code == 200
    assert "data-deleted" in deleted.get_data(as_text=True)
    assert store.cases() == []
    assert phone.get(sent["page_url"]).status_code == 404
    assert phone.get(sent["result_url"]).status_code == 404
    assert phone.post("/r/no-such-token/delete", data={"sure": "yes"}).status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", ["findings", "none_of_these"])
@pytest.mark.parametrize(("count", "word"), [(0, "unmeasured"), (40, "unmeasured"), (None, "unknown")])
def test_few_training_photographs_of_such_skin_are_said_with_the_answer(
    phone: FlaskClient,
    sent: dict[str, Any],
    answer: Answer,
    language: Language,
    outcome: Outcome,
    count: int | None,
    word: str,
) -> None:
    answer(outcome, seen=Seen(0.2, (0.2, 0.2, 0.8, 0.8), 40.0, 1500, count))
    page = phone.get(f"{sent['page_url']}?language={language}").text
    assert page.count("data-skin-note") == 1
    assert text(language, f"skin_tone.{word}") in page


@pytest.mark.parametrize(
    ("outcome", "seen"),
    [
        ("findings", Seen(0.2, None, 40.0, 1500, 1500)),
        ("findings", None),
        ("cannot_assess", Seen(0.2, None, -40.0, 0, 0)),
    ],
)
def test_nothing_is_said_of_skin_where_there_were_enough_or_no_answer(
    phone: FlaskClient, sent: dict[str, Any], answer: Answer, outcome: Outcome, seen: Seen | None
) -> None:
    answer(outcome, seen=seen, failed=("advice.focus",) if outcome == "cannot_assess" else ())
    assert "data-skin-note" not in phone.get(sent["page_url"]).text
