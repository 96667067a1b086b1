"""The steps under a light and a lens that are off, what they do to a photograph, how they are kept, and the alarm."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from firmware import calibrating, card
from firmware.calibrating import Bench, calibrated
from firmware.calibration import CHECK_EVERY, OLD, STEPS, Calibration, SelfCheck, condition, load, store
from firmware.colour import delta_e_2000
from firmware.devices import CaptureSettings
from firmware.errors import (
    CalibrationDamaged,
    CalibrationDrifted,
    CalibrationImpossible,
    CalibrationUnconverged,
    CardNotFound,
    CardUneven,
    ReferenceUnseen,
    RoomTooBright,
)
from firmware.folder import FolderCamera
from firmware.frames import Frames
from firmware.linear import to_light
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Scene
from firmware.station import Station
from firmware.synthetic import Fault, Physics, SyntheticCamera, with_margin

WAIT_S = 60.0
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SMALL = (768, 576)
WITH_MARGIN = with_margin(SMALL)
MIXING = np.array([[0.80, 0.17, 0.03], [0.10, 0.78, 0.12], [0.02, 0.20, 0.78]], np.float32)


def worn() -> Physics:
    """An old yellow ring light, a lens that darkens the corners, a sensor whose filters overlap."""
    return Physics(
        ambient_level=0.01,
        ring_level=0.8,
        ring_colour=(1.1, 1.0, 0.85),
        sensor_matrix=MIXING,
        shading=(0.20, 0.25, 0.30),
    )


@pytest.fixture(scope="module")
def grey() -> Scene:
    return card.grey_scene(*WITH_MARGIN)


@pytest.fixture(scope="module")
def patches() -> Scene:
    return card.card_scene(*WITH_MARGIN)


@pytest.fixture
def light() -> SimulatedLight:
    return SimulatedLight()


@pytest.fixture
def camera(light: SimulatedLight, grey: Scene) -> Iterator[SyntheticCamera]:
    with SyntheticCamera(light, grey, size=SMALL) as opened:
        opened.physics = worn()
        yield opened


@pytest.fixture
def bench(camera: SyntheticCamera, light: SimulatedLight) -> Bench:
    return Bench(Frames(camera, WAIT_S), light)


@pytest.fixture(scope="module")
def finished(grey: Scene, patches: Scene) -> Calibration:
    """All five steps, done once for this file."""
    lamp = SimulatedLight()
    calibration = Calibration("synthetic")
    with SyntheticCamera(lamp, grey, size=SMALL) as lens:
        lens.physics = worn()
        for name in STEPS:
            lens.scene = grey if name in calibrating.GREY_STEPS else patches
            calibration = calibrated(Bench(Frames(lens, WAIT_S), lamp), calibration, name, NOW)
        assert lamp.history.count(True) >= len(STEPS)
        assert not lamp.lit
    return calibration


def test_every_step_says_that_it_converged(finished: Calibration) -> None:
    checks = {name: finished.steps[name].checks for name in STEPS}
    assert checks["exposure"]["grey"] == pytest.approx(calibrating.GREY_TARGET, rel=0.01)
    assert checks["white_balance"]["cast"] < 0.01
    assert checks["flat_field"]["uneven"] < 0.03
    assert checks["flat_field"]["corner_gain"] > 1.5
    assert checks["colour"]["delta_e_before"] > 4
    assert checks["colour"]["delta_e_after"] < 1
    assert finished.mm_per_pixel == pytest.approx(40 / WITH_MARGIN[0], rel=0.005)
    assert finished.complete


def test_white_balance_undoes_the_lamps_colour(finished: Calibration) -> None:
    """What the mixing filters make of a yellow lamp, undone; 1.92 and 1.61 are the gains for a white one."""
    white = MIXING @ np.array(worn().ring_colour)
    settings = finished.settings
    assert settings is not None
    assert settings.colour_gains == pytest.approx((1.92 * white[1] / white[0], 1.61 * white[1] / white[2]), rel=0.02)


def test_a_photograph_of_the_card_has_the_cards_colours(
    camera: SyntheticCamera, light: SimulatedLight, finished: Calibration, patches: Scene
) -> None:
    camera.scene = patches
    station = Station(camera, light, SimulatedIndicator(), SimulatedButton(), WAIT_S, finished, clock=lambda: 0.0)
    captured = station.capture()
    seen, _ = card.read(to_light(captured.frame.pixels))
    assert delta_e_2000(seen, card.reference()).mean() < 1.5
    station.calibration = None
    uncorrected, _ = card.read(to_light(station.capture().frame.pixels))
    assert delta_e_2000(uncorrected, card.reference()).mean() > 4


def test_a_capture_is_locked_to_the_calibration_and_says_so(
    camera: SyntheticCamera, light: SimulatedLight, finished: Calibration, patches: Scene
) -> None:
    camera.scene = patches
    station = Station(camera, light, SimulatedIndicator(), SimulatedButton(), WAIT_S, finished, clock=lambda: 0.0)
    capture = station.capture().conditions()
    wanted = finished.settings
    assert wanted is not None
    assert capture["set"] == {
        "exposure_us": wanted.exposure_us,
        "analogue_gain": wanted.analogue_gain,
        "colour_gains": list(wanted.colour_gains),
    }
    assert capture["exposure_us"] == pytest.approx(wanted.exposure_us)
    assert capture["locked_to"] == "calibration"
    assert capture["mm_per_pixel"] == finished.mm_per_pixel
    assert capture["calibration"] == {
        "counter": 5,
        "made_at": NOW.isoformat(),
        "hardware_id": "synthetic",
        "steps": list(STEPS),
        "delta_e": finished.steps["colour"].checks["delta_e_after"],
    }


def test_the_flat_field_makes_the_corners_as_bright_as_the_middle(
    camera: SyntheticCamera, light: SimulatedLight, finished: Calibration
) -> None:
    light.on()
    assert finished.settings is not None
    Frames(camera, WAIT_S).locked(finished.settings)
    frame = camera.capture(WAIT_S).pixels

    def corner_to_middle(pixels: np.ndarray) -> float:
        lit = to_light(pixels)[..., 1]
        return float(lit[:30, :30].mean() / lit[270:300, 370:400].mean())

    assert corner_to_middle(frame) < 0.7
    assert corner_to_middle(finished.corrected(frame)) == pytest.approx(1, abs=0.05)


def test_a_step_done_again_forgets_those_that_stood_on_it(finished: Calibration) -> None:
    again = finished.with_step("white_balance", NOW.isoformat(), {"colour_gains": [1, 1]}, {})
    assert list(again.steps) == ["exposure", "white_balance"]
    assert again.counter == finished.counter + 1
    assert not again.complete


def test_a_bright_room_cannot_be_calibrated_in(bench: Bench, camera: SyntheticCamera, light: SimulatedLight) -> None:
    camera.physics.ambient_level = 0.2
    with pytest.raises(RoomTooBright):
        calibrating.exposure(bench, Calibration("synthetic"))
    assert not light.lit


def test_a_light_that_is_too_weak_is_said(bench: Bench, camera: SyntheticCamera, light: SimulatedLight) -> None:
    camera.physics.ring_level, camera.physics.ambient_level = 0.02, 0.0
    with pytest.raises(CalibrationUnconverged) as said:
        calibrating.exposure(bench, Calibration("synthetic"))
    assert said.value.values["step"] == "exposure"
    assert not light.lit


def test_something_on_the_grey_card_is_seen(
    bench: Bench, camera: SyntheticCamera, finished: Calibration, grey: Scene
) -> None:
    dirty = grey.ring.copy()
    dirty[250:350, 100:130] *= 0.7
    camera.scene = Scene(dirty, grey.ambient)
    with pytest.raises(CardUneven):
        calibrating.flat_field(bench, finished)


def test_the_wrong_card_is_said(bench: Bench, finished: Calibration, light: SimulatedLight) -> None:
    with pytest.raises(CardNotFound):
        calibrating.colour(bench, finished)
    assert not light.lit


def test_a_card_of_other_colours_does_not_converge(
    bench: Bench, camera: SyntheticCamera, finished: Calibration, patches: Scene
) -> None:
    camera.scene = Scene(patches.ring**1.6, patches.ambient)  # a printer that prints too dark
    with pytest.raises(CalibrationUnconverged) as said:
        calibrating.colour(bench, finished)
    assert said.value.values["step"] == "colour"


def test_a_folder_cannot_be_calibrated(tmp_path: Path, light: SimulatedLight) -> None:
    from PIL import Image

    Image.new("RGB", (800, 600)).save(tmp_path / "a.png")
    with FolderCamera(tmp_path) as folder, pytest.raises(CalibrationImpossible):
        calibrating.exposure(Bench(Frames(folder), light), Calibration("folder"))


def test_the_light_goes_off_when_a_step_fails(bench: Bench, camera: SyntheticCamera, light: SimulatedLight) -> None:
    camera.faults.add(Fault.WRONG_METADATA)
    with pytest.raises(Exception, match="asked for"):
        calibrating.exposure(bench, Calibration("synthetic"))
    assert light.history[-2:] == (True, False)


def test_the_self_check_is_quiet_while_nothing_changes_and_loud_when_the_lamp_yellows(
    bench: Bench, camera: SyntheticCamera, finished: Calibration, grey: Scene, patches: Scene
) -> None:
    camera.scene = patches
    quiet = calibrating.self_check(bench, finished, NOW)
    assert quiet.last_check is not None
    assert quiet.last_check.delta_e < 0.5
    assert calibrating.refuse_drift(quiet) == quiet.last_check.delta_e
    camera.scene = grey
    calibrating.refuse_drift(calibrating.self_check_grey(bench, finished, NOW))
    camera.physics.ring_colour = (1.1, 1.0, 0.70)
    for scene, check in ((grey, calibrating.self_check_grey), (patches, calibrating.self_check)):
        camera.scene = scene
        loud = check(bench, finished, NOW)
        with pytest.raises(CalibrationDrifted):
            calibrating.refuse_drift(loud)
        assert condition(loud, "synthetic", NOW) == "drifted"


def test_where_nothing_was_looked_at_there_is_no_perfect_answer(finished: Calibration) -> None:
    with pytest.raises(CalibrationImpossible):
        calibrating.refuse_drift(finished)


@pytest.mark.parametrize("what", ["card", "half lit"])
def test_what_is_not_the_grey_cap_is_no_drift(
    bench: Bench, camera: SyntheticCamera, finished: Calibration, grey: Scene, patches: Scene, what: str
) -> None:
    camera.scene = patches if what == "card" else Scene(grey.ring * 0.3, grey.ambient)
    with pytest.raises(ReferenceUnseen):
        calibrating.self_check_grey(bench, finished, NOW)
    assert finished.last_check is None


def test_the_same_card_again_and_again_looks_the_same(
    bench: Bench, camera: SyntheticCamera, finished: Calibration, patches: Scene
) -> None:
    camera.scene = patches
    spread = calibrating.spread(bench, finished, repeats=3)
    assert spread.shape == (3, 24)
    assert 0 < spread.mean() < 0.2


def test_it_is_kept_whole(tmp_path: Path, finished: Calibration) -> None:
    path = tmp_path / "station" / "calibration.json"
    assert load(path) is None
    checked = Calibration(finished.hardware_id, 5, finished.steps, SelfCheck(NOW.isoformat(), 0.3, drifted=False))
    store(path, checked, lambda where, data: where.write_bytes(data) and None)
    assert load(path) == checked


def test_a_write_that_fails_leaves_the_old_one(tmp_path: Path, finished: Calibration) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "no space left")

    path = tmp_path / "calibration.json"
    store(path, finished, lambda where, data: where.write_bytes(data) and None)
    with pytest.raises(OSError, match="no space"):
        store(path, Calibration("other"), full)
    assert load(path) == finished


@pytest.mark.parametrize(
    "damage",
    [
        lambda _stored: "not json",
        lambda stored: json.dumps(stored)[:200],
        lambda _stored: json.dumps([1, 2]),
        lambda stored: json.dumps({**stored, "schema": "dermkiosk.calibration/9"}),
        lambda stored: json.dumps({name: stored[name] for name in stored if name != "hardware_id"}),
        lambda stored: json.dumps(_with(stored, "colour", "matrix", [[1, 0], [0, 1]])),
        lambda stored: json.dumps(_with(stored, "white_balance", "colour_gains", "red")),
        lambda stored: json.dumps(_with(stored, "flat_field", "gains", [])),
    ],
)
def test_a_damaged_file_is_said_before_a_patient_is_photographed(
    tmp_path: Path, finished: Calibration, damage: object
) -> None:
    path = tmp_path / "calibration.json"
    store(path, finished, lambda where, data: where.write_bytes(data) and None)
    path.write_text(damage(json.loads(path.read_text())))  # type: ignore[operator]
    with pytest.raises(CalibrationDamaged):
        load(path)


def _with(stored: dict, step: str, name: str, value: object) -> dict:  # type: ignore[type-arg]
    stored["steps"][step]["values"][name] = value
    return stored


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (timedelta(hours=1), "ok"),
        (CHECK_EVERY + timedelta(hours=1), "check_due"),
        (OLD + timedelta(days=1), "old"),
        (timedelta(days=-1), "clock"),
    ],
)
def test_it_is_asked_for_again_when_it_is_old(finished: Calibration, later: timedelta, expected: str) -> None:
    assert condition(finished, "synthetic", NOW + later) == expected


def test_it_is_asked_for_when_it_is_missing_unfinished_or_of_another_camera(finished: Calibration) -> None:
    unfinished = finished.with_step("exposure", NOW.isoformat(), {}, {})
    assert condition(None, "synthetic", NOW) == "missing"
    assert condition(Calibration("synthetic"), "synthetic", NOW) == "missing"
    assert condition(unfinished, "synthetic", NOW) == "incomplete"
    assert condition(finished, "imx477 0001", NOW) == "foreign"


def test_settings_match_within_what_a_sensor_rounds() -> None:
    wanted = CaptureSettings(8000, 1.0, (1.9, 1.6))
    assert CaptureSettings(7990, 1.01, (1.905, 1.598)).matches(wanted)
    for other in ((9000, 1.0, (1.9, 1.6)), (8000, 1.2, (1.9, 1.6)), (8000, 1.0, (2.0, 1.6)), (8000, 1.0, (1.9, 1.5))):
        assert not CaptureSettings(*other).matches(wanted)
