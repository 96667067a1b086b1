"""The camera gives fresh frames."""

from typing import Final

from appliance.health.result import Result
from firmware.errors import DermkioskError, StationBusy
from firmware.station import Station

ID: Final = "camera"
KEEP_S: Final = 5.0
"""Anyone on the network may ask: the camera is for the live view and captures, and a dead one takes seconds to fail."""

TOLD: Final = frozenset({"camera_timeout", "camera_stale", "camera_memory", "folder_empty"})
"""Faults with a sentence of their own: no cable is to blame for them."""


def check(station: Station) -> Result:
    """Ask for one frame of the live view; a station in the middle of a capture is well."""
    try:
        station.preview()
    except StationBusy:
        return Result(ID, ok=True)
    except DermkioskError as error:
        says = error.key if error.key in TOLD else None
        return Result(ID, ok=False, says=says, detail=f"{error.key}: {error.detail}")
    return Result(ID, ok=True)
