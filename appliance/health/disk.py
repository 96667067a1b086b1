"""There is room for photographs."""

from pathlib import Path
from typing import Final

import psutil

from appliance.health.result import Result

RESERVE_BYTES: Final = 200 * 2**20
"""Some thirty photographs, and room for the database to work."""


def check(folder: Path) -> Result:
    """Compare the free space of the state folder's disk."""
    return Result("disk", ok=psutil.disk_usage(str(folder)).free >= RESERVE_BYTES)
