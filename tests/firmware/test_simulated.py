from queue import Queue
from threading import current_thread, main_thread

import pytest

from firmware.errors import CameraError, DermkioskError, DeviceUnknown
from firmware.factories import open_button, open_camera, open_indicator, open_light
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.synthetic import SyntheticCamera


def test_a_light_remembers() -> None:
    with SimulatedLight() as light:
        light.on()
        assert light.lit
    assert not light.lit
    assert light.history == (False, True, False)


def test_a_press_runs_the_latest_action_on_another_thread() -> None:
    presses = Queue[tuple[str, bool]]()
    button = SimulatedButton()
    button.press()
    button.on_press(lambda: presses.put(("first", current_thread() is main_thread())))
    button.on_press(lambda: presses.put(("second", current_thread() is main_thread())))
    button.press()
    assert presses.get(timeout=20) == ("second", False)


def test_an_indicator_remembers() -> None:
    indicator = SimulatedIndicator()
    indicator.show("ready")
    indicator.show("fault")
    assert indicator.state == "fault"
    assert indicator.history == ("busy", "ready", "fault")


def test_devices_are_opened_by_name() -> None:
    light = open_light("simulated", 18, 0.8)
    assert isinstance(light, SimulatedLight)
    assert isinstance(open_button("simulated", 17), SimulatedButton)
    assert isinstance(open_indicator("simulated", (22, 23, 24)), SimulatedIndicator)
    with open_camera("synthetic", light) as camera:
        assert isinstance(camera, SyntheticCamera)
        light.on()
        assert camera.preview(20).pixels.mean() > 60


@pytest.mark.parametrize("name", ["", "synthetics", "Synthetic", "webcam:0"])
def test_an_unknown_name_falls_back_to_nothing(name: str) -> None:
    light = SimulatedLight()
    for attempt in (
        lambda: open_camera(name, light),
        lambda: open_light(name, 18, 1.0),
        lambda: open_button(name, 17),
        lambda: open_indicator(name, (22, 23, 24)),
    ):
        with pytest.raises(DeviceUnknown) as unknown:
            attempt()
        assert "simulated" in str(unknown.value) or "synthetic" in str(unknown.value)


def test_camera_errors_are_one_family_with_keys_of_their_own() -> None:
    family = CameraError.__subclasses__()
    assert len({error.key for error in [CameraError, *family]}) == len(family) + 1
    assert all(issubclass(error, DermkioskError) for error in family)
