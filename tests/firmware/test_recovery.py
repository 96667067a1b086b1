"""A camera that fails is opened again, not too often; one that hangs is given up. Time is driven, never waited for."""

from threading import Event

import numpy as np
import pytest

from firmware.calls import DriverCalls
from firmware.devices import CaptureSettings, ClosedOnExit, Frame
from firmware.errors import CameraError, CameraMissing, CameraTimeout, CameraUnplugged
from firmware.recovery import HUNG_S, LONGEST_PAUSE_S, RecoveringCamera


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Plugged(ClosedOnExit):
    """A camera whose cable a test holds in its hand."""

    name, simulated, hardware_id = "plugged", True, "one"

    def __init__(self, cable: "Cable", calls: DriverCalls) -> None:
        self.cable = cable
        self.closed = False
        self.calls = calls

    @property
    def stuck(self) -> bool:
        return self.calls.stuck

    def preview(self, timeout_s: float) -> Frame:
        def take() -> Frame:
            if self.cable.hangs:
                self.cable.let_go.wait(20)
            if not self.cable.plugged:
                raise CameraUnplugged("loose")
            return Frame(np.zeros((2, 2, 3), np.uint8), 1, None, None, None)

        return self.calls.within(timeout_s, take)

    capture = preview

    def lock(self, settings: CaptureSettings | None, timeout_s: float) -> None:
        del settings
        self.preview(timeout_s)

    def focus(self, timeout_s: float) -> float | None:
        self.preview(timeout_s)
        return None

    def close(self) -> None:
        self.closed = True


class Cable:
    def __init__(self) -> None:
        self.plugged = True
        self.hangs = False
        self.let_go = Event()
        self.opened: list[Plugged] = []
        self.tries = 0

    def open(self, calls: DriverCalls) -> Plugged:
        self.tries += 1
        if not self.plugged:
            raise CameraMissing("nothing there")
        self.opened.append(Plugged(self, calls))
        return self.opened[-1]


@pytest.fixture
def cable() -> Cable:
    return Cable()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fails(camera: RecoveringCamera, error: type[CameraError]) -> None:
    with pytest.raises(error):
        camera.preview(20)


def test_a_camera_that_is_not_there_at_the_start_is_said_at_once(cable: Cable) -> None:
    cable.plugged = False
    with pytest.raises(CameraMissing):
        RecoveringCamera(cable.open)


def test_one_that_was_unplugged_is_opened_again_when_it_is_back(cable: Cable, clock: Clock) -> None:
    with RecoveringCamera(cable.open, clock) as camera:
        cable.plugged = False
        fails(camera, CameraUnplugged)
        cable.plugged = True
        fails(camera, CameraUnplugged)  # too early: the same error, and nothing is opened
        assert cable.tries == 1
        clock.now_s += 1
        assert camera.preview(20).sequence == 1
    assert cable.tries == 2
    assert [each.closed for each in cable.opened] == [True, True]


def test_the_pauses_grow_and_are_capped(cable: Cable, clock: Clock) -> None:
    camera = RecoveringCamera(cable.open, clock)
    cable.plugged = False
    fails(camera, CameraUnplugged)
    pauses, last_s, tries = [], clock.now_s, cable.tries
    while len(pauses) < 8:
        clock.now_s += 0.5
        fails(camera, CameraError)
        if cable.tries > tries:
            pauses.append(clock.now_s - last_s)
            last_s, tries = clock.now_s, cable.tries
    assert pauses == [1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_a_good_frame_makes_the_next_pause_short_again(cable: Cable, clock: Clock) -> None:
    camera = RecoveringCamera(cable.open, clock)
    for _ in range(3):
        cable.plugged = False
        fails(camera, CameraUnplugged)
        cable.plugged = True
        clock.now_s += 1
        camera.preview(20)
    assert cable.tries == 4


def test_a_driver_that_does_not_return_is_given_up_after_a_while(cable: Cable, clock: Clock) -> None:
    camera = RecoveringCamera(cable.open, clock)
    cable.hangs = True
    with pytest.raises(CameraTimeout):
        camera.preview(0.05)
    assert camera.stuck
    assert not camera.hung
    clock.now_s += HUNG_S
    assert camera.hung
    cable.let_go.set()


def test_one_that_returns_late_is_not_given_up(cable: Cable, clock: Clock) -> None:
    camera = RecoveringCamera(cable.open, clock)
    cable.hangs = True
    with pytest.raises(CameraTimeout):
        camera.preview(0.05)
    thread = cable.opened[0].calls._left_behind
    cable.hangs = False
    cable.let_go.set()
    assert thread is not None
    thread.join(20)
    clock.now_s += HUNG_S
    assert not camera.hung
    assert camera.preview(20).sequence == 1


def test_a_closed_one_stays_closed(cable: Cable, clock: Clock) -> None:
    camera = RecoveringCamera(cable.open, clock)
    camera.close()
    cable.plugged = False
    fails(camera, CameraUnplugged)
    clock.now_s += 100
    cable.plugged = True
    camera.preview(20)  # the driver's own answer; nothing was opened anew
    assert cable.tries == 1
