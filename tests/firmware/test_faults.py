"""Every fault a camera can have, in a capture: its error, the light off, no thread left, and well again afterwards."""

from collections.abc import Callable, Iterator
from threading import Event, Thread
from threading import enumerate as all_threads

import pytest

from firmware.devices import Frame
from firmware.errors import (
    CameraBlack,
    CameraError,
    CameraMemory,
    CameraSettingsIgnored,
    CameraStale,
    CameraTimeout,
    CameraUnplugged,
    CaptureCancelled,
    DermkioskError,
    LightError,
    RoomTooBright,
    Unfocused,
)
from firmware.sequence import shown_after
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Scene
from firmware.station import CAPTURE_AT_MOST_S, Station
from firmware.synthetic import Fault, SyntheticCamera

WAIT_S = 60.0
SMALL = (768, 576)
HANGING_S = 1.5
FAULTS: dict[Fault, type[CameraError]] = {
    Fault.HANG: CameraTimeout,
    Fault.HANG_LOCK: CameraTimeout,
    Fault.UNPLUG: CameraUnplugged,
    Fault.STALE: CameraStale,
    Fault.BLACK: CameraBlack,
    Fault.WRONG_METADATA: CameraSettingsIgnored,
    Fault.MEMORY: CameraMemory,
}


class LightThatBreaksThings(SimulatedLight):
    """Shines, and then something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.then: Callable[[], object] = lambda: None

    def on(self) -> None:
        super().on()
        self.then()


@pytest.fixture
def light() -> LightThatBreaksThings:
    return LightThatBreaksThings()


@pytest.fixture
def camera(light: LightThatBreaksThings, plaque: Scene) -> Iterator[SyntheticCamera]:
    with SyntheticCamera(light, plaque, size=SMALL) as opened:
        yield opened
        opened.let_go()


def still() -> float:
    """A clock for tests that a busy machine must not fail."""
    return 0.0


def station_of(
    camera: SyntheticCamera,
    light: SimulatedLight,
    timeout_s: float = WAIT_S,
    button: SimulatedButton | None = None,
    clock: Callable[[], float] = still,
) -> Station:
    return Station(camera, light, SimulatedIndicator(), button or SimulatedButton(), timeout_s, clock=clock)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_under_the_light_ends_in_its_error_in_the_dark_and_passes(
    camera: SyntheticCamera, light: LightThatBreaksThings, fault: Fault
) -> None:
    camera.preview(WAIT_S)
    camera.capture(WAIT_S)  # what is slow the first time is over
    light.then = lambda: camera.faults.add(fault)
    station = station_of(camera, light, HANGING_S if "HANG" in fault.name else WAIT_S)
    with pytest.raises(FAULTS[fault]) as raised:
        station.capture()
    assert type(raised.value) is FAULTS[fault]
    assert light.history == (False, True, False)
    assert not station.busy
    camera.faults.clear()
    light.then = lambda: None
    for thread in all_threads():
        if thread.name == "driver":
            thread.join(WAIT_S)
    assert not camera.stuck
    assert station_of(camera, light).capture().frame.pixels.mean() > 60


def test_a_focus_that_hangs_leaves_the_light_off(
    camera: SyntheticCamera, light: SimulatedLight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.sequence.FOCUS_TIMEOUT_S", 0.1)
    camera.faults.add(Fault.HANG_FOCUS)
    with pytest.raises(CameraTimeout):
        station_of(camera, light).capture()
    assert light.history == (False, True, False)


def test_a_close_that_hangs_does_not_hold_up_the_others(camera: SyntheticCamera, light: SimulatedLight) -> None:
    camera.faults.add(Fault.HANG_CLOSE)
    camera.close_timeout_s = 0.1
    light.on()
    station_of(camera, light).close()
    assert not light.lit
    with pytest.raises(CameraError):
        camera.preview(WAIT_S)


def test_faults_leave_no_threads_behind(camera: SyntheticCamera, light: SimulatedLight) -> None:
    station = station_of(camera, light)
    before = set(all_threads())
    for fault in (Fault.UNPLUG, Fault.MEMORY, Fault.UNPLUG, Fault.MEMORY):
        camera.faults = {fault}
        with pytest.raises(CameraError):
            station.capture()
    assert set(all_threads()) <= before


def test_a_driver_that_is_slow_every_time_ends_too(
    camera: SyntheticCamera, light: LightThatBreaksThings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each frame comes within its own timeout, so only the whole capture's can end it."""
    now_s = 0.0

    def slow(timeout_s: float, take: Callable[[float], Frame] = camera.preview) -> Frame:
        nonlocal now_s
        now_s += 4.9
        return take(timeout_s)

    monkeypatch.setattr(camera, "preview", slow)
    with pytest.raises(CameraTimeout, match=f"{CAPTURE_AT_MOST_S}"):
        station_of(camera, light, clock=lambda: now_s).capture()
    assert now_s < CAPTURE_AT_MOST_S + 5
    assert not light.lit


