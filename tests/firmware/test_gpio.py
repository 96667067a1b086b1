import time
from collections.abc import Callable
from queue import Empty, Queue

import pytest
from gpiozero.exc import PinUnknownPi
from gpiozero.pins import PinInfo
from gpiozero.pins.local import get_pi_revision
from gpiozero.pins.mock import MockFactory, MockPWMPin

from firmware.devices import IndicatorState
from firmware.errors import CaptureCancelled, GpioMissing, LightError, PinRefused
from firmware.factories import open_button, open_indicator, open_light
from firmware.gpio import BOUNCE_S, GpioButton, GpioLight, lgpio_factory
from firmware.simulated import SimulatedButton
from firmware.station import Station
from firmware.synthetic import SyntheticCamera

LIGHT, BUTTON, RGB = 18, 17, (22, 23, 24)
WAIT_S = 20.0


def wait_for(happened: Callable[[], bool]) -> None:
    """What a thread of its own does."""
    end = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_the_light_shines_at_its_level(pins: MockFactory) -> None:
    with open_light("gpio", LIGHT, 0.6, pins) as light:
        assert (light.lit, pins.pin(LIGHT).state) == (False, 0)
        light.on()
        assert (light.lit, pins.pin(LIGHT).state) == (True, pytest.approx(0.6))
        assert pins.pin(LIGHT).frequency >= 1000
        light.off()
        assert (light.lit, pins.pin(LIGHT).state) == (False, 0)


def test_closing_the_light_switches_it_off(pins: MockFactory) -> None:
    light = open_light("gpio", LIGHT, 1.0, pins)
    light.on()
    light.close()
    light.close()
    light.off()
    assert not light.lit
    assert not pins.pin(LIGHT).state


def test_a_light_that_cannot_shine_says_so(pins: MockFactory) -> None:
    light = open_light("gpio", LIGHT, 1.0, pins)
    light.close()
    with pytest.raises(LightError):
        light.on()


def test_each_press_acts_once_and_bounce_is_ignored(pins: MockFactory) -> None:
    clock, presses = Clock(), Queue[float]()
    with GpioButton(BUTTON, pins, clock) as button:
        button.on_press(lambda: presses.put(clock.now_s))
        pin = pins.pin(BUTTON)
        for _ in range(4):
            pin.drive_low()
            pin.drive_high()
            clock.now_s += BOUNCE_S / 10
        clock.now_s += 2 * BOUNCE_S
        pin.drive_low()
        taken = [presses.get(timeout=WAIT_S) for _ in range(2)]
        assert taken[1] > taken[0]
        with pytest.raises(Empty):
            presses.get_nowait()


def test_letting_go_does_nothing(pins: MockFactory) -> None:
    clock, presses = Clock(), Queue[str]()
    with GpioButton(BUTTON, pins, clock) as button:
        button.on_press(lambda: presses.put("press"))
        pins.pin(BUTTON).drive_low()
        assert presses.get(timeout=WAIT_S) == "press"
        clock.now_s += 1
        pins.pin(BUTTON).drive_high()
        button.on_press(lambda: presses.put("later"))
        clock.now_s += 1
        pins.pin(BUTTON).drive_low()
        assert presses.get(timeout=WAIT_S) == "later"


def test_a_press_that_lasts_is_a_hold_and_a_short_one_is_not(pins: MockFactory) -> None:
    happened = Queue[str]()
    with GpioButton(BUTTON, pins, Clock(), hold_s=0.05) as button:
        button.on_press(lambda: happened.put("press"))
        button.on_hold(lambda: happened.put("hold"))
        pins.pin(BUTTON).drive_low()
        assert {happened.get(timeout=WAIT_S) for _ in range(2)} == {"press", "hold"}
        pins.pin(BUTTON).drive_high()
        button._device.hold_time = 1000
        button._clock.now_s += 1  # type: ignore[attr-defined]
        pins.pin(BUTTON).drive_low()
        assert happened.get(timeout=WAIT_S) == "press"
        pins.pin(BUTTON).drive_high()
        assert happened.empty()


