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


class FolderEmpty(CameraError):
    """The folder that stands in for a camera is missing, or holds no photograph."""

    key = "folder_empty"
    status = 500


class GpioMissing(HardwareError):
    """The pins of the box cannot be used: not a Raspberry Pi, no permission, or a pin that is taken."""

    key = "gpio_missing"


class LightError(HardwareError):
    """The ring light could not be switched on."""

    key = "light_fault"
