"""A camera that comes back: what failed is opened again, not too often, and what hangs is given up.

Nothing here waits. Whoever asks too early gets the last error again, so the live view keeps its pace
and says what is wrong; the next one who asks in time opens the camera anew.
"""

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from firmware.calls import DriverCalls
from firmware.devices import Camera, CaptureSettings, ClosedOnExit, Frame
from firmware.errors import CameraError, CameraTimeout, CameraUnplugged

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
HUNG_S: Final = 15.0
"""A driver that has not returned for so long after it was given up never will."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class RecoveringCamera(ClosedOnExit):
    """Any camera, opened again after it was unplugged: after 1 s, then 2, 4 … 30 s at most between the attempts.

    Its calls come from one thread at a time (the station sees to it); :attr:`hung` and :attr:`lost` from any.
    """

    def __init__(
        self, open_camera: Callable[[DriverCalls], Camera], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Open it for the first time; raises what ``open_camera`` raises. ``clock``: seconds, differences count.

        ``open_camera`` gets the same calls each time: while one of them hangs, nothing is opened beside it.
        """
        self._open = open_camera
        self._calls = DriverCalls()
        self._clock = clock
        self._pause_s = FIRST_PAUSE_S
        self._next_try_s = clock()
        self._hung_since_s: float | None = None
        self._error: CameraError | None = None
        self._closed = False
        self._camera = open_camera(self._calls)
        self.name = self._camera.name
        self.simulated = self._camera.simulated
        self.hardware_id = self._camera.hardware_id

    @property
    def device(self) -> Camera:
        """The camera itself, as it is open now."""
        return self._camera

    @property
    def stuck(self) -> bool:
        """True while a call that was given up has not returned; the one that opens it again is one."""
        return self._calls.stuck or self._camera.stuck

    @property
    def hung(self) -> bool:
        """True when the driver has been stuck for :data:`HUNG_S`: only a new start of the program helps."""
        since = self._hung_since_s
        return since is not None and self.stuck and self._clock() - since >= HUNG_S

    @property
    def lost(self) -> bool:
        """True while it is unplugged: the next call may open it again, which takes longer than a frame."""
        return self._error is not None

    def preview(self, timeout_s: float) -> Frame:
        """A fresh, smaller frame."""
        return self._called(lambda camera: camera.preview(timeout_s))

    def capture(self, timeout_s: float) -> Frame:
        """A fresh frame at full resolution."""
        return self._called(lambda camera: camera.capture(timeout_s))

    def lock(self, settings: CaptureSettings | None, timeout_s: float) -> None:
        """Fix the settings, or let the camera choose again."""
        self._called(lambda camera: camera.lock(settings, timeout_s))

    def focus(self, timeout_s: float) -> float | None:
        """Focus once and keep it."""
        return self._called(lambda camera: camera.focus(timeout_s))

    def close(self) -> None:
        """Close it, and open it no more."""
        self._closed = True
        self._camera.close()

    def _called(self, call: Callable[[Camera], T]) -> T:
        if self._error is not None:
            self._reopen(self._error)
        try:
            answer = call(self._camera)
        except CameraUnplugged as error:
            self._lose(error)
            raise
        except CameraTimeout:
            self._hang()
            raise
        self._pause_s = FIRST_PAUSE_S
        self._hung_since_s = None
        return answer

    def _hang(self) -> None:
        """From now on, or from when it began."""
        self._hung_since_s = self._clock() if self._hung_since_s is None else self._hung_since_s

    def _lose(self, error: CameraError) -> None:
        if self._closed:
            return
        log.warning("the camera is lost (%s); it is opened again in %g s", error, self._pause_s)
        self._error = error
        self._next_try_s = self._clock() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _reopen(self, last: CameraError) -> None:
        """Raises ``last`` again where it is too early, or what the attempt ends in."""
        if self._closed or self._clock() < self._next_try_s:
            raise type(last)(last.detail, **last.values)
        self._camera.close()
        try:
            self._camera = self._open(self._calls)
        except CameraError as error:
            if isinstance(error, CameraTimeout):
                self._hang()
            self._lose(error)
            raise
        self._error = None
        log.info("the camera is there again")
