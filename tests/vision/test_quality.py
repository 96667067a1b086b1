from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from pydantic import ValidationError

from appliance.checks_table import table
from appliance.messages import LANGUAGES, text
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.gate import CHECKS, judge
from appliance.vision.quality.limits import Evidence, GateLimits, Head, encoded, fitted
from training.faults import FAULTS
from training.golden import draw

ROOT = Path(__file__).parents[2]


def _refused(view: Pixels) -> dict[str, str]:
    return {check.id: check.advice for check in judge(view).reasons}


def test_accepts_a_sharp_well_lit_picture_of_skin() -> None:
    quality = judge(preprocess(draw(1)))
    assert quality.accepted
    assert [check.id for check in quality.checks] == [module.ID for module in CHECKS]


def test_refuses_blur() -> None:
    blurred = Image.fromarray(preprocess(draw(1))).filter(ImageFilter.GaussianBlur(4))
    assert _refused(np.asarray(blurred)) == {"focus": "advice.focus"}


@pytest.mark.parametrize(("gain", "advice"), [(0.04, "advice.exposure_dark"), (8.0, "advice.exposure_bright")])
def test_refuses_what_is_too_dark_or_burnt_out(gain: float, advice: str) -> None:
    view = np.clip(preprocess(draw(1)).astype(float) * gain, 0, 255).astype(np.uint8)
    assert _refused(view)["exposure"] == advice


@pytest.mark.parametrize("colour", [(128, 128, 128), (240, 240, 238), (60, 140, 60), (40, 80, 170)])
def test_refuses_paper_leaves_and_cloth(colour: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(1).normal(0, 12, (299, 299, 1))
    view = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    assert _refused(view)["not_skin"] == "advice.not_skin"


# Mean sRGB of forearms from very light to dark (Individual Typology Angle 60° to −60°).
@pytest.mark.parametrize(
    "tone", [(240, 210, 195), (222, 180, 155), (190, 140, 110), (140, 95, 70), (85, 55, 40), (52, 34, 26)]
)
def test_accepts_every_tone_of_skin(tone: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(1).normal(0, 8, (299, 299, 1))
    assert judge(np.clip(np.array(tone) + noise, 0, 255).astype(np.uint8)).accepted


@pytest.mark.parametrize(
    ("fault", "check"), [("blur", "focus"), ("motion", "motion"), ("dark", "exposure"), ("bright", "exposure")]
)
def test_refuses_a_fault_of_light_or_focus_on_skin_it_accepts(fault: str, check: str) -> None:
    view = preprocess(draw(1))
    render, meant = FAULTS[fault]
    assert meant == check
    refused = _refused(render(view, np.random.default_rng(3)))
    assert check in refused or (fault == "motion" and "focus" in refused)


def test_what_is_out_of_focus_is_not_told_to_hold_still_as_well() -> None:
    blurred = FAULTS["blur"][0](preprocess(draw(1)), np.random.default_rng(1))
    assert "motion" not in _refused(blurred)


def test_with_a_known_scale_the_diameter_in_mm_decides() -> None:
    view, limits = preprocess(draw(1)), fitted()
    near = next(check for check in judge(view, limits, side_mm=40.0).checks if check.id == "too_small")
    far = next(check for check in judge(view, limits, side_mm=1.0).checks if check.id == "too_small")
    assert near.ok
    assert not far.ok
    assert near.value == pytest.approx(40 * far.value)
    assert near.limit == limits.too_small_mm


def test_plain_skin_is_neither_too_small_nor_without_lesion() -> None:
    noise = np.random.default_rng(1).normal(0, 8, (299, 299, 1))
    view = np.clip(np.array((222, 180, 155)) + noise, 0, 255).astype(np.uint8)
    assert judge(view, side_mm=30.0).accepted


def test_refuses_a_picture_whose_middle_is_no_skin() -> None:
    view = preprocess(draw(1)).copy()
    view[30:270, 30:270] = (40, 80, 170)
    view[:, 140:160] = (40, 80, 170)
    assert "no_lesion" in _refused(view)


def test_every_advice_has_a_text_in_both_languages() -> None:
    keys = [key for module in CHECKS for key in module.ADVICE]
    assert all(text(language, key) for language in LANGUAGES for key in keys)


def test_the_page_of_checks_is_not_stale() -> None:
    assert (ROOT / "docs/checks.md").read_text() == table()


def _head(bias: float, network: str = "") -> Head:
    return Head(bias=bias, measured={"ink_strokes": 0.0}, network=network)


def test_the_surer_head_decides() -> None:
    evidence = Evidence(heads=(_head(-2.0), _head(1.0)))
    assert evidence.score({"ink_strokes": 0.0}, None) == pytest.approx(1 / (1 + np.exp(-1)))


def test_features_of_the_network_count_and_must_be_there() -> None:
    evidence = Evidence(heads=(_head(0.0, encoded(np.array([1.0, -2.0]))),))
    assert evidence.score({"ink_strokes": 0.0}, np.array([3.0, 1.0], np.float32)) == pytest.approx(1 / (1 + np.exp(-1)))
    with pytest.raises(ValueError, match="2 features"):
        evidence.score({"ink_strokes": 0.0}, None)


def test_limits_with_features_must_name_their_output() -> None:
    card = fitted().model_dump()
    card["exclusions"]["hair"]["heads"][0]["network"] = encoded(np.ones(4))
    with pytest.raises(ValidationError, match="no output is named"):
        GateLimits.model_validate(card)


def test_limits_name_all_four_exclusion_cases() -> None:
    card = fitted().model_dump()
    del card["exclusions"]["hair"]
    with pytest.raises(ValidationError, match="exclusions are"):
        GateLimits.model_validate(card)
