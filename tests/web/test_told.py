"""Which conditions a patient is told of: what may well be there, and every cancer that may."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from appliance.cases.store import Store
from appliance.messages import text
from appliance.vision.classes import CLASSES, MALIGNANT
from appliance.web.result_view import CANCER_FROM, TOLD_FROM, told

BASAL, SQUAMOUS = "basal_cell_carcinoma", "squamous_cell_carcinoma"
REACHED = ["malignancy"]


def answered(
    probabilities: dict[str, float], prediction_set: list[str], above: list[str] | None = None
) -> dict[str, Any]:
    """The parts of a document that the rule reads; the classes that are not named share nothing."""
    every = dict.fromkeys(CLASSES, 0.0) | probabilities
    ranked = sorted(every.items(), key=lambda each: -each[1])
    document: dict[str, Any] = {
        "findings": [{"class": name, "probability": probability} for name, probability in ranked],
        "prediction_set": prediction_set,
        "risk": {
            "grade": "refer" if above else "low",
            "rule": "rule.malignancy_above_threshold" if above else "rule.benign",
        },
    }
    return document if above is None else document | {"operating_points": above}


@pytest.mark.parametrize(
    ("probabilities", "prediction_set", "above", "expected"),
    [
        ({"psoriasis": 0.98, BASAL: 0.01}, ["psoriasis"], [], {"psoriasis"}),
        ({"psoriasis": 0.7, "lichen_planus": 0.16}, ["psoriasis"], [], {"psoriasis", "lichen_planus"}),
        ({"psoriasis": 0.7, "lichen_planus": 0.12}, ["psoriasis", "lichen_planus"], [], {"psoriasis", "lichen_planus"}),
        ({"psoriasis": 0.65, BASAL: 0.21}, ["psoriasis"], [], {"psoriasis", BASAL}),
        (
            {"seborrheic_keratosis": 0.58, BASAL: 0.21, "psoriasis": 0.15},
            ["seborrheic_keratosis"],
            [],
            {"seborrheic_keratosis", BASAL, "psoriasis"},
        ),
        ({"psoriasis": 0.9, BASAL: 0.05}, ["psoriasis", BASAL], [], {"psoriasis", BASAL}),
        ({"psoriasis": 0.9, BASAL: 0.049}, ["psoriasis", BASAL], [], {"psoriasis"}),
        ({"psoriasis": 0.8, BASAL: 0.14}, ["psoriasis"], [], {"psoriasis"}),
        ({"seborrheic_keratosis": 0.7, BASAL: 0.25}, [], REACHED, {"seborrheic_keratosis", BASAL}),
        ({"psoriasis": 0.7, BASAL: 0.11, SQUAMOUS: 0.105}, ["psoriasis"], REACHED, {"psoriasis", BASAL}),
        ({BASAL: 0.2, "psoriasis": 0.14}, [], [], {BASAL}),
        ({"psoriasis": 0.8, BASAL: 0.12}, ["psoriasis", BASAL], None, {"psoriasis", BASAL}),
        ({"psoriasis": 0.98, BASAL: 0.01}, ["psoriasis"], None, {"psoriasis"}),
    ],
    ids=[
        "98 to 1",
        "from 15 %",
        "the set",
        "a fifth, not referred for",
        "a fifth beside something harmless",
        "5 % in the set",
        "less in the set",
        "14 % in no set",
        "above it",
        "both above it",
        "likeliest",
        "old document",
        "old document 98 to 1",
    ],
)
def test_the_rule(
    probabilities: dict[str, float], prediction_set: list[str], above: list[str] | None, expected: set[str]
) -> None:
    assert told(answered(probabilities, prediction_set, above)) == expected


@given(
    st.lists(st.floats(0.001, 1), min_size=len(CLASSES), max_size=len(CLASSES)),
    st.sets(st.sampled_from(CLASSES)),
    st.booleans(),
)
def test_whatever_the_answer(weights: list[float], prediction_set: set[str], reached: bool) -> None:
    shares = {name: weight / sum(weights) for name, weight in zip(CLASSES, weights, strict=True)}
    listed = told(answered(shares, list(prediction_set), REACHED if reached else []))
    likeliest = max(shares, key=lambda name: shares[name])
    assert likeliest in listed
    assert {name for name in shares if shares[name] >= TOLD_FROM or name in prediction_set} - MALIGNANT <= listed
    possible = {name for name in MALIGNANT & prediction_set if shares[name] >= CANCER_FROM}
    possible |= {name for name in MALIGNANT if shares[name] >= TOLD_FROM or name == likeliest}
    assert possible <= listed
    assert reached or listed & MALIGNANT == possible
    assert not reached or listed & MALIGNANT


@pytest.mark.parametrize("path", ["", "/print"])
def test_a_patient_reads_of_no_unlikely_cancer_and_staff_see_all_eight(
    phone: FlaskClient,
    laptop: FlaskClient,
    store: Store,
    sent: dict[str, Any],
    answer: Callable[..., None],
    path: str,
) -> None:
    answer(top="psoriasis")  # with 10 % of a basal cell carcinoma, not in the set
    page = phone.get(sent["page_url"] + path).text
    assert text("en", "class.psoriasis.name") in page
    assert not any(text("en", f"class.{name}.name") in page for name in MALIGNANT)
    seen = laptop.get(f"/staff/cases/{sent['case']}").text
    assert set(re.findall(r'<tr data-class="(\w+)"', seen)) == set(CLASSES)


@pytest.mark.parametrize("path", ["", "/print"])
@pytest.mark.parametrize("likeliest", ["seborrheic_keratosis", "normal_skin"])
def test_where_a_cancer_is_named_without_hurry_it_is_said_not_to_be_ruled_out(
    phone: FlaskClient, sent: dict[str, Any], answer: Callable[..., None], path: str, likeliest: str
) -> None:
    answer(shares={likeliest: 0.58, "psoriasis": 0.21, BASAL: 0.21})
    page = phone.get(sent["page_url"] + path).text
    assert text("en", "grade.low") in page
    assert text("en", f"class.{BASAL}.name") in page
    assert text("en", "next.cancer_not_excluded") in page
    assert not any(text("en", f"next.{rule}") in page for rule in ("benign", "normal"))


def test_where_none_is_named_nothing_is_said_of_it(
    phone: FlaskClient, sent: dict[str, Any], answer: Callable[..., None]
) -> None:
    answer(shares={"seborrheic_keratosis": 0.8, "psoriasis": 0.17, BASAL: 0.03})
    page = phone.get(sent["page_url"]).text
    assert text("en", "next.benign") in page
    assert text("en", "next.cancer_not_excluded") not in page


def test_the_letter_tells_the_doctor_all_eight(
    phone: FlaskClient, sent: dict[str, Any], answer: Callable[..., None]
) -> None:
    answer(top="psoriasis")
    page = phone.get(f"{sent['page_url']}/letter").text
    told_doctor = page.partition("data-every")[2].partition("</p>")[0]
    assert all(text("en", f"class.{name}.name") in told_doctor for name in CLASSES)
    assert not any(text("en", f"class.{name}.name") in page.replace(told_doctor, "") for name in MALIGNANT)
