import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from pydantic import ValidationError

from appliance.checks_table import table
from appliance.messages import LANGUAGES, text
from appliance.vision.assessment import Check, Quality
from appliance.vision.assessor import Assessor
from appliance.vision.part import encoded
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.quality import exposure
from appliance.vision.quality.gate import CHECKS
from appliance.vision.quality.limits import Evidence, GateLimits, Head
from appliance.vision.quality.scene import Scene
from firmware.lesions import Lesion
from firmware.sensor import Exposure, develop
from firmware.skin import Skin, render
from training.gate.faults import FAULTS, LAMPS, UNSEEN, under
from training.golden import draw

ROOT = Path(__file__).parents[2]


Judge = Callable[..., Quality]
Refused = Callable[[Pixels], dict[str, str]]


@pytest.fixture
def judge(assessor: Assessor) -> Judge:
    """The gate's verdict on a view, by the limits and the network that ship: ``judge(view, mm_per_pixel=0.1)``."""
    return lambda view, **known: assessor.assess(view, use_gate=False, **known).quality


@pytest.fixture
def refused(judge: Judge) -> Refused:
    """The checks that object to a view, with their advice."""
    return lambda view: {check.id: check.advice for check in judge(view).reasons}


def test_what_the_checks_say_can_be_kept_with_the_answer(judge: Judge) -> None:
    said = [asdict(check) for check in judge(preprocess(draw(seed=1))).checks]
    assert json.loads(json.dumps(said)) == said  # no numpy bool or float among them


def test_accepts_a_sharp_well_lit_picture_of_skin(judge: Judge) -> None:
    quality = judge(preprocess(draw(1)))
    assert quality.accepted
    assert [check.id for check in quality.checks] == [module.ID for module in CHECKS]


def test_refuses_blur(refused: Refused) -> None:
    blurred = Image.fromarray(preprocess(draw(1))).filter(ImageFilter.GaussianBlur(4))
    assert refused(np.asarray(blurred)) == {"focus": "advice.focus"}


@pytest.mark.parametrize(("gain", "advice"), [(0.04, "advice.exposure_dark"), (8.0, "advice.exposure_bright")])
def test_refuses_what_is_too_dark_or_burnt_out(gain: float, advice: str, refused: Refused) -> None:
    view = np.clip(preprocess(draw(1)).astype(float) * gain, 0, 255).astype(np.uint8)
    assert refused(view)["exposure"] == advice


def _scales_on(ita_degrees: float, relative: float) -> Pixels:
    """A scaly plaque under the ring light, exposed by ``relative``."""
    size = (600, 600)
    light = render(Skin(ita_degrees, "scaly_plaque"), *size).ring
    return preprocess(develop(light, Exposure.of(relative), np.random.default_rng(1)))


@pytest.mark.parametrize(
    ("ita_degrees", "relative"), [(60.0, 0.7), (0.0, 1.3), (-30.0, 1.65), (-45.0, 1.9), (-60.0, 2.3)]
)
def test_white_scales_on_skin_of_any_tone_are_not_overexposed(
    ita_degrees: float, relative: float, limits: GateLimits
) -> None:
    """As an automatic exposes, which burns the scales on dark skin out."""
    assert exposure.check(Scene(_scales_on(ita_degrees, relative)), limits).ok


@pytest.mark.parametrize(("ita_degrees", "relative"), [(60.0, 3.0), (0.0, 8.0), (-60.0, 40.0)])
def test_scales_do_not_hide_that_the_skin_itself_is_overexposed(
    ita_degrees: float, relative: float, limits: GateLimits
) -> None:
    check = exposure.check(Scene(_scales_on(ita_degrees, relative)), limits)
    assert (check.ok, check.advice) == (False, "advice.exposure_bright")


def test_a_lesion_of_which_white_hides_most_is_refused_on_well_exposed_skin(limits: GateLimits) -> None:
    view = np.full((299, 299, 3), (85, 55, 40), np.uint8)
    view[75:225, 75:225] = 255
    assert not exposure.check(Scene(view), limits).ok


@pytest.mark.parametrize("share", [0.028, 0.055])
def test_a_smooth_patch_of_glare_over_the_lesion_is_refused_and_is_no_scale(share: float, refused: Refused) -> None:
    """On skin that is well exposed, ``share`` of the whole view."""
    view = preprocess(draw(1)).copy()
    down, right = np.ogrid[: len(view), : len(view)]
    view[np.hypot(down - len(view) / 2, right - len(view) / 2) < len(view) * np.sqrt(share / np.pi)] = 255
    assert refused(view)["exposure"] == "advice.exposure_bright"


def test_a_white_ruler_beside_the_lesion_is_no_overexposure(limits: GateLimits) -> None:
    view = preprocess(draw(1)).copy()
    view[75:120] = 255
    assert exposure.check(Scene(view), limits).ok


@pytest.mark.parametrize("colour", [(128, 128, 128), (240, 240, 238), (60, 140, 60), (40, 80, 170)])
def test_refuses_paper_leaves_and_cloth(colour: tuple[int, int, int], refused: Refused) -> None:
    noise = np.random.default_rng(1).normal(0, 12, (299, 299, 1))
    view = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    assert refused(view)["not_skin"] == "advice.not_skin"


SKINS = ((222, 180, 155), (140, 95, 70), (85, 55, 40))


