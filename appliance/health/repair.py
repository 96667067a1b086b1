"""The database was not damaged; or it was, and this is what came of it, until somebody has read that."""

from appliance.cases.store import Store
from appliance.health.result import Result


def check(store: Store) -> Result:
    """Look for a repair that nobody has acknowledged."""
    repair = store.ledger.repair()
    if repair is None:
        return Result("repair", ok=True)
    says = "missing" if repair.missing else "unlinked" if repair.unlinked else "whole"
    numbers = {"regained": repair.regained, "unlinked": repair.unlinked, "missing": repair.missing}
    return Result("repair", says == "whole", says, "reading.repair", numbers, notice=True)
