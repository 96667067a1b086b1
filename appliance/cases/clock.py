"""What time it is, and whether anybody checked: the box may have neither a clock battery nor a network.

Beside the clock the box counts the seconds it has worked, its age: that only grows. Where something ends after some
hours, both are asked (:func:`has_passed`), so that a clock that jumps ends nothing at once and keeps nothing for ever.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

Clock = Literal["synced", "unverified"]

SYNCHRONISED: Final = (
    Path("/run/systemd/timesync/synchronized"),
    Path("/run/dermkiosk-clock/set"),
)
"""systemd-timesyncd makes the first once it has heard from a time server since the start, systemd/set_clock.py the
second once a person has set the clock. Both are gone after a start: the clock stood still while the box was off."""
DAY_S: Final = 86_400
AT_LEAST: Final = 10
"""By the clock alone, hours pass at most ten times as fast as the box works: a year mistyped ends little at once."""
ISO: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Moment:
    """A time in UTC with what it is worth, and the box's age then."""

    time: datetime
    clock: Clock
    age_s: int = 0

    def iso(self, hours_later: float = 0) -> str:
        """ISO 8601 in UTC, to the second: all of the same length, so that they sort as text."""
        return (self.time + timedelta(hours=hours_later)).strftime(ISO)

    @classmethod
    def read(cls, iso: str, clock: Clock, age_s: int) -> "Moment":
        """As :meth:`iso` wrote it. Raises ``ValueError``."""
        return cls(datetime.strptime(iso, ISO).replace(tzinfo=UTC), clock, age_s)


def now() -> Moment:
    """This moment; "synced" only where the system or a person says so."""
    known = any(mark.exists() for mark in SYNCHRONISED)
    return Moment(datetime.now(UTC), "synced" if known else "unverified")


def local(iso: str) -> str:
    """A moment as people read it where the box stands: ``2026-11-26 14:03``, by the system's time zone."""
    return Moment.read(iso, "unverified", 0).time.astimezone().strftime("%Y-%m-%d %H:%M")


def whole_days(since: Moment, until: Moment) -> int:
    """How many days went by, by whichever of the two that :func:`has_passed` asks counted more."""
    worked = (until.age_s - since.age_s) // DAY_S
    verified = since.clock == until.clock == "synced"
    return max(worked, (until.time - since.time).days) if verified else worked


def begins(day: str, days_later: int = 0) -> str:
    """When a day, YYYY-MM-DD where the box stands, begins: as :meth:`Moment.iso` writes it.

    Raises ``ValueError`` or ``OverflowError`` where there is no such day.
    """
    midnight = datetime.strptime(day, "%Y-%m-%d") + timedelta(days=days_later)  # noqa: DTZ007  # the system's own zone
    return midnight.astimezone(UTC).strftime(ISO)


def has_passed(hours: float, since: Moment, until: Moment) -> bool:
    """Whether ``hours`` are over: by the box's age; or by the clock, where it was verified then and is now.

    While the box is off its age stands still, and only a verified clock knows that time goes by. :data:`AT_LEAST`
    keeps a clock that was set wrong from ending what has just begun.
    """
    worked_s, hours_s = until.age_s - since.age_s, hours * 3600
    verified = since.clock == until.clock == "synced"
    by_clock = verified and until.time - since.time >= timedelta(hours=hours)
    return worked_s >= hours_s or (by_clock and worked_s * AT_LEAST >= hours_s)
