"""The worker comes round: nothing waits behind a photograph that never ends."""

from typing import Final

from appliance.cases.worker import Worker
from appliance.health.result import Result

LIMIT_S: Final = 60.0
"""One photograph takes under a second on a Pi 4; a minute means stuck."""


def check(worker: Worker) -> Result:
    """Compare the age of the last heartbeat."""
    return Result("worker", ok=worker.heartbeat_age_s() < LIMIT_S)
