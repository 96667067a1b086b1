"""A camera driver that hangs for good: the program ends by itself with status 1, so that systemd starts it again."""

import threading
from types import SimpleNamespace

import pytest

from appliance.serve import wait_until_stopped
from firmware.errors import CameraHung, CameraTimeout
from firmware.recovery import HUNG_S, RecoveringCamera
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Skin, render
from firmware.station import Station
from firmware.synthetic import Fault, SyntheticCamera, with_margin

SMALL = (96, 72)


def test_the_program_ends_when_the_driver_does_not_come_back() -> None:
    now, light = SimpleNamespace(s=0.0), SimulatedLight()
    lens = SyntheticCamera(light, render(Skin(), *with_margin(SMALL)), size=SMALL)
    camera = RecoveringCamera(lambda _calls: lens, lambda: now.s)
    stop = threading.Event()
    with Station(camera, light, SimulatedIndicator(), SimulatedButton(), 0.2) as station:
        lens.faults.add(Fault.HANG)
        with pytest.raises(CameraTimeout):
            station.preview()
        assert not station.hung
        now.s += HUNG_S
        with pytest.raises(CameraHung):
            wait_until_stopped(stop, station, poll_s=0.01)
        lens.faults.clear()


def test_it_goes_on_until_it_is_told_while_the_camera_answers() -> None:
    polls: list[bool] = []
    stop = threading.Event()

    class Asked:
        @property
        def hung(self) -> bool:
            polls.append(True)
            if len(polls) == 3:
                stop.set()
            return False

    wait_until_stopped(stop, Asked(), poll_s=0.01)  # type: ignore[arg-type]
    assert len(polls) == 3
