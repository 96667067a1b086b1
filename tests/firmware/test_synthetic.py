import numpy as np
import pytest

from firmware.coverings import Coverings
from firmware.devices import Frame
from firmware.errors import CameraError, CameraTimeout, CameraUnplugged
from firmware.linear import to_light
from firmware.sensor import COLOUR_GAINS, Exposure
from firmware.sharpness import sharpness
from firmware.simulated import SimulatedLight
from firmware.skin import Scene, Skin, render, tone
from firmware.synthetic import EXPOSURE_DELAY_FRAMES, Fault, SyntheticCamera, with_margin

TIMEOUT_S = 60.0
SMALL = (768, 576)
HANGING_S = 0.2
FIXED = Exposure(automatic=False)


def test_the_ring_light_makes_the_picture_bright(camera: SyntheticCamera, light: SimulatedLight) -> None:
    camera.exposure = FIXED
    dark = camera.preview(TIMEOUT_S).pixels.mean()
    light.on()
    assert camera.preview(TIMEOUT_S).pixels.mean() > 2 * dark


def test_more_light_in_the_room_makes_the_picture_brighter(camera: SyntheticCamera) -> None:
    camera.exposure = FIXED
    camera.physics.ambient_level = 0.0
    night = camera.preview(TIMEOUT_S).pixels.mean()
    camera.physics.ambient_level = 0.5
    assert night < 2
    assert camera.preview(TIMEOUT_S).pixels.mean() > 50


def test_exposure_and_gain_answer_to_the_light(camera: SyntheticCamera, light: SimulatedLight) -> None:
    first, in_the_dark = _after_its_delay(camera)
    light.on()
    too_early, lit = _after_its_delay(camera)
    assert too_early.exposure_us == in_the_dark.exposure_us
    assert first.exposure_us == 8000
    assert in_the_dark.exposure_us == 33000
    assert in_the_dark.analogue_gain > 1
    assert lit.exposure_us < in_the_dark.exposure_us
    assert lit.analogue_gain == 1


def _after_its_delay(camera: SyntheticCamera) -> list[Frame]:
    """The last frame taken as before, and the first that the automatic shaped."""
    return [camera.preview(TIMEOUT_S) for _ in range(EXPOSURE_DELAY_FRAMES + 2)][-2:]


def test_the_same_brightness_by_gain_is_noisier_than_by_light(light: SimulatedLight) -> None:
    paper = np.ones((600, 792, 3), np.float32)
    camera = SyntheticCamera(light, Scene(paper, paper), size=SMALL)

    def picture(ambient_level: float, relative: float) -> np.ndarray:
        camera.physics.ambient_level = ambient_level
        camera.exposure = Exposure.of(relative, automatic=False)
        return camera.preview(TIMEOUT_S).pixels

    by_light, by_gain = picture(0.4, 1), picture(0.02, 20)
    assert by_gain.mean() == pytest.approx(by_light.mean(), abs=1)
    assert by_gain.std() > 1.8 * by_light.std()


def test_defocus_takes_the_detail(camera: SyntheticCamera, light: SimulatedLight) -> None:
    light.on()
    sharp = sharpness(camera.capture(TIMEOUT_S).pixels)
    camera.physics.defocus_px = 4
    assert sharpness(camera.capture(TIMEOUT_S).pixels) < sharp / 4


def test_no_two_frames_are_alike(camera: SyntheticCamera) -> None:
    assert not np.array_equal(camera.preview(TIMEOUT_S).pixels, camera.preview(TIMEOUT_S).pixels)


def test_the_same_seed_gives_the_same_frames(plaque: Scene) -> None:
    def frames(seed: int) -> list[np.ndarray]:
        with SyntheticCamera(SimulatedLight(), plaque, seed, size=SMALL) as camera:
            return [camera.preview(TIMEOUT_S).pixels, camera.capture(TIMEOUT_S).pixels]

    again = zip(frames(5), frames(5), strict=True)
    assert all(np.array_equal(one, other) for one, other in again)
    assert not np.array_equal(frames(5)[0], frames(6)[0])