# Mean sRGB of forearms from very light to dark (Individual Typology Angle 60° to −60°).
@pytest.mark.parametrize(
    "tone", [(240, 210, 195), (222, 180, 155), (190, 140, 110), (140, 95, 70), (85, 55, 40), (52, 34, 26)]
)
def test_accepts_every_tone_of_skin(tone: tuple[int, int, int], judge: Judge) -> None:
    noise = np.random.default_rng(1).normal(0, 8, (299, 299, 1))
    assert judge(np.clip(np.array(tone) + noise, 0, 255).astype(np.uint8)).accepted


@pytest.mark.parametrize(
    ("fault", "check"), [("blur", "focus"), ("motion", "motion"), ("dark", "exposure"), ("bright", "exposure")]
)
def test_refuses_a_fault_of_light_or_focus_on_skin_it_accepts(fault: str, check: str, refused: Refused) -> None:
    view = preprocess(draw(1))
    render, meant = FAULTS[fault]
    assert meant == check
    found = refused(render(view, np.random.default_rng(3)))
    assert check in found or (fault == "motion" and "focus" in found)


@pytest.mark.parametrize(
    ("lamp", "tone"),
    [
        ("blue", (222, 180, 155)),  # brown skin comes out grey under it
        *((lamp, tone) for lamp in LAMPS if lamp not in ("blue", *UNSEEN) for tone in SKINS),
    ],
)
def test_refuses_skin_of_any_tone_under_a_coloured_lamp(
    lamp: str, tone: tuple[int, int, int], refused: Refused
) -> None:
    grain = np.random.default_rng(1).normal(0, 8, (299, 299, 1))
    light = np.clip((np.array(tone) + grain) / 255, 0, 1) ** 2.2
    lit = np.minimum(under(light, LAMPS[lamp]), 1) ** (1 / 2.2) * 255
    assert "colour_cast" in refused(lit.astype(np.uint8))


def test_what_is_out_of_focus_is_not_told_to_hold_still_as_well(refused: Refused) -> None:
    blurred = FAULTS["blur"][0](preprocess(draw(1)), np.random.default_rng(1))
    assert "motion" not in refused(blurred)


def _too_small(quality: Quality) -> Check:
    return next(check for check in quality.checks if check.id == "too_small")


def test_with_a_known_scale_the_diameter_in_mm_decides(judge: Judge, limits: GateLimits) -> None:
    view = preprocess(draw(1))
    near, far = (_too_small(judge(view, mm_per_pixel=side_mm / 299)) for side_mm in (40.0, 1.0))
    assert near.ok
    assert not far.ok
    assert near.value == pytest.approx(40 * far.value)
    assert near.limit == limits.too_small_mm


@pytest.mark.parametrize("ita_degrees", [55.0, -40.0])
@pytest.mark.parametrize("lesion", ["pearly_nodule", "pigmented_plaque"])
def test_a_plain_lesion_that_is_tiny_in_the_picture_is_too_small(
    lesion: Lesion, ita_degrees: float, refused: Refused
) -> None:
    """As from 26 cm, through a lens that is made for six."""
    light = render(Skin(ita_degrees, lesion, distance_mm=260), 600, 600).ring
    far = develop(light, Exposure.of(float(0.35 / light.mean())), np.random.default_rng(1))
    assert "too_small" in refused(far)


def test_plain_skin_is_neither_too_small_nor_without_lesion(judge: Judge) -> None:
    noise = np.random.default_rng(1).normal(0, 8, (299, 299, 1))
    view = np.clip(np.array((222, 180, 155)) + noise, 0, 255).astype(np.uint8)
    assert judge(view, mm_per_pixel=0.1).accepted


def test_refuses_a_picture_whose_middle_is_no_skin(refused: Refused) -> None:
    view = preprocess(draw(1)).copy()
    view[30:270, 30:270] = (40, 80, 170)
    view[:, 140:160] = (40, 80, 170)
    assert refused(view)["no_lesion"] == "advice.no_lesion"


def test_noise_has_pixels_of_every_colour_and_no_skin(refused: Refused) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1152, 1536, 3), dtype=np.uint8)
    first, *_ = refused(noise).values()
    assert first == "advice.not_skin"


def test_every_advice_has_a_text_in_both_languages() -> None:
    keys = [key for module in CHECKS for key in module.ADVICE]
    assert all(text(language, key) for language in LANGUAGES for key in keys)


def test_the_page_of_checks_is_not_stale() -> None:
    assert (ROOT / "docs/checks.md").read_text() == table()


def _head(bias: float, network: dict[str, str] | None = None) -> Head:
    return Head(bias=bias, measured={"ink_strokes": 0.0}, network=network or {})


def test_the_surer_head_decides() -> None:
    evidence = Evidence(heads=(_head(-2.0), _head(1.0)))
    assert evidence.score({"ink_strokes": 0.0}, {}) == pytest.approx(1 / (1 + np.exp(-1)))


def test_features_of_the_network_count_and_must_be_there() -> None:
    evidence = Evidence(heads=(_head(0.0, {"mixed5": encoded(np.array([1.0, -2.0]))}),))
    assert evidence.score({"ink_strokes": 0.0}, {"mixed5": np.array([3.0, 1.0], np.float32)}) == pytest.approx(
        1 / (1 + np.exp(-1))
    )
    with pytest.raises(ValueError, match="2 features"):
        evidence.score({"ink_strokes": 0.0}, {})


def test_limits_with_features_must_name_their_output(limits: GateLimits) -> None:
    card = limits.model_dump()
    card["features"] = ()
    with pytest.raises(ValidationError, match="are named"):
        GateLimits.model_validate(card)


def test_limits_name_all_four_exclusion_cases(limits: GateLimits) -> None:
    card = limits.model_dump()
    del card["exclusions"]["hair"]
    with pytest.raises(ValidationError, match="exclusions are"):
        GateLimits.model_validate(card)
