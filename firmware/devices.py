"""The vocabulary of the hardware: what a camera, a light, a button and an indicator can do.

Implementations are chosen by name in :mod:`firmware.factories`; simulated ones run only when named.
Every device is a context manager, and every call that can block has a timeout.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
IndicatorState = Literal["ready", "busy", "refused", "fault"]


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
    """Takes single frames."""

    def preview(self, timeout_s: float) -> Frame:
        """A fresh, smaller frame for the live view (long side about 800 px)."""

    def capture(self, timeout_s: float) -> Frame:
        """A fresh frame at full resolution. Raises :class:`firmware.errors.CameraError`."""


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


class Indicator(Device, Protocol):
    """The small light that says how the box is."""

    @property
    def state(self) -> IndicatorState:
        """What it shows now."""

    def show(self, state: IndicatorState) -> None:
        """Show ``state`` until told otherwise. Never raises once the device was opened."""
