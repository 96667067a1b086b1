"""The root of the one exception tree, and the faults of the hardware.

Each class carries a stable ``key``; the sentence for the health worker and the remedy lie in the
message catalogues under ``error.<key>`` and ``error.<key>.remedy``. ``status`` is the HTTP status a
web page answers with.
"""

from typing import ClassVar


class DermkioskError(Exception):
    """An error a person will read. ``detail`` is for the log and the technician, never shown alone."""

    key: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", **values: object) -> None:
        super().__init__(detail or self.key)
        self.detail = detail
        self.values = values


class HardwareError(DermkioskError):
    """A device did not do what it was asked."""

    key = "hardware_fault"
    status = 503


class DeviceUnknown(HardwareError):
    """The settings name a device that there is no driver for."""

    key = "device_unknown"
    status = 500


class StationBusy(HardwareError):
    """A photograph is being taken."""

    key = "station_busy"


class CameraError(HardwareError):
    """The camera gave no photograph."""

    key = "camera_fault"


class CameraMissing(CameraError):
    """No camera was found, or its driver is not installed."""

    key = "camera_missing"


class CameraTimeout(CameraError):
    """The camera did not answer in time."""

    key = "camera_timeout"


class CameraStale(CameraError):
    """The camera gave the same picture again."""

    key = "camera_stale"


class CameraUnplugged(CameraError):
    """The camera was there and is gone."""

    key = "camera_unplugged"


class CameraBlack(CameraError):
    """The picture is black although the ring light was switched on."""

    key = "camera_black"


class CameraMemory(CameraError):
    """The box had no memory left for a picture."""

    key = "camera_memory"


class CameraSettingsIgnored(CameraError):
    """The camera goes on taking pictures with other settings than it was given."""

    key = "camera_settings_ignored"


class CameraHung(CameraError):
    """The camera's driver does not return any more; only a new start of the program helps."""

    key = "camera_hung"


class FolderEmpty(CameraError):
    """The folder that stands in for a camera is missing, or holds no photograph."""

    key = "folder_empty"
    status = 500


class GpioMissing(HardwareError):
    """The pins of the box cannot be used: not a Raspberry Pi, or no permission."""

    key = "gpio_missing"


class PinRefused(GpioMissing):
    """The pins of one device cannot be used. ``setting``: the settings' name for them; ``pins``: BCM numbers."""

    key = "pin_refused"


class LightError(HardwareError):
    """The ring light could not be switched on."""

    key = "light_fault"


class CaptureRefused(DermkioskError):
    """Nothing is broken, but a photograph taken now would be worth nothing, or is not wanted."""

    key = "capture_refused"
    status = 409


class RoomTooBright(CaptureRefused):
    """Too much of the light is not the ring light's."""

    key = "room_too_bright"


class Unfocused(CaptureRefused):
    """The lens found nothing to focus on."""

    key = "unfocused"


class CaptureCancelled(CaptureRefused):
    """Somebody held the button down."""

    key = "capture_cancelled"


class CalibrationError(DermkioskError):
    """A step of the calibration did not do what it must. The calibration in use stays as it was."""

    key = "calibration_fault"
    status = 409


class CalibrationUnconverged(CalibrationError):
    """A step came to no end: the light, the card or the camera does not hold still."""

    key = "calibration_unconverged"


class CardNotFound(CalibrationError):
    """The calibration card, or one of its corner marks, is not in the picture."""

    key = "card_not_found"


class CardUneven(CalibrationError):
    """The grey card is not plain: a shadow, a fold, or something lies on it."""

    key = "card_uneven"


class CalibrationDamaged(CalibrationError):
    """The stored calibration cannot be read."""

    key = "calibration_damaged"


class CalibrationImpossible(CalibrationError):
    """This camera has no settings to calibrate: a folder."""

    key = "calibration_impossible"


class ReferenceUnseen(CalibrationError):
    """The grey cap is not on the cup, so the ring cannot be checked."""

    key = "reference_unseen"


class CalibrationDrifted(CalibrationError):
    """The card does not look as it did when the box was calibrated."""

    key = "calibration_drifted"