def test_a_bright_room_is_refused_before_the_burst(
    camera: SyntheticCamera, light: SimulatedLight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera, "capture", lambda _timeout_s: pytest.fail("no photograph is worth taking"))
    camera.physics.ambient_level = 0.4
    with pytest.raises(RoomTooBright) as refused:
        station_of(camera, light).capture()
    assert refused.value.values["limit"] == "15%"
    assert refused.value.values["share"] in ("27%", "28%", "29%", "30%")
    assert light.history == (False, True, False)


def test_a_room_brighter_than_the_sensor_can_show_is_refused_too(
    camera: SyntheticCamera, light: SimulatedLight
) -> None:
    camera.physics.ambient_level = 20
    with pytest.raises(RoomTooBright):
        station_of(camera, light).capture()


def test_a_lens_that_finds_nothing_to_focus_on_is_a_refusal(light: SimulatedLight, plaque: Scene) -> None:
    plain = Scene(plaque.ring * 0 + 0.3, plaque.ambient * 0 + 0.3)
    with SyntheticCamera(light, plain, size=SMALL) as camera:
        camera.physics.autofocus = True
        with pytest.raises(Unfocused):
            station_of(camera, light).capture()
    assert not light.lit


def test_a_light_that_fails_is_said(camera: SyntheticCamera, light: LightThatBreaksThings) -> None:
    def breaks() -> None:
        raise LightError("no current")

    light.then = breaks
    with pytest.raises(LightError):
        station_of(camera, light).capture()
    assert not light.lit


def test_a_light_that_cannot_be_switched_off_is_no_light_to_photograph_in(plaque: Scene) -> None:
    class Stuck(SimulatedLight):
        def off(self) -> None:
            """The transistor has melted."""

    light = Stuck()
    light.on()
    with SyntheticCamera(light, plaque, size=SMALL) as camera, pytest.raises(RoomTooBright):
        station_of(camera, light).capture()


def test_a_long_press_cancels_the_capture_it_was_pressed_in(
    camera: SyntheticCamera, light: LightThatBreaksThings
) -> None:
    lit, held, ended = Event(), Event(), Event()
    light.then = lambda: (lit.set(), held.wait(WAIT_S))
    button = SimulatedButton()
    station = station_of(camera, light, button=button)
    errors: list[DermkioskError] = []

    def photograph() -> None:
        try:
            station.capture()
        except DermkioskError as error:
            errors.append(error)
        ended.set()

    pressed: list[str] = []
    station.on_button(lambda: pressed.append("press"))
    Thread(target=photograph, daemon=True).start()
    assert lit.wait(WAIT_S)
    button._press_and_hold()
    held.set()
    assert ended.wait(WAIT_S)
    assert [type(error) for error in errors] == [CaptureCancelled]
    assert not pressed  # ignored while busy
    assert light.history == (False, True, False)


def test_the_long_press_that_began_a_capture_does_not_end_it(camera: SyntheticCamera, light: SimulatedLight) -> None:
    button = SimulatedButton()
    station = station_of(camera, light, button=button)
    station.on_button(lambda: None)
    button._press_and_hold()
    assert not station._cancelled.is_set()


@pytest.mark.parametrize(
    ("error", "state"),
    [(None, "ready"), (RoomTooBright(), "refused"), (Unfocused(), "refused"), (CameraTimeout(), "fault")],
)
def test_the_indicator_tells_a_refusal_from_a_fault(error: DermkioskError | None, state: str) -> None:
    assert shown_after(error) == state
