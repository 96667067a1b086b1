import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from firmware import card
from firmware.colour import delta_e_2000, from_lab_d50
from firmware.errors import CardNotFound

SIZE = (792, 600)
MM_PER_PIXEL = 40 / SIZE[0]


def test_delta_e_is_that_of_the_published_pairs() -> None:
    """Sharma, Wu and Dalal 2005, table 1, pairs 1, 7 and 17; their Lab values under D65."""
    from coloraide import Color

    def linear(*lab: float) -> np.ndarray:
        return np.array([Color("lab-d65", list(lab)).convert("srgb-linear").coords()])

    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ]
    for one, other, expected in pairs:
        assert delta_e_2000(linear(*one), linear(*other))[0] == pytest.approx(expected, abs=1e-3)


def test_the_reference_greys_are_grey() -> None:
    greys = card.reference()[18:]
    assert np.abs(greys / greys.mean(axis=1, keepdims=True) - 1).max() < 0.06
    assert from_lab_d50([(50.0, 0.0, 0.0)])[0] == pytest.approx([0.1842] * 3, abs=1e-3)


@pytest.mark.parametrize(
    ("shift_mm", "turn"), [((0, 0), 0), ((0.8, -0.6), 3), ((-0.5, 0.5), -5), ((0, 0), 180)], ids=str
)
def test_the_card_is_read_where_it_lies(shift_mm: tuple[float, float], turn: float) -> None:
    scene = card.card_scene(*SIZE, shift_mm, turn)
    patches, mm_per_pixel = card.read(scene.ring)
    assert mm_per_pixel == pytest.approx(MM_PER_PIXEL, rel=0.005)
    shown = np.clip(card.reference(), 0.004, 1)
    brightness = patches[:, 1] / shown[:, 1]  # the ring light's cone, nothing else, is left
    assert np.abs(patches / (shown * brightness[:, None]) - 1).max() < 0.02
    assert 0.8 < brightness.min() < brightness.max() < 1.1


def test_a_card_with_a_hidden_mark_is_refused() -> None:
    ring = card.card_scene(*SIZE).ring.copy()
    ring[:150, :150] = card.PAPER
    with pytest.raises(CardNotFound):
        card.read(ring)


def test_skin_is_no_card() -> None:
    with pytest.raises(CardNotFound):
        card.read(card.grey_scene(*SIZE).ring)


def test_the_printed_card_has_the_geometry_that_is_read() -> None:
    drawing = ET.fromstring(card.svg())  # noqa: S314  # our own
    assert drawing.get("width") == "148mm"
    assert drawing.get("viewBox") == "0 0 148 62"  # one unit is one millimetre
    rectangles = [{name: each.get(name) for name in each.keys()} for each in drawing]  # noqa: SIM118  # an element
    marks = [each for each in rectangles if each["width"] == str(card.MARK_MM)]
    patches = [each for each in rectangles if each["width"] == str(card.PATCH_MM)]
    assert len(marks) == 4
    across = sorted(float(each["x"]) for each in marks)
    assert across[-1] - across[0] == pytest.approx(card.MARKS_MM[0])
    assert len({each["fill"] for each in patches}) == 24
    assert all(re.fullmatch("#[0-9a-f]{6}", each["fill"]) for each in patches)
    ticks = [each for each in rectangles if each["width"] == "0.12"]
    assert len(ticks) == card.SCALE_MM + 1
