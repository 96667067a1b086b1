"""Which conditions a patient is told of: what may well be there, and no cancer below the operating point."""

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
from appliance.web.result_view import TOLD_FROM, told

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
    }
    return document if above is None else document | {"operating_points": above}


@pytest.mark.parametrize(
    ("probabilities", "prediction_set", "above", "expected"),
    [
        ({"psoriasis": 0.98, BASAL: 0.01}, ["psoriasis"], [], {"psoriasis"}),
        ({"psoriasis": 0.7, "lichen_planus": 0.16}, ["psoriasis"], [], {"psoriasis", "lichen_planus"}),
        ({"psoriasis": 0.7, "lichen_planus": 0.12}, ["psoriasis", "lichen_planus"], [], {"psoriasis", "lichen_planus"}),
        ({"seborrheic_keratosis": 0.8, BASAL: 0.18}, ["seborrheic_keratosis", BASAL], [], {"seborrheic_keratosis"}),
        ({"seborrheic_keratosis": 0.7, BASAL: 0.25}, [], REACHED, {"seborrheic_keratosis", BASAL}),
        ({"psoriasis": 0.7, BASAL: 0.11, SQUAMOUS: 0.105}, ["psoriasis"], REACHED, {"psoriasis", BASAL}),
        ({BASAL: 0.2, "psoriasis": 0.14}, [], [], {BASAL}),
        ({"psoriasis": 0.8, BASAL: 0.12}, ["psoriasis", BASAL], None, {"psoriasis", BASAL}),
    ],
    ids=[
        "98 to 1",
        "from 15 %",
        "the set",
        "below the point",
        "above it",
        "both above it",
        "likeliest",
        "old document",
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
    assert bool(listed & MALIGNANT) == (reached or likeliest in MALIGNANT)


@pytest.mark.parametrize("path", ["", "/print"])
def test_a_patient_reads_of_no_cancer_below_the_point_and_staff_see_all_eight(
    phone: FlaskClient,
    laptop: FlaskClient,
    store: Store,
    sent: dict[str, Any],
    answer: Callable[..., None],
    path: str,
) -> None:
    answer(top="psoriasis")  # with 10 % of a basal cell carcinoma, below the point
    page = phone.get(sent["page_url"] + path).text
    assert text("en", "class.psoriasis.name") in page
    assert not any(text("en", f"class.{name}.name") in page for name in MALIGNANT)
    seen = laptop.get(f"/staff/cases/{sent['case']}").text
    assert set(re.findall(r'<tr data-class="(\w+)"', seen)) == set(CLASSES)


def test_the_letter_tells_the_doctor_all_eight(
    phone: FlaskClient, sent: dict[str, Any], answer: Callable[..., None]
) -> None:
    answer(top="psoriasis")
    page = phone.get(f"{sent['page_url']}/letter").text
    told_doctor = page.partition("data-every")[2].partition("</p>")[0]
    assert all(text("en", f"class.{name}.name") in told_doctor for name in CLASSES)
    assert not any(text("en", f"class.{name}.name") in page.replace(told_doctor, "") for name in MALIGNANT)
