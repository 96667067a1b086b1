"""How much there is and how long it takes: numbers for a technician, nothing of a patient."""

import json
import re
from collections.abc import Mapping
from typing import Final

from appliance.cases.database import Database

NEWEST: Final = 200
STEP: Final = re.compile("[a-z_]{1,24}")


class Counts:
    """Counts in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_state(self) -> dict[str, int]:
        """How many cases there are by outcome, how many wait, and how many took more than one attempt."""
        rows = self._database.rows(
            "SELECT coalesce(outcome, state), count(*) FROM cases LEFT JOIN summaries ON case_number = number"
            " WHERE view = 'close_up' GROUP BY 1 ORDER BY 1"
        )
        retried: int = self._database.value("SELECT count(*) FROM cases WHERE attempts > 1")
        deleted: int = self._database.value("SELECT count(*) FROM deletions")
        return {**dict(map(tuple, rows)), "retried": retried, "deleted": deleted}

    def timings_ms(self) -> dict[str, list[float]]:
        """How long each step of the newest answers took, in milliseconds, newest first."""
        query = "SELECT json_extract(document, '$.timing_ms') FROM answers ORDER BY case_number DESC LIMIT ?"
        found: dict[str, list[float]] = {}
        for (text,) in self._database.rows(query, NEWEST):
            for step, spent in _steps(json.loads(text or "{}")).items():
                found.setdefault(step, []).append(spent)
        return found


def _steps(timing: Mapping[str, object]) -> dict[str, float]:
    return {step: float(ms) for step, ms in timing.items() if STEP.fullmatch(step) and isinstance(ms, int | float)}
