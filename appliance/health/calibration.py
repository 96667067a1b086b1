"""The colours are calibrated, and have not drifted since."""

from typing import Final

from appliance.calibrate import state
from appliance.health.result import Result
from appliance.settings import Settings
from firmware.errors import CalibrationDamaged
from firmware.station import Station

ALARMS: Final = frozenset({"foreign", "drifted", "old"})
"""A box that was never calibrated works, and says so in each result; one that says it is and is not must be seen to."""


def check(settings: Settings, station: Station) -> Result:
    """Look at the stored calibration and its last self-check (``dermkiosk calibrate --check``, or the kiosk's page)."""
    if station.hardware_id is None:
        return Result("calibration", ok=True, says="impossible")
    try:
        condition = state(settings, station.hardware_id)
    except CalibrationDamaged:
        return Result("calibration", ok=False, says="damaged")
    return Result("calibration", ok=condition not in ALARMS, says=condition)
