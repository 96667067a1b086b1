from threading import Event
from threading import enumerate as all_threads

import pytest

from firmware.calls import DriverCalls
from firmware.errors import CameraTimeout

WAIT_S = 20.0


def test_an_answer_comes_back() -> None:
    assert DriverCalls().within(WAIT_S, lambda: 42) == 42


def test_an_error_comes_back_as_it_was() -> None:
    def fails() -> None:
        raise TimeoutError("the driver's own")

    with pytest.raises(TimeoutError, match="the driver's own"):
        DriverCalls().within(WAIT_S, fails)


def test_a_call_that_hangs_is_left_behind_once_and_forgotten_when_it_ends() -> None:
    calls, release, started = DriverCalls(), Event(), []

    def hangs() -> bool:
        started.append(1)
        return release.wait(WAIT_S)

    for _ in range(3):
        with pytest.raises(CameraTimeout):
            calls.within(0.05, hangs)
    left = [thread for thread in all_threads() if thread.name == "driver"]
    assert len(started) == 1
    assert [thread.daemon for thread in left] == [True]
    release.set()
    left[0].join(WAIT_S)
    assert calls.within(WAIT_S, lambda: "back") == "back"


def test_what_comes_too_late_is_handed_over_to_be_released() -> None:
    calls, release, late = DriverCalls(), Event(), []

    def opens() -> str:
        release.wait(WAIT_S)
        return "camera"

    with pytest.raises(CameraTimeout):
        calls.within(0.05, opens, too_late=late.append)
    assert late == []
    thread = calls._left_behind
    assert thread is not None
    release.set()
    thread.join(WAIT_S)
    assert late == ["camera"]
    assert calls.within(WAIT_S, lambda: "in time", too_late=late.append) == "in time"
    assert late == ["camera"]


def test_an_error_that_comes_too_late_is_nobodys() -> None:
    calls, release = DriverCalls(), Event()

    def fails() -> None:
        release.wait(WAIT_S)
        raise OSError("long after")

    with pytest.raises(CameraTimeout):
        calls.within(0.05, fails)
    thread = calls._left_behind
    assert thread is not None
    release.set()
    thread.join(WAIT_S)  # pytest fails a test whose thread ends in an error
    assert not calls.stuck
