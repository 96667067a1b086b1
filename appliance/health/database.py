"""The case store can be read and written."""

from typing import Final

from appliance.cases.store import Store
from appliance.errors import StoreError
from appliance.health.result import Result

KEEP_S: Final = 10.0
"""Anyone on the network may ask: not each question shall cost a write on the memory card."""


def check(store: Store) -> Result:
    """Count the waiting photographs, and put something tiny on the disk: a read-only or full one can still be read."""
    try:
        store.waiting()
        store.prove_writable()
    except StoreError as error:
        return Result("database", ok=False, detail=f"{error.key}: {error.detail}")
    return Result("database", ok=True)
