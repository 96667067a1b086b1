from collections.abc import Callable
from contextlib import suppress
from queue import Queue
from threading import Event, Thread
from threading import enumerate as all_threads

import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory

from firmware.devices import CaptureSettings, Frame
from firmware.errors import (
    CameraStale,
    CameraTimeout,
    CameraUnplugged,
    LightError,
    StationBusy,
)
from firmware.factories import open_button, open_indicator, open_light
from firmware.sequence import BURST, BURST_AT_MOST, SETTLED_FRAMES
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Scene, Skin
from firmware.station import Station
from firmware.synthetic import Fault, SyntheticCamera, draw

WAIT_S = 60.0
SMALL = (768, 576)
HANGING_S = 1.0


def station_of(
    camera: SyntheticCamera, light: SimulatedLight, frame_timeout_s: float = WAIT_S, room_limit: float = 0.15
) -> Station:
    """Its clock stands still: a busy machine must not fail a test."""
    indicator, button = SimulatedIndicator(), SimulatedButton()
    return Station(camera, light, indicator, button, frame_timeout_s, room_limit=room_limit, clock=lambda: 0.0)


def test_a_capture_is_lit_and_the_light_is_off_afterwards(station: Station, light: SimulatedLight) -> None:
    captured = station.capture()
    assert captured.frame.pixels.shape == (576, 768, 3)
    assert captured.frame.pixels.mean() > 90
    assert captured.frames == BURST
    assert light.history == (False, True, False)


@pytest.mark.parametrize(("ita_degrees", "spared"), [(-60.0, True), (40.0, False)])
def test_scales_on_dark_skin_do_not_burn_out_where_nothing_is_calibrated(
    ita_degrees: float, spared: bool, light: SimulatedLight
) -> None:
    with SyntheticCamera(light, draw(Skin(ita_degrees, "scaly_plaque"), SMALL), size=SMALL) as camera:
        light.on()
        metered = [camera.preview(WAIT_S) for _ in range(12)][-1].settings
        light.off()
        captured = station_of(camera, light).capture()
    taken = captured.frame.settings
    assert metered is not None
    assert taken is not None
    assert (taken.gathered < 0.8 * metered.gathered) is spared
    assert captured.conditions()["locked_to"] == "automatic"
    assert (captured.frame.pixels.min(axis=2) >= 250).mean() < 0.01
    assert np.median(captured.frame.pixels.max(axis=2)) > 80  # and the skin is still seen


def test_half_the_light_costs_gain_before_it_costs_time() -> None:
    assert CaptureSettings(8000, 4.0, (1.9, 1.6)).gathering(0.5) == CaptureSettings(8000, 2.0, (1.9, 1.6))
    assert CaptureSettings(8000, 1.0, (1.9, 1.6)).gathering(0.5) == CaptureSettings(4000, 1.0, (1.9, 1.6))


def test_a_hung_camera_leaves_one_daemon_and_no_pile_behind(camera: SyntheticCamera, light: SimulatedLight) -> None:
    station = station_of(camera, light, HANGING_S)
    camera.preview(WAIT_S)
    camera.faults.add(Fault.HANG)
    for _ in range(4):
        with pytest.raises(CameraTimeout):
            station.preview()
    left = [thread for thread in all_threads() if thread.name == "driver"]
    assert [thread.daemon for thread in left] == [True]
    station.close()
    left[0].join(WAIT_S)
    assert not left[0].is_alive()


def test_a_station_works_again_when_the_fault_has_passed(
    station: Station, camera: SyntheticCamera, light: SimulatedLight
) -> None:
    camera.faults.add(Fault.UNPLUG)
    with pytest.raises(CameraUnplugged):
        station.capture()
    camera.faults.clear()
    assert station.capture().frame.pixels.mean() > 90


def test_a_stale_preview_is_an_error_too(station: Station, camera: SyntheticCamera) -> None:
    station.preview()
    camera.faults.add(Fault.STALE)
    with pytest.raises(CameraStale):
        station.preview()


def test_a_light_that_fails_takes_no_photograph(camera: SyntheticCamera) -> None:
    class Broken(SimulatedLight):
        def on(self) -> None:
            raise LightError("no current")

    light = Broken()
    with station_of(camera, light) as station, pytest.raises(LightError):
        station.capture()
    assert not light.lit


@pytest.mark.parametrize("level", [0.0, 0.02, 0.1])
def test_the_rooms_share_of_the_light_is_measured(station: Station, camera: SyntheticCamera, level: float) -> None:
    camera.physics.ambient_level = level
    assert station.capture().ambient_share == pytest.approx(level / (1 + level), abs=0.02)


