import io

import numpy as np
import pytest
from PIL import Image

from appliance.vision.marks import FINDERS, RINGED, has_mark, marked, where
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.gate import CHECKS
from training.gate.faults import FAULTS
from training.golden import draw

HIT = 0.5


def _inside(mask: np.ndarray, truth: np.ndarray) -> float:
    """Share of the true place that the mark covers."""
    return float(mask[truth].mean())


@pytest.mark.parametrize(("level", "reason"), [(8, "exposure_dark"), (255, "exposure_bright")])
def test_marks_what_is_black_or_burnt_and_nothing_else(level: int, reason: str) -> None:
    view = preprocess(draw(1)).copy()
    view[60:120, 40:160] = level
    mask = where(view, reason)
    assert mask is not None
    assert mask[32:58, 22:78].all()
    assert mask[70:].mean() < 0.02


def test_marks_ink_where_it_was_drawn() -> None:
    view = preprocess(draw(1)).copy()
    view[40:52, 40:140] = (70, 40, 150)
    mask = where(view, "residue")
    assert mask is not None
    truth = np.zeros((149, 149), bool)
    truth[21:25, 22:68] = True
    assert _inside(mask, truth) > HIT


def test_marks_the_side_in_the_shade() -> None:
    view = preprocess(draw(1)).astype(float)
    view[:, :150] *= np.linspace(0.35, 1, 150)[None, :, None]
    mask = where(view.astype(np.uint8), "uneven_light")
    assert mask is not None
    assert mask[:, :20].mean() > HIT
    assert mask[:, 100:].mean() < 0.1


@pytest.mark.parametrize("fault", ["hair", "residue", "exudate"])
def test_marks_more_with_a_rendered_fault_than_without(fault: str) -> None:
    clean = preprocess(draw(1))
    names = [name for name, (_, check) in FAULTS.items() if check == fault]
    for name in names:
        faulty = FAULTS[name][0](clean, np.random.default_rng(2))
        assert _share(faulty, fault) > _share(clean, fault), name


def _share(view: Pixels, reason: str) -> float:
    mask = where(view, reason)
    return 0.0 if mask is None else float(mask.mean())


@pytest.mark.parametrize("reason", ["focus", "motion", "colour_cast", "not_skin", "failed"])
def test_a_fault_without_a_place_has_no_mark(reason: str, skin: Pixels) -> None:
    assert marked(skin, reason) is None
    assert not has_mark(skin, reason)


def test_plain_skin_has_no_dark_place(skin: Pixels) -> None:
    assert where(preprocess(skin), "exposure_dark") is None


@pytest.mark.parametrize("reason", sorted(RINGED))
def test_the_ring_says_where_and_how_large(reason: str, skin: Pixels) -> None:
    picture = marked(skin, reason)
    assert picture is not None
    shown = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    ring = shown[315:325, 155:165]  # its leftmost point
    assert ring.max() > 230
    assert shown.shape == (640, 640, 3)


def test_every_mark_belongs_to_an_advice() -> None:
    assert set(FINDERS) | RINGED <= {key.removeprefix("advice.") for module in CHECKS for key in module.ADVICE}
