"""The Raspberry Pi's camera module, through picamera2 and libcamera from the system's packages."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from PIL import Image

from firmware.calls import DriverCalls
from firmware.devices import CaptureSettings, ClosedOnExit, Frame, Pixels
from firmware.errors import CameraError, CameraMissing, CameraTimeout, CameraUnplugged, DermkioskError, Unfocused

SIZE: Final = (1536, 1152)
PREVIEW_DIVISOR: Final = 2
DRIVER_ERRORS: Final = (RuntimeError, OSError)  # TimeoutError is an OSError
"""What picamera2 and libcamera raise when the camera does not answer as it did."""
OPEN_TIMEOUT_S: Final = 20.0
CLOSE_TIMEOUT_S: Final = 5.0
SHORTEST_FRAME_US: Final = 33_333
SERIAL: Final = Path("/sys/firmware/devicetree/base/serial-number")
"""The board's: camera modules have none of their own, and a ring light belongs to its box."""
AUTOMATIC: Final = {"AeEnable": True, "AwbEnable": True, "FrameDurationLimits": (SHORTEST_FRAME_US, 100_000)}
FOCUS_FRAMES: Final = 90
"""Three seconds: a scan of the whole macro range takes one."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class PiCamera(ClosedOnExit):
    """One running stream of full frames; a preview is a frame made smaller."""

    name = "picamera2"
    simulated = False

    def __init__(self, calls: DriverCalls | None = None) -> None:
        """Open and start the first camera. Raises :class:`CameraMissing`, :class:`CameraError`.

        ``calls``: of whoever opens it again and again; while one of an earlier opening hangs, :class:`CameraTimeout`.
        """
        self._calls = DriverCalls() if calls is None else calls
        self._camera: Any = self._calls.within(OPEN_TIMEOUT_S, _start, too_late=_release)
        self.hardware_id: str | None = _hardware_id(self._camera)

    @property
    def stuck(self) -> bool:
        """True while a call that was given up has not returned."""
        return self._calls.stuck

    def preview(self, timeout_s: float) -> Frame:
        """A fresh frame, 768×576. Raises :class:`CameraError`."""
        frame = self.capture(timeout_s)
        return replace(frame, pixels=_smaller(frame.pixels))

    def capture(self, timeout_s: float) -> Frame:
        """A frame whose exposure began after the call, 1536×1152. Raises :class:`CameraError`."""
        return self._calls.within(timeout_s, self._take)

    def lock(self, settings: CaptureSettings | None, timeout_s: float) -> None:
        """Fix exposure, gain and colour gains, or let libcamera choose again. Raises :class:`CameraError`."""
        controls = AUTOMATIC if settings is None else _controls(settings)
        self._calls.within(timeout_s, lambda: self._driven(lambda camera: camera.set_controls(controls)))

    def focus(self, timeout_s: float) -> float | None:
        """Scan the macro range once and stay there, dioptres. Raises :class:`Unfocused`, :class:`CameraError`."""
        return self._calls.within(timeout_s, lambda: self._driven(_focus_once))

    def close(self) -> None:
        """Stop and release the camera; one that does not answer any more is left to the process's end."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        try:
            self._calls.within(CLOSE_TIMEOUT_S, lambda: _release(camera))
        except CameraTimeout:  # nothing more can be done for it, and the other devices must be closed too
            log.exception("the camera could not be closed in time")

    def _take(self) -> Frame:
        def take(camera: Any) -> Frame:
            with camera.captured_request(flush=True) as request:
                return _frame(request.make_array("main"), request.get_metadata())

        return self._driven(take)

    def _driven(self, action: Callable[[Any], T]) -> T:
        """What ``action`` makes of the driver, its errors in our words."""
        if self._camera is None:
            raise CameraUnplugged("the camera was closed")
        try:
            return action(self._camera)
        except (DermkioskError, MemoryError):  # MemoryError has its own name in firmware.calls
            raise
        except DRIVER_ERRORS as error:  # the camera did start, so it went away
            raise CameraUnplugged(_said(error)) from error
        except Exception as error:  # no fault of the cable's: a camera that tells too little, or a defect
            raise CameraError(_said(error)) from error


