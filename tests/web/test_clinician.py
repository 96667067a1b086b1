"""A result for a clinician: every number beside its limit, any class's map, photographs at one scale."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, render_template_string

from appliance.cases.store import Store
from appliance.vision.classes import CLASSES
from appliance.vision.quality.gate import CHECKS
from appliance.web.app import create_lan_app
from appliance.web.clinician_view import Links, Photograph, clinician_view, exact, same_scale
from appliance.web.services import Services

PAGE = (
    '{% extends "base.html" %}{% block main %}{% import "_clinician.html" as parts with context %}'
    "{{ parts.clinician(view, links, comparison) }}{% endblock %}"
)
LINKS = Links("/photo.jpg", "/map/CLASS.png", "/case")
LIMITS = {"none_of_these": 0.7, "in_doubt": 0.3, "malignancy": 0.2, "psoriasis": 0.18, "set_level": 0.9}


@pytest.fixture
def app(services: Services) -> Flask:
    return create_lan_app(services)


@pytest.fixture
def document(store: Store, sent: dict[str, Any], answer: Callable[..., None]) -> Callable[..., dict[str, Any]]:
    def make(outcome: str = "findings", **answered: Any) -> dict[str, Any]:
        answer(outcome, **answered)
        made = store.document(store.case(sent["case"]))
        assert made is not None
        made["model"]["thresholds"] = LIMITS
        return made

    return make


def rendered(app: Flask, view: Any, comparison: Any = None, language: str = "en") -> str:
    with app.test_request_context(f"/?language={language}"):
        return render_template_string(PAGE, view=view, links=LINKS, comparison=comparison)


def photograph(code: str, width: int, mm_per_pixel: float | None) -> Photograph:
    return Photograph(code, "2026-01-02T03:04:05Z", "synced", f"/{code}.jpg", None, (width, width // 2), mm_per_pixel)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_eight_are_shown_with_their_probability_and_whether_the_set_holds_them(
    app: Flask, document: Callable[..., dict[str, Any]], language: str
) -> None:
    page = rendered(app, clinician_view(document()), language=language)
    assert set(re.findall(r'<tr data-class="(\w+)"', page)) == set(CLASSES)
    assert page.count('class="in-set"') == 2
    assert "63.0 %" in page
    assert "0.5 %" in page


def test_scores_stand_beside_the_limits_they_were_held_against(
    app: Flask, document: Callable[..., dict[str, Any]]
) -> None:
    made = document()
    page = rendered(app, clinician_view(made))
    assert "above 0.700" in page
    assert "from 0.200" in page
    assert "about 90 times in 100" in page
    del made["model"]["thresholds"]
    unknown = rendered(app, clinician_view(made))
    assert "The limit was not recorded" in unknown
    assert "0.700" not in unknown


def test_the_map_of_any_class_can_be_asked_for(app: Flask, document: Callable[..., dict[str, Any]]) -> None:
    made = document()
    assert 'src="/map/psoriasis.png"' in rendered(app, clinician_view(made))
    asked = rendered(app, clinician_view(made, "pemphigus"))
    assert 'src="/map/pemphigus.png"' in asked
    assert '<option value="pemphigus" selected>' in asked
    assert clinician_view(made, "../secret").shown_map == "psoriasis"


def test_a_refused_photo_has_its_measurements_and_nothing_of_an_answer(
    app: Flask, document: Callable[..., dict[str, Any]]
) -> None:
    page = rendered(app, clinician_view(document("cannot_assess", failed=("advice.hair",)), "psoriasis"))
    assert '<tr data-check="hair" class="failed">' in page
    assert "data-class=" not in page
    assert "map-picture" not in page


def test_none_of_the_eight_is_said_before_the_numbers(app: Flask, document: Callable[..., dict[str, Any]]) -> None:
    page = rendered(app, clinician_view(document("none_of_these")))
    assert page.index("none of the eight") < page.index("<table")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_how_the_photo_was_taken_is_told_in_words(
    app: Flask, document: Callable[..., dict[str, Any]], language: str
) -> None:
    made = document()
    made["capture"] = {
        "camera": "synthetic", "exposure_us": 8000.0, "analogue_gain": 1.0, "colour_gains": [2.0, 1.5],
        "ambient_share": 0.02, "mm_per_pixel": 0.021, "locked_to": "calibration", "settled": True,
        "room_exposure_us": 50_000.0, "lens_position": None, "burst": 5, "sharpness": 8.4e-05,
        "calibration": {"counter": 7, "made_at": None, "hardware_id": "x", "steps": [], "delta_e": 1.0},
    }  # fmt: skip
    made["quality"]["checks"] = [
        {"id": module.ID, "ok": True, "value": 0.25, "limit": 0.5, "advice": "advice.focus"} for module in CHECKS
    ]
    page = rendered(app, clinician_view(made), language=language)
    for shown in ("8000", "2 / 1.5", "0.021", ">50000<", ">0.000084<", "0" * 64, ">7</dd>"):
        assert shown in page
    assert page.count("data-check=") == len(CHECKS)
    millimetres = {"en": ("0.25 mm", "0.5 mm"), "zh": ("0.25 毫米", "0.5 毫米")}[language]
    assert [page.count(each) for each in millimetres] == [1, 1]  # the size and its limit, and no other check
    made["capture"] = "uncontrolled"
    assert millimetres[0] not in rendered(app, clinician_view(made), language=language)


def test_a_millimetre_is_as_long_on_every_photograph() -> None:
    near, far, phone = same_scale(
        [photograph("A", 1000, 0.02), photograph("B", 1000, 0.04), photograph("C", 3000, None)]
    ).photographs
    assert (near.width, near.height) == (180, 90)
    assert (far.width, far.height) == (360, 180)
    assert (phone.width, phone.to_scale) == (360, False)


def test_what_has_no_scale_says_so(app: Flask, document: Callable[..., dict[str, Any]]) -> None:
    view = clinician_view(document())
    mixed = rendered(app, view, same_scale([photograph("A", 1000, 0.02), photograph("C", 900, None)]))
    assert mixed.count('class="unscaled"') == 1
    assert "do not compare sizes" in mixed
    assert "10 mm" in mixed
    alone = rendered(app, view, same_scale([photograph("A", 1000, None)]))
    assert "no earlier photograph" in alone


@pytest.mark.parametrize(("probability", "told"), [(0.0, "<0.1 %"), (0.9999, ">99.9 %"), (0.1234, "12.3 %")])
def test_never_certain_and_never_finer_than_a_tenth_of_a_percent(probability: float, told: str) -> None:
    assert exact(probability) == told
