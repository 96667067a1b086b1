"""What the box has is elsewhere, too."""

from typing import Final

from appliance.cases.clock import has_passed, whole_days
from appliance.cases.store import Store
from appliance.health.result import Result

KEEP_S: Final = 60.0
"""Anyone on the network may ask, and it counts all cases."""
DAYS: Final = 7
"""Older than this it is said at the kiosk, too."""


def check(store: Store) -> Result:
    """Look when the last backup was read back whole, and how many cases are in none.

    A box that was never backed up works; from the eighth day after its first case that is a fault.
    """
    lacking, last = store.ledger.not_backed_up(), store.ledger.last_backup()
    if not lacking:
        return Result("backup", ok=True, says=None if last else "nothing")
    now = store.now()
    since = last.moment if last else store.ledger.first_case() or now
    old = has_passed(24 * DAYS, since, now)
    says = ("old" if old else None) if last else "never"
    return Result("backup", not old, says, "reading.days", {"count": whole_days(since, now)}, notice=old)
