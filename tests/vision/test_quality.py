import numpy as np
import pytest
from PIL import Image, ImageFilter

from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.gate import judge
from training.golden import draw


def _refused(view: Pixels) -> dict[str, str]:
    return {check.id: check.advice for check in judge(view).reasons}


def test_accepts_a_sharp_well_lit_picture_of_skin() -> None:
    quality = judge(preprocess(draw(1)))
    assert quality.accepted
    assert [check.id for check in quality.checks] == ["exposure", "focus", "not_skin"]


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
    assert _refused(view) == {"not_skin": "advice.not_skin"}


# Mean sRGB of forearms from very light to dark (Individual Typology Angle 60° to −60°).
@pytest.mark.parametrize(
    "tone", [(240, 210, 195), (222, 180, 155), (190, 140, 110), (140, 95, 70), (85, 55, 40), (52, 34, 26)]
)
def test_accepts_every_tone_of_skin(tone: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(1).normal(0, 8, (299, 299, 1))
    assert judge(np.clip(np.array(tone) + noise, 0, 255).astype(np.uint8)).accepted
