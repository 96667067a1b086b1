"""The result says how soon, where and what must not wait, from this clinic's own pathway and directory."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.cases.directory import read
from appliance.cases.pathway import LEVELS, Step
from appliance.messages import LANGUAGES, Language, catalogue, text
from appliance.web.next_step import how_soon
from appliance.web.services import Services
from tests.web.test_texts import RULES

Answer = Callable[..., None]
DIRECTORY = b"""name,district,level,phone,travel_minutes
North County Hospital,North,county,0871-5550101,45
South County Hospital,South,county,0871-5550102,30
City Hospital,City,city,,90
"""


def test_who_must_see_a_doctor_reads_when_where_and_what_must_not_wait(
    phone: FlaskClient, services: Services, sent: dict[str, Any], answer: Answer
) -> None:
    services.store.directory.replace(read(DIRECTORY))
    answer(top="basal_cell_carcinoma")
    page = phone.get(sent["page_url"]).text
    for told in (
        "Within 2 weeks",
        "County hospital",
        "South County Hospital",
        "0871-5550102",
        "about 30 min",
        'href="tel:0871-5550102"',
    ):
        assert told in page
    assert "North County Hospital" not in page
    assert text("en", "sooner.malignancy_above_threshold") in page
    assert page.index("Within 2 weeks") < page.index(text("en", "result.ranking"))


def test_the_clinics_own_pathway_counts(
    phone: FlaskClient, services: Services, sent: dict[str, Any], answer: Answer
) -> None:
    services.store.directory.replace(read(DIRECTORY))
    services.store.pathway.change((Step("refer", "city", 3),))
    answer(top="psoriasis")
    page = phone.get(sent["page_url"]).text
    assert "Within 3 days" in page
    assert "City Hospital" in page
    assert "County Hospital" not in page


def test_who_needs_nothing_stays_at_home_and_knows_when_to_look_again(
    phone: FlaskClient, services: Services, sent: dict[str, Any], answer: Answer
) -> None:
    services.store.directory.replace(read(DIRECTORY))
    answer(top="normal_skin")
    page = phone.get(sent["page_url"]).text
    assert "Look at it again in 4 weeks" in page
    assert "At home" in page
    assert "data-place" not in page


def test_an_empty_directory_says_whom_to_ask(phone: FlaskClient, sent: dict[str, Any], answer: Answer) -> None:
    answer("none_of_these")
    page = phone.get(sent["page_url"]).text
    assert text("en", "step.no_place") in page
    assert "data-place" not in page


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("language", LANGUAGES)
def test_at_the_kiosk_one_asks_who_stands_there(
    kiosk: FlaskClient,
    by_page: Callable[..., int],
    until: Callable[..., str],
    answer: Answer,
    language: Language,
) -> None:
    by_page("capture")
    until()
    answer("none_of_these")
    page = kiosk.get(f"/?language={language}").text
    assert text(language, "step.no_place_here") in page
    assert text(language, "step.no_place") not in page


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("urgent", "county", 0), "Today"),
        (Step("urgent", "county", 1), "By tomorrow"),
        (Step("refer", "county", 5), "Within 5 days"),
        (Step("refer", "county", 7), "Within one week"),
        (Step("refer", "county", 21), "Within 3 weeks"),
        (Step("low", "clinic", None), "No hurry"),
        (Step("low", "self_care", 28), "No hurry. Look at it again in 4 weeks."),
    ],
)
def test_days_are_said_as_people_say_them(step: Step, said: str) -> None:
    key, count = how_soon(step)
    assert text("en", key, count=count) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_level_and_time_has_its_words(language: Any) -> None:
    keys = {f"{kind}.{rule}" for rule in RULES for kind in ("next", "sooner")} | {f"level.{each}" for each in LEVELS}
    keys |= {f"{kind}.{when}" for kind in ("soon", "back") for when in ("today", "tomorrow", "days", "week", "weeks")}
    assert not (keys | {"soon.any", "back.any"}) - set(catalogue(language))


def test_what_to_do_names_no_time_of_its_own() -> None:
    """The clinic sets the time; a sentence with another would contradict it."""
    for rule in RULES:
        assert not [word for word in ("week", "today", "day") if word in text("en", f"next.{rule}")]
        assert not [word for word in ("周", "天内", "今天") if word in text("zh", f"next.{rule}")]
