"""What a grade means in this clinic: which level of care, and within how long."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from appliance.cases.database import Database
from appliance.request_errors import PathwayInvalid
from appliance.vision.assessment import Grade

Level = Literal["self_care", "clinic", "county", "city"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""From the nearest to the highest."""


@dataclass(frozen=True)
class Step:
    """Within ``days`` at a place of ``level``; 0 is today, ``None`` no hurry. Self-care: look again after ``days``."""

    grade: Grade
    level: Level
    days: int | None


DEFAULTS: Final = (Step("low", "self_care", 28), Step("refer", "county", 14), Step("urgent", "county", 0))
"""What the database begins with."""
LONGEST: Final[dict[Grade, int]] = {"low": 365, "refer": 30, "urgent": 2}
"""Days that a clinic may allow at most: a tired click must not turn "today" into "next month"."""


class Pathway:
    """The steps, kept in the database. Each method raises a StoreError where that fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def steps(self) -> tuple[Step, ...]:
        """One for each grade, from low to urgent."""
        return tuple(self.step(each.grade) for each in DEFAULTS)

    def step(self, grade: Grade) -> Step:
        """What this grade means."""
        row = self._database.rows("SELECT grade, level, days FROM pathway WHERE grade = ?", grade)[0]
        return Step(*row)

    def change(self, steps: tuple[Step, ...]) -> None:
        """Keep all of ``steps``, or none. Raises :class:`PathwayInvalid`."""
        for step in steps:
            check(step)
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE pathway SET level = ?, days = ? WHERE grade = ?",
                [(step.level, step.days, step.grade) for step in steps],
            )


def check(step: Step) -> None:
    """Raises :class:`PathwayInvalid` where a step would leave somebody who needs a doctor without one."""
    longest = LONGEST[step.grade]
    needs_doctor = step.grade != "low"
    too_long = step.days is None or not 0 <= step.days <= longest
    if too_long and (needs_doctor or step.days is not None):
        raise PathwayInvalid(f"{step}", grade=step.grade, longest=longest)
    if step.level not in LEVELS or (needs_doctor and step.level == "self_care"):
        raise PathwayInvalid(f"{step}", grade=step.grade, longest=longest)