def _start() -> Any:
    picamera2 = _driver()
    try:
        camera = picamera2()
    except Exception as error:  # RuntimeError where another program holds it, but libcamera raises what it likes
        raise CameraError(_said(error)) from error
    try:
        # picamera2 names formats as libcamera does, backwards: BGR888 is an array of R, G, B
        camera.configure(camera.create_preview_configuration(main={"size": SIZE, "format": "BGR888"}))
        _focus_near(camera)
        camera.start()
    except Exception as error:  # whatever it was, the next program must find the camera free
        _release(camera)
        raise CameraError(_said(error)) from error
    return camera


def _driver() -> Any:
    """The class that drives the cameras, of which there is at least one."""
    try:
        from picamera2 import Picamera2  # a system package that exists on a Raspberry Pi alone
    except (ImportError, ValueError) as error:  # ValueError: it was built for another numpy
        raise CameraMissing(f"picamera2 cannot be loaded: {error}") from error
    if not Picamera2.global_camera_info():
        raise CameraMissing("libcamera finds no camera")
    return Picamera2


def _focus_near(camera: Any) -> None:
    """Follow what is near in the live view, where the module can; others keep the focus their lens was turned to."""
    if "AfMode" not in camera.camera_controls:
        return
    from libcamera import controls  # comes with picamera2

    camera.set_controls({"AfMode": controls.AfModeEnum.Continuous, "AfRange": controls.AfRangeEnum.Macro})


def _focus_once(camera: Any) -> float | None:
    """One scan, then the lens stays where it was sharpest."""
    if "AfMode" not in camera.camera_controls:
        return None
    from libcamera import controls

    state = controls.AfStateEnum
    camera.set_controls(
        {
            "AfMode": controls.AfModeEnum.Auto,
            "AfRange": controls.AfRangeEnum.Macro,
            "AfTrigger": controls.AfTriggerEnum.Start,
        }
    )
    scanning = False
    for _ in range(FOCUS_FRAMES):
        metadata = camera.capture_metadata()
        scanning = scanning or metadata["AfState"] == state.Scanning
        if scanning and metadata["AfState"] in (state.Focused, state.Failed):
            return _keep_focus(camera, metadata, sharp=metadata["AfState"] == state.Focused)
    raise Unfocused("the focus found no end")


def _keep_focus(camera: Any, metadata: dict[str, Any], sharp: bool) -> float:
    from libcamera import controls

    if not sharp:
        raise Unfocused("the lens found nothing to focus on")
    position = float(metadata["LensPosition"])
    camera.set_controls({"AfMode": controls.AfModeEnum.Manual, "LensPosition": position})
    return position


def _controls(settings: CaptureSettings) -> dict[str, object]:
    """In libcamera's names; a frame must be allowed to last as long as its exposure."""
    frame_us = max(SHORTEST_FRAME_US, round(settings.exposure_us) + 1000)
    return {
        "AeEnable": False,
        "AwbEnable": False,
        "ExposureTime": round(settings.exposure_us),
        "AnalogueGain": settings.analogue_gain,
        "ColourGains": settings.colour_gains,
        "FrameDurationLimits": (frame_us, frame_us),
    }


def _hardware_id(camera: Any) -> str:
    """Module and board."""
    board = SERIAL.read_text().strip("\0\n") if SERIAL.is_file() else "unknown board"
    return f"{camera.camera_properties.get('Model', 'unknown module')} {board}"


def _release(camera: Any) -> None:
    try:
        camera.close()
    except Exception:  # nothing more can be done for it, and what led here must not be hidden
        log.exception("the camera could not be closed")


def _said(error: Exception) -> str:
    """Its name too: a KeyError's text is a bare word, a MemoryError has none."""
    return f"{type(error).__name__}: {error}"


def _frame(pixels: Pixels, metadata: dict[str, Any]) -> Frame:
    """``SensorTimestamp`` (ns) grows with each picture of the sensor, so it tells stale frames too."""
    red, blue = metadata["ColourGains"]
    return Frame(
        pixels=pixels,
        sequence=int(metadata["SensorTimestamp"]),
        exposure_us=float(metadata["ExposureTime"]),
        analogue_gain=float(metadata["AnalogueGain"]),
        colour_gains=(float(red), float(blue)),
        lens_position=None if (lens := metadata.get("LensPosition")) is None else float(lens),
    )


def _smaller(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).reduce(PREVIEW_DIVISOR))
