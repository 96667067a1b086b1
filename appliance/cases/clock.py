"""What time it is, and whether anybody checked: the box may have neither a clock battery nor a network."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

Clock = Literal["synced", "unverified"]

SYNCHRONISED: Final = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes this file once it has heard from a time server since the start."""


@dataclass(frozen=True)
class Moment:
    """A time in UTC with what it is worth."""

    time: datetime
    clock: Clock

    def iso(self, hours_later: float = 0) -> str:
        """ISO 8601 in UTC, to the second: all of the same length, so that they sort as text."""
        return (self.time + timedelta(hours=hours_later)).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> Moment:
    """This moment; "synced" only where the system says so."""
    return Moment(datetime.now(UTC), "synced" if SYNCHRONISED.exists() else "unverified")
