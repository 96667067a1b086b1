"""The hints of the live view, on what the synthetic camera sees."""

from collections.abc import Callable

import numpy as np
import pytest

from appliance.vision.hints import HINTS, SHOWN_S, Hint, Hinter, hint_of, measure
from appliance.vision.photo import Pixels
from firmware.coverings import Coverings
from firmware.simulated import SimulatedLight
from firmware.skin import Scene, Skin
from firmware.synthetic import SyntheticCamera, draw

SIZE = (1152, 864)
WAIT_S = 60.0
FRAMES = 9
"""Until the automatic has settled."""


@pytest.fixture(scope="module")
def good() -> Scene:
    return draw(Skin(), SIZE)


def seen(scene: Scene, lit: bool = True, **physics: float) -> tuple[Pixels, Pixels]:
    """The last two frames of a live view."""
    light = SimulatedLight()
    if lit:
        light.on()
    with SyntheticCamera(light, scene, size=SIZE) as camera:
        for name, value in physics.items():
            setattr(camera.physics, name, value)
        frames = [camera.preview(WAIT_S).pixels for _ in range(FRAMES)]
    return frames[-2], frames[-1]


def hint(frames: tuple[Pixels, Pixels]) -> Hint:
    _, before = measure(frames[0], None)
    return hint_of(measure(frames[1], before)[0])


def test_a_good_view_is_ready(good: Scene) -> None:
    assert hint(seen(good)) == "ready"


@pytest.mark.parametrize(
    "skin", [Skin(lesion="none"), Skin(ita_degrees=-50), Skin(ita_degrees=58, lesion="pearly_nodule")], ids=str
)
def test_skin_of_any_tone_with_or_without_a_lesion_is_ready(skin: Skin) -> None:
    assert hint(seen(draw(skin, SIZE))) == "ready"


def test_without_light_it_is_too_dark(good: Scene) -> None:
    assert hint(seen(good, lit=False, ambient_level=0.001)) == "dark"


def test_a_lamp_or_a_wet_film_glares(good: Scene) -> None:
    assert hint(seen(good, ambient_level=60.0)) == "glare"
    assert hint(seen(draw(Skin(coverings=Coverings(wet=0.5)), SIZE))) == "glare"


def test_from_afar_it_says_nearer() -> None:
    assert hint(seen(draw(Skin(distance_mm=180), SIZE))) == "far"


def test_a_smear_and_a_jump_are_motion(good: Scene) -> None:
    assert hint(seen(good, hand_px_per_s=3000.0)) == "still"
    before, now = seen(good)
    assert hint((np.roll(before, 60, axis=1), now)) == "still"


def test_out_of_focus_is_not_sharp(good: Scene) -> None:
    assert hint(seen(good, defocus_px=6.0)) == "blurred"


def test_cloth_is_no_skin() -> None:
    cloth = np.random.default_rng(1).integers(90, 140, (600, 800, 3), dtype=np.uint8)
    cloth[..., 2] = 200
    assert hint((cloth, cloth)) == "no_skin"


@pytest.fixture
def told(good: Scene) -> Callable[[list[float]], list[Hint]]:
    """The hints for a good view that is covered every other time, at the given times."""
    frame = seen(good)[1]

    def run(times: list[float]) -> list[Hint]:
        now = iter(times)
        hinter = Hinter(lambda: next(now))
        return [hinter.look(frame if number % 2 == 0 else np.zeros_like(frame)) for number in range(len(times))]

    return run


def test_what_flickers_is_not_shown(told: Callable[[list[float]], list[Hint]]) -> None:
    assert set(told([0.2 * number for number in range(30)])) == {"ready"}


def test_a_hint_that_stays_true_is_shown_after_a_second(good: Scene) -> None:
    frame, now = seen(good)[1], [0.0]
    hinter = Hinter(lambda: now[0])
    assert hinter.look(frame) == "ready"
    shown: list[tuple[float, Hint]] = []
    for step in range(1, 11):
        now[0] = step * 0.2
        shown.append((now[0], hinter.look(np.zeros_like(frame))))
    assert {told for at, told in shown if at < SHOWN_S - 0.01} == {"ready"}
    assert shown[-1][1] == "dark"
    assert shown[-1][1] in HINTS
