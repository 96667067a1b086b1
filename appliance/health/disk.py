"""There is room for photographs."""

from pathlib import Path
from typing import Final

import psutil

from appliance.cases.photos import RESERVE_BYTES as NO_PHOTOGRAPHS_BYTES
from appliance.health.result import Result

RESERVE_BYTES: Final = 200 * 2**20
"""Some thirty photographs, and room for the database to work."""
WARN_PERCENT: Final = 80
PHOTOGRAPH_BYTES: Final = 8 * 2**20
"""A large one: with less than this above what photographs may not take, no more is accepted."""


def check(folder: Path) -> Result:
    """Compare the state folder's disk with its limits; more than :data:`WARN_PERCENT` used is said and is no fault."""
    usage = psutil.disk_usage(str(folder))
    full = usage.free < NO_PHOTOGRAPHS_BYTES + PHOTOGRAPH_BYTES
    low = usage.free < RESERVE_BYTES
    filling = usage.percent >= WARN_PERCENT
    says = "full" if full else "fault" if low else "filling" if filling else None
    return Result("disk", not low, says, "reading.used", {"percent": f"{usage.percent:.0f}"}, says is not None)
