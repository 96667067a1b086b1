"""The capture station: camera, ring light, button and indicator working together."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np

from firmware.devices import Button, Camera, ClosedOnExit, Frame, Indicator, IndicatorState, Light
from firmware.errors import CameraBlack, CameraStale, StationBusy
from firmware.sharpness import sharpness

BURST: Final = 3
FRAME_TIMEOUT_S: Final = 5.0
PREVIEW_WAIT_S: Final = 0.3
LATE_FRAMES: Final = 4
"""A sensor takes up a new exposure two to four frames after it was decided: frames this early tell of the dark room."""
SETTLED_FRAMES: Final = LATE_FRAMES + 1
"""Longer than one decision lasts, or the frames between two decisions would look settled."""
SETTLE_FRAMES_AT_MOST: Final = 24
SETTLED_CHANGE: Final = 0.02
"""Of exposure times gain, which nothing but the automatic changes."""
SETTLED_LIGHT_CHANGE: Final = 0.05
"""Of the picture's mean light, which a hand that breathes changes too."""
BLACK: Final = 12
"""Of 255. Half of a lit picture is brighter, or it shows nothing but the noise of a gain turned up."""


@dataclass(frozen=True)
class Captured:
    """The photograph a capture ended in, and the conditions it was taken under."""

    frame: Frame
    ambient_share: float | None
    """Share of the light that was the room's, 0…1; ``None`` where the camera knows no exposure."""
    sharpness: float
    frames: int
    """Length of the burst it was chosen from."""
    camera: str

    def conditions(self) -> dict[str, object]:
        """For the result document's ``capture``."""
        return {
            "camera": self.camera,
            "exposure_us": self.frame.exposure_us,
            "analogue_gain": self.frame.analogue_gain,
            "colour_gains": self.frame.colour_gains and list(self.frame.colour_gains),
            "ambient_share": self.ambient_share,
            "mm_per_pixel": None,
        }


class Station(ClosedOnExit):
    """Owns its devices: closing it closes them. Its methods may be called from any thread."""

    def __init__(
        self,
        camera: Camera,
        light: Light,
        indicator: Indicator,
        button: Button,
        frame_timeout_s: float = FRAME_TIMEOUT_S,
    ) -> None:
        self._camera = camera
        self._light = light
        self._indicator = indicator
        self._button = button
        self._frame_timeout_s = frame_timeout_s
        self._camera_lock = Lock()
        self._capture_lock = Lock()  # a second press during a capture is refused, not kept for later
        self._last_sequence: int | None = None

    @property
    def simulated(self) -> bool:
        """True if any device is: pages and results then say SIMULATED."""
        return any(device.simulated for device in (self._camera, self._light, self._indicator, self._button))

    def preview(self) -> Frame:
        """A frame for the live view, in whatever light there is.

        Raises :class:`StationBusy` while a photograph is being taken, :class:`firmware.errors.CameraError`.
        """
        with _held(self._camera_lock, PREVIEW_WAIT_S):
            return self._fresh(self._camera.preview)

    def capture(self) -> Captured:
        """Take a photograph under the ring light: the sharpest of a burst. The light is off afterwards, come what may.

        Raises :class:`StationBusy`, :class:`firmware.errors.CameraError`, :class:`firmware.errors.LightError`.
        """
        with _held(self._capture_lock, 0), _held(self._camera_lock, self._frame_timeout_s):
            ambient = self._fresh(self._camera.preview)
            burst = self._lit_burst()
        scores = [sharpness(frame.pixels) for frame in burst]
        best = burst[scores.index(max(scores))]
        _refuse_black(best)
        return Captured(best, _ambient_share(ambient, best), max(scores), len(burst), self._camera.name)

    def on_button(self, action: Callable[[], None]) -> None:
        """Call ``action`` on another thread for each press of the button; replaces an earlier action."""
        self._button.on_press(action)

    def show(self, state: IndicatorState) -> None:
        """Show ``state`` on the indicator."""
        self._indicator.show(state)

    def close(self) -> None:
        """Close all devices, the light first; one that fails does not keep the others open."""
        with ExitStack() as devices:
            for device in (self._camera, self._indicator, self._button, self._light):
                devices.callback(device.close)

    def _lit_burst(self) -> list[Frame]:
        try:
            self._light.on()
            self._settle()
            return [self._fresh(self._camera.capture) for _ in range(BURST)]
        finally:
            self._light.off()

    def _settle(self) -> None:
        """Let the exposure follow the light.

        One that never holds still must not keep the patient waiting: the picture is taken anyway, and
        the quality gate judges it.
        """
        exposures: list[float] = []
        lights: list[float] = []
        for number in range(SETTLE_FRAMES_AT_MOST):
            frame = self._fresh(self._camera.preview)
            gathered = _gathered(frame)
            if gathered is None:
                return
            if number >= LATE_FRAMES:
                exposures.append(gathered)
                lights.append(_mean_light(frame))
            if _steady(exposures, SETTLED_CHANGE) and _steady(lights, SETTLED_LIGHT_CHANGE):
                return

    def _fresh(self, take: Callable[[float], Frame]) -> Frame:
        frame = take(self._frame_timeout_s)
        if self._last_sequence is not None and frame.sequence <= self._last_sequence:
            raise CameraStale(f"picture {frame.sequence} came again")
        self._last_sequence = frame.sequence
        return frame


@contextmanager
def _held(lock: Lock, wait_s: float) -> Iterator[None]:
    if not lock.acquire(timeout=wait_s):
        raise StationBusy("the camera is in use")
    try:
        yield
    finally:
        lock.release()


def _refuse_black(frame: Frame) -> None:
    middle = float(np.median(frame.pixels[::8, ::8]))
    if middle < BLACK:
        raise CameraBlack(f"the median is {middle:.0f} of 255")


def _steady(values: list[float], change: float) -> bool:
    """The last few lie no further apart than ``change``, a share of the smallest."""
    last = values[-SETTLED_FRAMES:]
    return len(last) == SETTLED_FRAMES and max(last) <= min(last) * (1 + change)


def _gathered(frame: Frame) -> float | None:
    """What a frame's settings multiply light by; ``None`` where the camera does not say."""
    if frame.exposure_us is None or frame.analogue_gain is None:
        return None
    return frame.exposure_us * frame.analogue_gain


def _ambient_share(ambient: Frame, lit: Frame) -> float | None:
    """Mean light without the ring over mean light with it, each divided by its frame's exposure and gain."""
    gathered, gathered_lit = _gathered(ambient), _gathered(lit)
    if gathered is None or gathered_lit is None:
        return None
    share = (_mean_light(ambient) / gathered) / max(_mean_light(lit) / gathered_lit, 1e-12)
    return round(min(share, 1.0), 4)


def _mean_light(frame: Frame) -> float:
    """Mean of the green channel with the sRGB curve undone (IEC 61966-2-1), 0…1."""
    green = frame.pixels[::4, ::4, 1] / 255
    return float(np.where(green <= 0.04045, green / 12.92, ((green + 0.055) / 1.055) ** 2.4).mean())
