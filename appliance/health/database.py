"""The case store can be read."""

from appliance.cases.store import Store
from appliance.errors import StoreError
from appliance.health.result import Result


def check(store: Store) -> Result:
    """Count the waiting photographs."""
    try:
        store.waiting()
    except StoreError:
        return Result("database", ok=False)
    return Result("database", ok=True)
