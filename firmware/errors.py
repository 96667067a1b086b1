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
