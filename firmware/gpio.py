"""Ring light, button and indicator on the pins of a Raspberry Pi, through gpiozero."""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

import gpiozero

from firmware.calls import in_background
from firmware.devices import ClosedOnExit, IndicatorState
from firmware.errors import GpioMissing, LightError, PinRefused

PWM_HZ: Final = 1000
"""Many pulses within one exposure: gpiozero's 100 Hz would show as bands in a rolling shutter's picture."""
BOUNCE_S: Final = 0.05
HOLD_S: Final = 2.0
"""A press this long means: stop. Longer than a gloved finger rests on the button by habit."""
COLOURS: Final[dict[IndicatorState, tuple[float, float, float]]] = {
    "ready": (0, 1, 0),
    "busy": (0, 0, 1),
    "refused": (1, 0.4, 0),
    "fault": (1, 0, 0),
}
BLINKS_S: Final[dict[IndicatorState, float]] = {"refused": 1.0, "fault": 0.2}
"""On for so long, and off: what needs somebody is told from the rest without its colour. A photograph is taken under a
steady light."""
log = logging.getLogger(__name__)


def lgpio_factory() -> gpiozero.Factory:
    """The pins of this box through lgpio: named, so that gpiozero never falls back to another library.

    It is never closed: gpiozero keeps the pins of all local factories in one table, and closing one
    factory would reset the pins of the others. The kernel releases them when the process ends.
    Raises :class:`GpioMissing`.
    """
    try:
        from gpiozero.pins.lgpio import LGPIOFactory  # opens files in the working directory: only when named

        return LGPIOFactory()
    except Exception as error:  # lgpio's errors have no base class of their own
        raise GpioMissing(f"lgpio cannot use the pins: {error}") from error


class _OnPins(ClosedOnExit):
    """Opens one gpiozero device, and closes it."""

    name = "gpio"
    simulated = False

    def __init__(self, setting: str, pins: tuple[int, ...], open_device: Callable[[], Any]) -> None:
        try:
            self._device = open_device()
        except Exception as error:  # lgpio's errors have no base class of their own, and gpiozero passes them on
            numbers = ", ".join(map(str, pins))
            raise PinRefused(f"{setting} {numbers}: {error}", setting=setting, pins=numbers) from error

    def close(self) -> None:
        """Release the pins."""
        self._device.close()


class GpioLight(_OnPins):
    """A ring light whose driver dims by pulse width."""

    def __init__(self, pin: int, level: float, pin_factory: gpiozero.Factory) -> None:
        """``pin``: BCM number. ``level``: share of full brightness, 0…1. Raises :class:`PinRefused`."""
        super().__init__("light_pin", (pin,), lambda: gpiozero.PWMLED(pin, frequency=PWM_HZ, pin_factory=pin_factory))
        self._level = level

    @property
    def lit(self) -> bool:
        """True while it shines."""
        return not self._device.closed and self._device.value > 0

    def on(self) -> None:
        """Shine at the level given. Raises :class:`LightError`."""
        try:
            self._device.value = self._level
        except Exception as error:  # lgpio's errors have no base class of their own
            raise LightError(str(error)) from error

    def off(self) -> None:
        """Stop shining."""
        if self._device.closed:
            return
        try:
            self._device.off()
        except Exception:  # it is called while other errors are under way, which must not be hidden
            log.exception("the ring light could not be switched off")

    def close(self) -> None:
        """Stop shining and release the pin."""
        self.off()
        super().close()


class GpioButton(_OnPins):
    """A push button between a pin and ground."""

    def __init__(
        self,
        pin: int,
        pin_factory: gpiozero.Factory,
        clock: Callable[[], float] = time.monotonic,
        hold_s: float = HOLD_S,
    ) -> None:
        """``pin``: BCM number. ``clock``: seconds, only differences count. Raises :class:`PinRefused`."""
        super().__init__(
            "button_pin",
            (pin,),
            lambda: gpiozero.Button(pin, bounce_time=BOUNCE_S, hold_time=hold_s, pin_factory=pin_factory),
        )
        self._clock = clock
        self._last_edge_s = -BOUNCE_S
        self._action: Callable[[], None] | None = None
        self._hold: Callable[[], None] | None = None
        self._device.when_pressed = self._edge
        self._device.when_held = self._held

    def on_press(self, action: Callable[[], None]) -> None:
        """Call ``action`` on another thread for each press."""
        self._action = action

    def on_hold(self, action: Callable[[], None]) -> None:
        """Call ``action`` on another thread for each press of :data:`HOLD_S` seconds."""
        self._hold = action

    def _held(self) -> None:
        if self._hold is not None:
            in_background(self._hold)

    def _edge(self) -> None:
        """The kernel filters glitches before a press; a contact that chatters after it is filtered here."""
        now = self._clock()
        bounced = now - self._last_edge_s < BOUNCE_S
        self._last_edge_s = now
        if self._action is not None and not bounced:
            in_background(self._action)


class GpioIndicator(_OnPins):
    """A red-green-blue light."""

    def __init__(self, pins: tuple[int, int, int], pin_factory: gpiozero.Factory) -> None:
        """``pins``: BCM numbers of red, green and blue. Raises :class:`PinRefused`."""
        super().__init__("indicator_pins", pins, lambda: gpiozero.RGBLED(*pins, pin_factory=pin_factory))
        self._state: IndicatorState = "busy"
        self.show("busy")  # the box is starting

    @property
    def state(self) -> IndicatorState:
        """What it shows now."""
        return self._state

    def show(self, state: IndicatorState) -> None:
        """Show ``state`` by its colour and whether it blinks.

        An indicator that fails is logged, and goes on showing what it showed.
        """
        try:
            self._device.value = COLOURS[state]  # an indicator that is gone fails here, and not in a thread of its own
            if half_s := BLINKS_S.get(state):
                self._device.blink(half_s, half_s, on_color=COLOURS[state])
        except Exception:  # lgpio's errors have no base class of their own, and no photograph may fail for this
            log.exception("the indicator could not show %s", state)
        else:
            self._state = state