def test_a_long_press_before_the_first_frame_cancels_the_photograph(
    pins: MockFactory, camera: SyntheticCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.station.DARK_WITHIN_S", 2 * WAIT_S)
    indicator, button = open_indicator("gpio", RGB, pins), GpioButton(BUTTON, pins, hold_s=0.05)
    pressed: list[int] = []

    def still_bright() -> bool:
        pins.pin(BUTTON).drive_low()  # and it is kept down
        return False

    with Station(camera, camera._light, indicator, button) as station:
        station.on_button(lambda: pressed.append(1))
        with pytest.raises(CaptureCancelled):
            station.capture(still_bright)
        assert not camera._light.lit
        assert not pressed  # it begins no other one


def test_the_kernel_is_asked_to_debounce(pins: MockFactory) -> None:
    with open_button("gpio", BUTTON, pins):
        assert pins.pin(BUTTON).bounce == BOUNCE_S
        assert pins.pin(BUTTON).pull == "up"


def test_the_indicator_has_a_colour_for_each_state(pins: MockFactory) -> None:
    with open_indicator("gpio", RGB, pins) as indicator:
        assert indicator.state == "busy"
        shown = {}
        for state in ("ready", "busy", "refused", "fault"):
            indicator.show(state)
            assert indicator.state == state
            wait_for(lambda: any(pins.pin(pin).state for pin in RGB))  # one that blinks does so in its own time
            shown[state] = tuple(pins.pin(pin).state for pin in RGB)
    assert shown == {"ready": (0, 1, 0), "busy": (0, 0, 1), "refused": (1, 0.4, 0), "fault": (1, 0, 0)}


@pytest.mark.parametrize(("state", "blinks"), [("ready", False), ("busy", False), ("refused", True), ("fault", True)])
def test_what_needs_somebody_blinks_so_that_nobody_needs_to_tell_colours(
    pins: MockFactory, state: IndicatorState, blinks: bool
) -> None:
    with open_indicator("gpio", RGB, pins) as indicator:
        indicator.show(state)
        assert (indicator._device._blink_thread is not None) == blinks
        pin = pins.pin(RGB[0])
        pin.clear_states()
        if blinks:
            wait_for(lambda: {bool(each.state) for each in list(pin.states)} == {False, True})
        indicator.show("ready")
        assert indicator._device._blink_thread is None


def test_an_indicator_that_fails_is_logged_and_stops_nothing(
    pins: MockFactory, camera: SyntheticCamera, caplog: pytest.LogCaptureFixture
) -> None:
    indicator = open_indicator("gpio", RGB, pins)
    indicator.show("ready")
    indicator._device.close()  # as after any GPIOZeroError: no colour can be set
    with Station(camera, camera._light, indicator, SimulatedButton()) as station:
        station.show("busy")
        assert station.capture().frames > 0
    assert indicator.state == "ready"
    assert "could not show busy" in caplog.text


def test_a_pin_that_is_taken_is_refused(pins: MockFactory) -> None:
    with GpioLight(LIGHT, 1.0, pins), pytest.raises(PinRefused) as refused:
        GpioButton(LIGHT, pins)
    assert refused.value.values == {"setting": "button_pin", "pins": "18"}


@pytest.mark.parametrize(
    ("open_device", "refused"),
    [
        (lambda pins: open_light("gpio", LIGHT, 1.0, pins), "light_pin 18"),
        (lambda pins: open_button("gpio", BUTTON, pins), "button_pin 17"),
        (lambda pins: open_indicator("gpio", RGB, pins), "indicator_pins 22, 23, 24"),
    ],
)
def test_a_pin_that_another_program_holds_is_refused_by_its_name(
    open_device: Callable[[MockFactory], object], refused: str
) -> None:
    lgpio = pytest.importorskip("lgpio", reason="there is no lgpio for this Python")

    class HeldPin(MockPWMPin):
        def __init__(self, factory: MockFactory, info: PinInfo) -> None:
            """The real library refuses a handle that it does not know as it refuses a pin that is busy."""
            super().__init__(factory, info)
            lgpio.gpio_claim_input(-1, BUTTON, 0)

    with pytest.raises(PinRefused, match=refused):
        open_device(MockFactory(pin_class=HeldPin))


def test_without_pins_there_is_no_fall_back() -> None:
    try:
        get_pi_revision()
    except PinUnknownPi:
        with pytest.raises(GpioMissing):
            lgpio_factory()
    else:
        pytest.skip("this is a Raspberry Pi: the pins are there")