def test_the_scene_can_be_changed(camera: SyntheticCamera, plaque: Scene) -> None:
    before = camera.preview(TIMEOUT_S).pixels.astype(int)
    camera.scene = Scene(plaque.ring[::-1].copy(), plaque.ambient[::-1].copy())
    camera.exposure = Exposure()
    assert np.abs(camera.preview(TIMEOUT_S).pixels - before).mean() > 5


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault.HANG, CameraTimeout), (Fault.UNPLUG, CameraUnplugged)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_fault_ends_in_its_error_and_passes(camera: SyntheticCamera, fault: Fault, error: type[CameraError]) -> None:
    before = camera.preview(TIMEOUT_S).sequence
    camera.faults.add(fault)
    with pytest.raises(error):
        camera.capture(HANGING_S)
    camera.faults.discard(fault)
    assert _first_that_comes(camera) > before


def _first_that_comes(camera: SyntheticCamera) -> int:
    """A call that was left behind may take a moment to end; until then the camera refuses."""
    for _ in range(1000):
        try:
            return camera.preview(TIMEOUT_S).sequence
        except CameraTimeout:
            camera._closed.wait(0.02)
    raise AssertionError("the camera never came back")


def test_a_closed_camera_takes_no_picture(camera: SyntheticCamera) -> None:
    camera.close()
    with pytest.raises(CameraUnplugged):
        camera.preview(TIMEOUT_S)


@pytest.mark.parametrize("ita", [-60, -30, 0, 30, 60])
def test_skin_has_the_tone_asked_for(ita: float) -> None:
    assert _ita(tone(ita)) == pytest.approx(ita, abs=2)


def test_rendered_skin_keeps_its_tone() -> None:
    measured = [_ita(np.median(_small(Skin(ita, "none")).ring, axis=(0, 1))) for ita in (-45, 10, 40, 60)]
    assert measured == sorted(measured)
    assert measured[0] < -20
    assert measured[-1] > 45


def test_a_plaque_is_redder_than_the_skin_around_it() -> None:
    def redness(skin: Skin) -> float:
        middle = _small(skin).ring[130:170, 175:225]
        return float(np.median(middle[..., 0] / middle[..., 1]))

    assert redness(Skin(40, "pearly_nodule")) > redness(Skin(40, "none"))


def test_scale_is_white_and_pigment_is_brown() -> None:
    healthy, scaly, brown = (_small(Skin(10, lesion)).ring for lesion in ("none", "scaly_plaque", "pigmented_plaque"))
    middle = (slice(90, 210), slice(120, 280))
    assert (scaly[middle][..., 2] > 0.4).mean() > 0.1
    assert (healthy[middle][..., 2] > 0.4).mean() < 0.01
    assert np.median(brown[middle]) < 0.75 * np.median(healthy[middle])


def test_the_same_skin_is_the_same_scene() -> None:
    assert np.array_equal(_small(Skin(seed=4)).ring, _small(Skin(seed=4)).ring)
    assert not np.array_equal(_small(Skin(seed=4)).ring, _small(Skin(seed=5)).ring)


def _small(skin: Skin) -> Scene:
    return render(skin, 400, 300)


