"""Frames as the station and the calibration want them: fresh, and taken with the settings that were asked for."""

from collections.abc import Callable
from typing import Final

from firmware.devices import Camera, CaptureSettings, Frame
from firmware.errors import CameraSettingsIgnored, CameraStale
from firmware.linear import to_light

FRAME_TIMEOUT_S: Final = 5.0
STALE_TRIES: Final = 3
"""A driver that was busy gives the last picture once or twice more; one that froze goes on for ever."""
PIPELINE_FRAMES: Final = 8
LOCK_FRAMES_AT_MOST: Final = 24
"""A lock takes effect after two to six frames."""


class Frames:
    """One camera's frames. Every call ends within ``timeout_s``; ``before`` runs first, and may raise."""

    def __init__(
        self, camera: Camera, timeout_s: float = FRAME_TIMEOUT_S, before: Callable[[], None] = lambda: None
    ) -> None:
        self.camera = camera
        self.timeout_s = timeout_s
        self.before = before
        self._last_sequence: int | None = None

    def preview(self) -> Frame:
        """A fresh, smaller frame. Raises :class:`firmware.errors.CameraError`."""
        return self._fresh(self.camera.preview)

    def capture(self) -> Frame:
        """A fresh frame at full resolution. Raises :class:`firmware.errors.CameraError`."""
        return self._fresh(self.camera.capture)

    def lock(self, settings: CaptureSettings | None) -> None:
        """Lock the camera, or let it choose again. Raises :class:`firmware.errors.CameraError`."""
        self.before()
        self.camera.lock(settings, self.timeout_s)

    def locked(self, settings: CaptureSettings, late_frames: int = 0) -> Frame:
        """Lock, and the first preview that was really taken so, the first ``late_frames`` aside.

        Raises :class:`CameraSettingsIgnored`.
        """
        self.lock(settings)
        for number in range(LOCK_FRAMES_AT_MOST):
            frame = self.preview()
            if number >= late_frames and frame.settings is not None and frame.settings.matches(settings):
                return frame
        raise CameraSettingsIgnored(f"asked for {settings}, got {frame.settings}")

    def captured(self, settings: CaptureSettings) -> Frame:
        """A full frame that says of itself that it was taken with ``settings``, to which the camera was locked.

        What the pipeline still held from before is thrown away. Raises :class:`CameraSettingsIgnored`.
        """
        for _ in range(PIPELINE_FRAMES):
            frame = self.capture()
            if frame.settings is not None and frame.settings.matches(settings):
                return frame
        raise CameraSettingsIgnored(f"asked for {settings}, got {frame.settings}")

    def _fresh(self, take: Callable[[float], Frame]) -> Frame:
        for _ in range(STALE_TRIES):
            self.before()
            frame = take(self.timeout_s)
            if self._last_sequence is None or frame.sequence > self._last_sequence:
                self._last_sequence = frame.sequence
                return frame
        raise CameraStale(f"picture {frame.sequence} came {STALE_TRIES} times")


def mean_light(frame: Frame) -> float:
    """Mean of the green channel in linear light, 0…1."""
    return float(to_light(frame.pixels[::4, ::4, 1]).mean())
