"""What to do next, how soon and where: a grade, read with this clinic's pathway and referral directory."""

from dataclasses import dataclass
from typing import Final

from appliance.cases.directory import Place, nearest
from appliance.cases.pathway import Level, Step
from appliance.cases.store import Store
from appliance.vision.assessment import Grade

WEEK_DAYS: Final = 7


@dataclass(frozen=True)
class NextStep:
    """``place`` is where to go; ``None``: stay at home, or the directory has none."""

    step: Step
    place: Place | None

    @property
    def level(self) -> Level:
        """Level of care; message key ``level.<level>``."""
        return self.step.level

    @property
    def soon(self) -> tuple[str, int]:
        """Message key of how soon, and the count it takes."""
        return how_soon(self.step)


def next_step(store: Store, grade: Grade) -> NextStep:
    """What ``grade`` means here and now. Raises a :class:`appliance.errors.StoreError`."""
    step = store.pathway.step(grade)
    return NextStep(step, nearest(store.directory.places(), step.level))


def how_soon(step: Step) -> tuple[str, int]:
    """Message key and count: whole weeks are said as weeks."""
    kind = "back" if step.level == "self_care" else "soon"
    if step.days is None:
        return f"{kind}.any", 0
    if step.days < 2:
        return f"{kind}.{'tomorrow' if step.days else 'today'}", step.days
    weeks, rest = divmod(step.days, WEEK_DAYS)
    if rest or not weeks:
        return f"{kind}.days", step.days
    return (f"{kind}.week", 1) if weeks == 1 else (f"{kind}.weeks", weeks)