def _ita(linear_rgb: np.ndarray) -> float:
    """ITA of a linear sRGB colour."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    _, y, z = np.cbrt(to_xyz @ linear_rgb / np.array([0.9505, 1.0, 1.089]))
    return float(np.degrees(np.arctan2(116 * y - 16 - 50, 200 * (y - z))))


def _covered(**coverings: float) -> np.ndarray:
    return _small(Skin(40, "none", coverings=Coverings(**coverings))).ring


def test_ink_is_violet_cream_is_white_hair_is_dark_and_wet_skin_mirrors() -> None:
    bare = _covered()
    inked, creamy, hairy, wet = (_covered(**{name: 0.4}) for name in ("ink", "cream", "hair", "wet"))
    violet = (inked[..., 2] > 1.3 * inked[..., 1]) & (inked[..., 0] < 0.6 * bare[..., 0])
    assert violet.mean() == pytest.approx(0.4, abs=0.12)
    white = creamy.min(axis=-1) > 0.55
    assert white.mean() > 0.25 > (bare.min(axis=-1) > 0.55).mean()
    dark = hairy.max(axis=-1) < 0.15
    assert 0.01 < dark.mean() < 0.3
    assert not (bare.max(axis=-1) < 0.15).any()
    assert (wet.min(axis=-1) > 0.8).mean() > (bare.min(axis=-1) > 0.8).mean() + 0.02


def test_more_hair_covers_more() -> None:
    shares = [(_covered(hair=share).max(axis=-1) < 0.15).mean() for share in (0.05, 0.2, 0.8)]
    assert shares == sorted(shares)
    assert shares[2] > 4 * shares[0]


def test_from_farther_away_the_lesion_is_smaller_and_the_ring_light_weaker() -> None:
    near, far = (_small(Skin(20, "pigmented_plaque", distance_mm=mm)) for mm in (60, 120))
    edge = (slice(0, 40), slice(0, 40))
    assert far.ring[edge].mean() == pytest.approx(near.ring[edge].mean() / 4, rel=0.15)
    assert far.ambient[edge].mean() == pytest.approx(near.ambient[edge].mean(), rel=0.15)

    def dark_share(scene: Scene) -> float:
        middle = scene.ambient[50:250, 100:300, 1]
        return float((middle < 0.6 * np.median(scene.ambient[..., 1])).sum())

    assert dark_share(far) == pytest.approx(dark_share(near) / 4, rel=0.35)


def test_skin_beyond_the_cups_rim_is_out_of_focus_until_the_lens_moves(light: SimulatedLight) -> None:
    light.on()
    with SyntheticCamera(light, render(Skin(distance_mm=90), *with_margin(SMALL)), size=SMALL) as camera:
        fixed = sharpness(camera.capture(TIMEOUT_S).pixels)
        assert camera.focus(TIMEOUT_S) is None
        camera.physics.autofocus = True
        assert camera.focus(TIMEOUT_S) == pytest.approx(1000 / 90, abs=0.8)
        assert sharpness(camera.capture(TIMEOUT_S).pixels) > 2 * fixed


def test_a_moving_hand_smears_along_and_more_in_a_longer_exposure(
    camera: SyntheticCamera, light: SimulatedLight
) -> None:
    light.on()

    def across(hand_px_per_s: float, time_us: float) -> float:
        camera.physics.hand_px_per_s = hand_px_per_s
        camera.exposure = Exposure(time_us, automatic=False)
        green = camera.capture(TIMEOUT_S).pixels[..., 1].astype(int)
        return float(np.abs(np.diff(green, axis=1)).mean() / green.mean())

    still, short, long = across(0, 8000), across(1500, 4000), across(1500, 16_000)
    assert short < still
    assert long < 0.6 * short


def test_the_lamp_can_age_and_the_lens_shade(camera: SyntheticCamera, light: SimulatedLight) -> None:
    light.on()
    camera.physics.ambient_level = 0
    camera.exposure = FIXED
    new = to_light(camera.preview(TIMEOUT_S).pixels).mean(axis=(0, 1))
    camera.physics.ring_level, camera.physics.ring_colour = 0.5, (1.0, 1.0, 0.6)
    old = to_light(camera.preview(TIMEOUT_S).pixels).mean(axis=(0, 1))
    assert old / new == pytest.approx((0.5, 0.5, 0.3), rel=0.08)
    camera.physics.shading = (0.5, 0.5, 0.5)
    shaded = to_light(camera.preview(TIMEOUT_S).pixels)
    assert shaded[:30, :30].mean() < 0.7 * shaded[140:160, :30].mean()


def test_colour_gains_and_filters_change_the_colours(camera: SyntheticCamera, light: SimulatedLight) -> None:
    light.on()
    camera.exposure = FIXED
    plain = to_light(camera.preview(TIMEOUT_S).pixels).mean(axis=(0, 1))
    camera.exposure = Exposure(colour_gains=(COLOUR_GAINS[0] * 0.5, COLOUR_GAINS[1]), automatic=False)
    assert to_light(camera.preview(TIMEOUT_S).pixels).mean(axis=(0, 1))[0] == pytest.approx(plain[0] / 2, rel=0.08)
    camera.exposure = FIXED
    camera.physics.sensor_matrix = np.full((3, 3), 1 / 3, np.float32)
    grey = to_light(camera.preview(TIMEOUT_S).pixels).mean(axis=(0, 1))
    assert grey.max() < 1.02 * grey.min()