class Watched(SyntheticCamera):
    """Keeps the frames of the burst."""

    def __init__(self, light: SimulatedLight, scene: Scene) -> None:
        super().__init__(light, scene, size=SMALL)
        self.burst: list[Frame] = []

    def capture(self, timeout_s: float) -> Frame:
        self.burst.append(super().capture(timeout_s))
        return self.burst[-1]


@pytest.mark.parametrize("delay", [0, 2, 3])
def test_the_exposure_settles_before_the_burst(light: SimulatedLight, plaque: Scene, delay: int) -> None:
    camera = Watched(light, plaque)
    camera.exposure_delay = delay
    with station_of(camera, light) as station:
        for _ in range(12):
            in_the_dark = station.preview()
        best = station.capture().frame
    exposures = [frame.exposure_us for frame in camera.burst]
    assert max(exposures) < in_the_dark.exposure_us / 2
    assert max(exposures) == pytest.approx(min(exposures), rel=0.02)
    assert np.mean(best.pixels > 250) < 0.01  # the dark room's exposure makes all of it white


def test_the_first_frames_under_the_light_do_not_count(light: SimulatedLight, plaque: Scene) -> None:
    """A sensor slower than most: its exposure holds still for longer than a settled one has to."""
    camera = Watched(light, plaque)
    camera.exposure_delay = SETTLED_FRAMES + 1
    camera.physics.ambient_level = 0.3  # bright enough for one decision to be enough
    with station_of(camera, light, room_limit=1.0) as station:
        for _ in range(30):
            in_the_dark = station.preview()
        station.capture()
    assert max(frame.exposure_us for frame in camera.burst) < 0.8 * in_the_dark.exposure_us


def test_a_light_that_takes_time_is_waited_for(light: SimulatedLight, plaque: Scene) -> None:
    """Exposure and gain hold still all the while, so only the picture can tell."""

    class Dawn(Watched):
        def preview(self, timeout_s: float) -> Frame:
            if light.lit:
                self.physics.ring_level = min(self.physics.ring_level * 1.15, 1.0)
            return super().preview(timeout_s)

    camera = Dawn(light, plaque)
    camera.physics.ring_level, camera.physics.ambient_level = 0.1, 0.01
    with station_of(camera, light) as station:
        station.capture()
    assert camera.physics.ring_level == 1.0


def test_one_that_never_settles_is_photographed_all_the_same(light: SimulatedLight, plaque: Scene) -> None:
    class Flickering(Watched):
        def preview(self, timeout_s: float) -> Frame:
            self.physics.ring_level = 1.6 - self.physics.ring_level
            return super().preview(timeout_s)

    camera = Flickering(light, plaque)
    with station_of(camera, light) as station:
        captured = station.capture()
    assert captured.frames >= BURST
    assert captured.conditions()["settled"] is False


def test_the_sharpest_of_the_burst_is_chosen(light: SimulatedLight, plaque: Scene) -> None:
    class ShakyHand(SyntheticCamera):
        blurs = iter((4.0, 0.0, 2.0, 3.0, 3.0))
        sharp: int | None = None

        def capture(self, timeout_s: float) -> Frame:
            self.physics.defocus_px = next(self.blurs)
            frame = super().capture(timeout_s)
            if self.physics.defocus_px == 0:
                self.sharp = frame.sequence
            return frame

    camera = ShakyHand(light, plaque, size=SMALL)
    with station_of(camera, light) as station:
        captured = station.capture()
    assert captured.frame.sequence == camera.sharp
    assert captured.frames == BURST_AT_MOST  # the hand moves


def test_a_hand_that_is_still_needs_no_more_than_three(station: Station) -> None:
    assert station.capture().frames == BURST


@pytest.mark.parametrize(("level", "exposure_us"), [(0.001, 500_000), (0.05, 50_000)])
def test_the_room_is_looked_at_for_half_a_second_where_that_does_not_clip(
    station: Station, camera: SyntheticCamera, level: float, exposure_us: float
) -> None:
    camera.physics.ambient_level = level
    captured = station.capture()
    assert captured.conditions()["room_exposure_us"] == exposure_us
    assert captured.ambient_share == pytest.approx(level / (1 + level), rel=0.2)


def test_a_lens_that_can_move_is_focused_once_and_stays(light: SimulatedLight, plaque: Scene) -> None:
    far = Scene(plaque.ring, plaque.ambient, distance_mm=90)
    positions: list[float | None] = []

    class Watching(Watched):
        def capture(self, timeout_s: float) -> Frame:
            positions.append(self.lens_dioptres)
            return super().capture(timeout_s)

    camera = Watching(light, far)
    camera.physics.autofocus = True
    with station_of(camera, light) as station:
        captured = station.capture()
    assert captured.conditions()["lens_position"] == pytest.approx(1000 / 90, abs=0.8)
    assert set(positions) == {captured.frame.lens_position}


