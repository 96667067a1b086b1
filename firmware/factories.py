"""Names of devices, as the settings give them, to the devices themselves. Nothing falls back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import gpiozero

from firmware import gpio, simulated, terminal
from firmware.calls import DriverCalls
from firmware.devices import Button, Camera, Indicator, Light
from firmware.errors import DeviceUnknown

T = TypeVar("T")


def _picamera2(_rest: str, _light: Light, calls: DriverCalls | None) -> Camera:
    from firmware.picamera import PiCamera

    return PiCamera(calls)


def _synthetic(_rest: str, light: Light, _calls: DriverCalls | None) -> Camera:
    from firmware.synthetic import SyntheticCamera

    return SyntheticCamera(light)


def _folder(rest: str, _light: Light, _calls: DriverCalls | None) -> Camera:
    from firmware.folder import FolderCamera

    return FolderCamera(Path(rest))


CAMERAS: Final[dict[str, Callable[[str, Light, DriverCalls | None], Camera]]] = {
    "picamera2": _picamera2,
    "synthetic": _synthetic,
    "folder": _folder,
}
LIGHTS: Final[dict[str, Callable[[int, float, gpiozero.Factory | None], Light]]] = {
    "gpio": lambda pin, level, pins: gpio.GpioLight(pin, level, pins or gpio.lgpio_factory()),
    "simulated": lambda _pin, _level, _pins: simulated.SimulatedLight(),
}
BUTTONS: Final[dict[str, Callable[[int, gpiozero.Factory | None], Button]]] = {
    "gpio": lambda pin, pins: gpio.GpioButton(pin, pins or gpio.lgpio_factory()),
    "simulated": lambda _pin, _pins: simulated.SimulatedButton(),
    "terminal": lambda _pin, _pins: terminal.TerminalButton(),
}
INDICATORS: Final[dict[str, Callable[[tuple[int, int, int], gpiozero.Factory | None], Indicator]]] = {
    "gpio": lambda rgb, pins: gpio.GpioIndicator(rgb, pins or gpio.lgpio_factory()),
    "simulated": lambda _rgb, _pins: simulated.SimulatedIndicator(),
}


def open_camera(name: str, light: Light, calls: DriverCalls | None = None) -> Camera:
    """``picamera2``, ``synthetic`` (which sees whether ``light`` shines) or ``folder:PATH``.

    ``calls``: of whoever opens it again and again; only a real driver, whose opening may hang, needs them.
    Raises :class:`DeviceUnknown`, :class:`firmware.errors.CameraError`.
    """
    kind, _, rest = name.partition(":")
    return _named(CAMERAS, kind)(rest, light, calls)


def open_light(name: str, pin: int, level: float, pin_factory: gpiozero.Factory | None = None) -> Light:
    """``gpio`` (BCM ``pin``, ``level`` 0…1 of full brightness) or ``simulated``.

    ``pin_factory``: lgpio's unless another is given. Raises :class:`DeviceUnknown`,
    :class:`firmware.errors.GpioMissing`, :class:`firmware.errors.PinRefused` among them; so do the two below.
    """
    return _named(LIGHTS, name)(pin, level, pin_factory)


def open_button(name: str, pin: int, pin_factory: gpiozero.Factory | None = None) -> Button:
    """``gpio`` (BCM ``pin``, to ground), ``simulated``, or ``terminal``: simulated, and pressed by the Enter key."""
    return _named(BUTTONS, name)(pin, pin_factory)


def open_indicator(name: str, pins: tuple[int, int, int], pin_factory: gpiozero.Factory | None = None) -> Indicator:
    """``gpio`` (BCM numbers of red, green, blue) or ``simulated``."""
    return _named(INDICATORS, name)(pins, pin_factory)


def _named(table: Mapping[str, T], name: str) -> T:
    if name not in table:
        raise DeviceUnknown(f"{name!r} is none of {', '.join(table)}", name=name, known=", ".join(table))
    return table[name]
