"""The capture station: camera, ring light, button and indicator working together."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Lock, Timer, current_thread
from typing import Final

from firmware.calibrating import Bench
from firmware.calibration import Calibration
from firmware.devices import Button, Camera, ClosedOnExit, Frame, Indicator, IndicatorState, Light
from firmware.errors import CameraTimeout, CaptureCancelled, StationBusy
from firmware.frames import FRAME_TIMEOUT_S, Frames
from firmware.recovery import RecoveringCamera
from firmware.sequence import ROOM_LIMIT, Captured, Sequence

PREVIEW_WAIT_S: Final = 0.3
PREVIEW_LIGHT_S: Final = 2.0
ANY_ROOM: Final = 1.0
"""All of the light may be the room's."""
CAPTURE_AT_MOST_S: Final = 30.0
"""Whatever goes slow, the end of the capture and of the light is near."""
DARK_WITHIN_S: Final = 1.0
"""A screen asks twice a second which page it is to show, and a small computer takes a while to draw it. One that is
slower is measured as part of the room: no screen holds up a photograph for long."""
ASKED_EVERY_S: Final = 0.02


def _nothing() -> None:
    """Nothing stops the live view."""


def _at_once() -> bool:
    """No screen lights the room."""
    return True


class Station(ClosedOnExit):
    """Owns its devices: closing it closes them. Its methods may be called from any thread."""

    def __init__(
        self,
        camera: Camera,
        light: Light,
        indicator: Indicator,
        button: Button,
        frame_timeout_s: float = FRAME_TIMEOUT_S,
        calibration: Calibration | None = None,
        room_limit: float = ROOM_LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``calibration``: of this very camera. ``clock``: seconds, only differences count."""
        self.calibration = calibration
        self._camera = camera
        self._light = light
        self._indicator = indicator
        self._button = button
        self._room_limit = room_limit
        self._clock = clock
        self._frames = Frames(camera, frame_timeout_s)
        self._camera_lock = Lock()
        self._capture_lock = Lock()  # a second press during a capture is refused, not kept for later
        self._cancelled = Event()
        self._dimmer: Timer | None = None
        self._pressed_while_busy = False

    @property
    def simulated(self) -> bool:
        """True if any device is: pages and results then say SIMULATED."""
        return any(device.simulated for device in (self._camera, self._light, self._indicator, self._button))

    @property
    def hardware_id(self) -> str | None:
        """Which camera it is; ``None`` where it cannot be calibrated."""
        return self._camera.hardware_id

    @property
    def hung(self) -> bool:
        """True when the camera's driver hangs for good: only a new start of the program helps."""
        return isinstance(self._camera, RecoveringCamera) and self._camera.hung

    @property
    def lost(self) -> bool:
        """True while the camera is unplugged: who asks for a frame may open it again, which takes longer."""
        return isinstance(self._camera, RecoveringCamera) and self._camera.lost

    @property
    def busy(self) -> bool:
        """True while a photograph is being taken."""
        return self._capture_lock.locked()

    def preview(self, lit: bool = False) -> Frame:
        """A frame for the live view, in whatever light there is; ``lit``: under the ring light.

        The cup keeps the room's light out, so that without the ring light there would be little to see. It goes off
        when nobody asked for a lit frame for :data:`PREVIEW_LIGHT_S`, and before a capture, which looks at the dark
        room first. Raises :class:`StationBusy` while a photograph is being taken, :class:`firmware.errors.CameraError`,
        :class:`firmware.errors.LightError`.
        """
        with _held(self._camera_lock, PREVIEW_WAIT_S):
            if lit:
                self._shine_on()
            return self._frames.preview()

    def capture(self, dark: Callable[[], bool] = _at_once) -> Captured:
        """Take a photograph under the ring light: the sharpest of a burst. The light is off afterwards, come what may.

        ``dark``: whether the screen has stopped lighting the room. The first frame waits for it, for
        :data:`DARK_WITHIN_S` at most. Raises :class:`StationBusy`, :class:`firmware.errors.CameraError`,
        :class:`firmware.errors.LightError`, :class:`firmware.errors.CaptureRefused`.
        """
        return self._run(self.calibration, self._room_limit, dark)

    def overview(self, dark: Callable[[], bool] = _at_once) -> Captured:
        """As :meth:`capture`, but from farther away: the cup keeps no room out, so any room will do.

        The ring light is weak there, so the automatic exposes, and the colours are not the calibrated ones: the
        picture shows where a lesion lies, not what it is.
        """
        return self._run(None, ANY_ROOM, dark)

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        """Camera and light for the calibration alone; no photograph and no live view meanwhile.

        Raises :class:`StationBusy`.
        """
        with _held(self._capture_lock, 0), _held(self._camera_lock, self._frames.timeout_s):
            self._shine_off()
            yield Bench(self._frames, self._light)

    def cancel(self) -> None:
        """End the capture under way before its next frame; it raises :class:`CaptureCancelled`."""
        self._cancelled.set()

    def on_button(self, action: Callable[[], None]) -> None:
        """Call ``action`` on another thread for each press of the button; replaces an earlier action.

        A press during a capture does nothing, unless it lasts: then it cancels the capture.
        """

        def pressed() -> None:
            self._pressed_while_busy = self.busy
            if not self._pressed_while_busy:
                action()

        def held() -> None:
            if self._pressed_while_busy:  # the long press that began the capture does not end it
                self.cancel()

        self._button.on_press(pressed)
        self._button.on_hold(held)

    def show(self, state: IndicatorState) -> None:
        """Show ``state`` on the indicator."""
        self._indicator.show(state)

    def close(self) -> None:
        """Close all devices, the light first; one that fails does not keep the others open."""
        if self._dimmer is not None:
            self._dimmer.cancel()
        with ExitStack() as devices:
            for device in (self._camera, self._indicator, self._button, self._light):
                devices.callback(device.close)

    def _run(self, calibration: Calibration | None, room_limit: float, dark: Callable[[], bool]) -> Captured:
        with _held(self._capture_lock, 0):
            self._cancelled.clear()  # from here on a long press counts, whatever is waited for
            with _held(self._camera_lock, self._frames.timeout_s):
                end_s = self._clock() + CAPTURE_AT_MOST_S
                self._shine_off()
                self._wait_until(dark)
                with self._stopped_by(lambda: self._go_on(end_s)):
                    return Sequence(self._frames, self._light, calibration, room_limit).run()

    def _wait_until(self, dark: Callable[[], bool]) -> None:
        """Or until the capture is cancelled, which ends it before its first frame."""
        for _ in range(round(DARK_WITHIN_S / ASKED_EVERY_S)):
            if dark() or self._cancelled.wait(ASKED_EVERY_S):
                return

    def _shine_on(self) -> None:
        """Holds the camera's lock."""
        if self._dimmer is not None:
            self._dimmer.cancel()
        if not self._light.lit:
            self._light.on()
        self._dimmer = Timer(PREVIEW_LIGHT_S, self._dim_if_left)
        self._dimmer.daemon = True
        self._dimmer.start()

    def _shine_off(self) -> None:
        """Holds the camera's lock."""
        if self._dimmer is not None:
            self._dimmer.cancel()
            self._dimmer = None
            self._light.off()

    def _dim_if_left(self) -> None:
        """The dimmer that ran out; one that was cancelled at the last moment does nothing."""
        with self._camera_lock:
            if self._dimmer is current_thread():
                self._shine_off()

    def _go_on(self, end_s: float) -> None:
        if self._cancelled.is_set():
            raise CaptureCancelled("the button was held down")
        if self._clock() > end_s:
            raise CameraTimeout(f"no photograph within {CAPTURE_AT_MOST_S} s")

    @contextmanager
    def _stopped_by(self, check: Callable[[], None]) -> Iterator[None]:
        """Run ``check``, which may raise, before each frame."""
        self._frames.before = check
        try:
            yield
        finally:
            self._frames.before = _nothing


@contextmanager
def _held(lock: Lock, wait_s: float) -> Iterator[None]:
    if not lock.acquire(timeout=wait_s):
        raise StationBusy("the camera is in use")
    try:
        yield
    finally:
        lock.release()