def test_the_live_view_chooses_its_own_exposure_again_afterwards(station: Station, camera: SyntheticCamera) -> None:
    locked = station.capture().frame.exposure_us
    shown = [station.preview().exposure_us for _ in range(10)]
    assert shown[-1] > 2 * locked  # the room is dark again


def test_conditions_are_what_was_set_and_measured(station: Station) -> None:
    captured = station.capture()
    frame = captured.frame
    assert captured.conditions() == {
        "camera": "synthetic",
        "exposure_us": frame.exposure_us,
        "analogue_gain": frame.analogue_gain,
        "colour_gains": [1.92, 1.61],
        "ambient_share": captured.ambient_share,
        "mm_per_pixel": None,
        "set": {
            "exposure_us": pytest.approx(frame.exposure_us, rel=0.03),
            "analogue_gain": frame.analogue_gain,
            "colour_gains": [1.92, 1.61],
        },
        "locked_to": "automatic",
        "settled": True,
        "room_exposure_us": 50_000,
        "lens_position": None,
        "burst": captured.frames,
        "sharpness": round(captured.sharpness, 6),
        "calibration": None,
    }


def test_nothing_else_is_taken_during_a_photograph(light: SimulatedLight, plaque: Scene) -> None:
    lit, go_on, refused = Event(), Event(), Event()

    class Slow(SyntheticCamera):
        def capture(self, timeout_s: float) -> Frame:
            lit.set()
            go_on.wait(5 * WAIT_S)
            return super().capture(timeout_s)

    def press_again() -> None:
        with suppress(StationBusy):
            station.capture()
            return
        refused.set()

    with station_of(Slow(light, plaque, size=SMALL), light, frame_timeout_s=10 * WAIT_S) as station:
        photograph = Thread(target=station.capture, daemon=True)
        photograph.start()
        assert lit.wait(WAIT_S)
        with pytest.raises(StationBusy):
            station.preview()
        Thread(target=press_again, daemon=True).start()
        assert refused.wait(WAIT_S)  # at once, not when the first one is done
        go_on.set()
        photograph.join(WAIT_S)
        assert station.preview().pixels.shape == (300, 400, 3)


def test_the_button_reaches_the_action(camera: SyntheticCamera, light: SimulatedLight) -> None:
    button, presses = SimulatedButton(), Queue[str]()
    with Station(camera, light, SimulatedIndicator(), button) as station:
        station.on_button(lambda: presses.put("pressed"))
        button.press()
        assert presses.get(timeout=WAIT_S) == "pressed"


def test_it_is_simulated_if_one_device_is(camera: SyntheticCamera, pins: MockFactory) -> None:
    light, button = open_light("gpio", 18, 0.8, pins), open_button("gpio", 17, pins)
    with Station(camera, light, open_indicator("gpio", (22, 23, 24), pins), button) as station:
        assert station.simulated
        camera.simulated = False
        assert not station.simulated


def test_a_station_on_pins_lights_at_its_level_and_goes_dark(plaque: Scene, pins: MockFactory) -> None:
    light = open_light("gpio", 18, 0.7, pins)
    indicator = open_indicator("gpio", (22, 23, 24), pins)
    camera, button = SyntheticCamera(light, plaque, size=SMALL), open_button("gpio", 17, pins)
    with Station(camera, light, indicator, button, WAIT_S, clock=lambda: 0.0) as station:
        station.show("ready")
        assert pins.pin(23).state == 1
        station.capture()
        assert [state for _, state in pins.pin(18).states][-2:] == [pytest.approx(0.7), 0]


def test_closing_reaches_every_device_even_if_one_fails(camera: SyntheticCamera) -> None:
    closed = []

    def closing(name: str, fails: bool = False) -> Callable[[], None]:
        def close() -> None:
            closed.append(name)
            if fails:
                raise OSError(name)

        return close

    light, indicator, button = SimulatedLight(), SimulatedIndicator(), SimulatedButton()
    light.close, indicator.close, button.close = closing("light"), closing("indicator", True), closing("button")
    with pytest.raises(OSError, match="indicator"):
        Station(camera, light, indicator, button).close()
    assert closed == ["light", "button", "indicator"]
    with pytest.raises(CameraUnplugged):
        camera.preview(WAIT_S)
