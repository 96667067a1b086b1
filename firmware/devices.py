"""The vocabulary of the hardware: what a camera, a light, a button and an indicator can do.

Implementations are chosen by name in :mod:`firmware.factories`; simulated ones run only when named.
Every device is a context manager, and every call that can block has a timeout.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
IndicatorState = Literal["ready", "busy", "refused", "fault"]
EXPOSURE_ROUNDING: Final = 0.03
GAIN_ROUNDING: Final = 0.01


@dataclass(frozen=True)
class Frame:
    """One picture with the settings it was really taken with, as the sensor reports them."""

    pixels: Pixels
    """uint8 RGB, H×W×3, upright."""
    sequence: int
    """Grows by at least one with each new picture of the sensor; a repeat means a stale frame."""
    exposure_us: float | None
    analogue_gain: float | None
    colour_gains: tuple[float, float] | None
    """Red and blue gain; ``None`` (like exposure and gain) where the camera has no such thing: a folder."""
    lens_position: float | None = None
    """Where the lens is focused, dioptres (1/m); ``None`` where it cannot be moved."""

    @property
    def settings(self) -> "CaptureSettings | None":
        """What it was really taken with; ``None`` where the camera does not say."""
        if self.exposure_us is None or self.analogue_gain is None or self.colour_gains is None:
            return None
        return CaptureSettings(self.exposure_us, self.analogue_gain, self.colour_gains)


@dataclass(frozen=True)
class CaptureSettings:
    """What a camera is locked to."""

    exposure_us: float
    analogue_gain: float
    colour_gains: tuple[float, float]
    """Red and blue gain; green is 1."""

    @property
    def gathered(self) -> float:
        """What these settings multiply light by, µs."""
        return self.exposure_us * self.analogue_gain

    def gathering(self, share: float) -> "CaptureSettings":
        """Settings that gather this share (0…1) of the light; gain, which adds noise, goes first."""
        gain = max(1.0, self.analogue_gain * share)
        return CaptureSettings(self.gathered * share / gain, gain, self.colour_gains)

    def matches(self, wanted: "CaptureSettings") -> bool:
        """Within what a sensor rounds: exposures come in whole lines, gains in steps."""
        pairs = zip(
            (self.exposure_us, self.analogue_gain, *self.colour_gains),
            (wanted.exposure_us, wanted.analogue_gain, *wanted.colour_gains),
            (EXPOSURE_ROUNDING, EXPOSURE_ROUNDING, GAIN_ROUNDING, GAIN_ROUNDING),
            strict=True,
        )
        return all(abs(mine - theirs) <= rounding * theirs for mine, theirs, rounding in pairs)


class Device(Protocol):
    """What all devices share."""

    name: str
    """As the settings name it."""
    simulated: bool

    def close(self) -> None:
        """Release the hardware. May be called twice."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ClosedOnExit(ABC):
    """Makes a context manager of whatever has ``close``: every device, and the station."""

    @abstractmethod
    def close(self) -> None:
        """Release the hardware. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Camera(Device, Protocol):
    """Takes single frames. Each call raises :class:`firmware.errors.CameraError`, within its ``timeout_s``."""

    @property
    def hardware_id(self) -> str | None:
        """Which piece of hardware it is: a calibration holds for this one alone. ``None``: cannot be calibrated."""

    @property
    def stuck(self) -> bool:
        """True while a call that was given up has still not returned: the driver hangs."""

    def preview(self, timeout_s: float) -> Frame:
        """A fresh, smaller frame for the live view (long side about 800 px)."""

    def capture(self, timeout_s: float) -> Frame:
        """A fresh frame at full resolution."""

    def lock(self, settings: CaptureSettings | None, timeout_s: float) -> None:
        """Take frames with ``settings`` from now on; ``None``: choose them by itself again.

        The frames under way still have the old ones: look at each frame's own. Nothing happens where the
        camera has no settings (a folder).
        """

    def focus(self, timeout_s: float) -> float | None:
        """Focus once, on what is near, and keep it; the lens's position, or ``None`` where it cannot move.

        Raises :class:`firmware.errors.Unfocused` too.
        """


class Light(Device, Protocol):
    """The ring light."""

    @property
    def lit(self) -> bool:
        """True while it shines."""

    def on(self) -> None:
        """Shine at the calibrated brightness."""

    def off(self) -> None:
        """Stop shining. Never raises once the device was opened."""


class Button(Device, Protocol):
    """The one button."""

    def on_press(self, action: Callable[[], None]) -> None:
        """Call ``action`` (on another thread) for each debounced press; replaces an earlier action."""

    def on_hold(self, action: Callable[[], None]) -> None:
        """Call ``action`` (on another thread) once for each press that lasts long; replaces an earlier action."""


class Indicator(Device, Protocol):
    """The small light that says how the box is."""

    @property
    def state(self) -> IndicatorState:
        """What it shows now."""

    def show(self, state: IndicatorState) -> None:
        """Show ``state`` until told otherwise. Never raises once the device was opened."""
