"""Leads from the terminal to the calibration at the kiosk: what to lay down at each step that is due, and its page."""

from collections.abc import Iterator
from typing import Final, Literal

from appliance.calibrate import CardName, card_of
from appliance.messages import Language, text
from appliance.settings import Settings
from firmware.calibration import STEPS, Condition, load

CUP: Final = ("     ╭─────╮     ", "     │     │     ", "      ╲   ╱      ", "       ╲ ╱   ▼   ")
DRAWINGS: Final[dict[CardName, tuple[str, ...]]] = {
    "grey": (*CUP, " ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ "),
    "card": (
        *CUP,
        "┌───────────────┐",
        "│■  ▪ ▪ ▪ ▪ ▪ ▪■│",
        "│   ▪ ▪ ▪ ▪ ▪ ▪ │",
        "│■  ▪ ▪ ▪ ▪ ▪ ▪■│",
        "└───────────────┘",
    ),
}
"""The camera's cup over the card that a step looks at; the pages at the kiosk have the same picture in colour."""
CHECK: Final = "check"
LOOK: Final = frozenset({"drifted", "check_due"})
"""What a look at the card, after cleaning, may put right."""
BEGIN: Final = frozenset({"missing", "foreign", "old", "damaged"})


def lines(settings: Settings, condition: Condition | Literal["damaged"], language: Language) -> Iterator[str]:
    """What to do, as lines of text; none where nothing is due. ``condition``: of the calibration, or ``damaged``."""
    places = _due(settings, condition)
    before: CardName | None = None
    for place in places:
        card = _card(place)
        number = "" if place == CHECK else f"{STEPS.index(place) + 1}/{len(STEPS)} "
        yield f"  {number}{text(language, f'staff.step.{place}')}: {text(language, f'staff.lay.{card}')}"
        yield f"    {_address(settings, place, language)}"
        if card != before:
            yield from (f"      {row}" for row in DRAWINGS[card])
        before = card
    if places:
        yield f"  {text(language, 'staff.dark')}"
        yield f"  {text(language, 'calibration.lead')}"


def _due(settings: Settings, condition: Condition | Literal["damaged"]) -> list[str]:
    """The pages that lead through what is due, in their order."""
    if condition in LOOK:
        return [CHECK]
    if condition in BEGIN:
        return list(STEPS)
    kept = load(settings.calibration_file) if condition == "incomplete" else None
    return [] if kept is None else [name for name in STEPS if name not in kept.steps]


def _card(place: str) -> CardName:
    return next((card_of(name) for name in STEPS if name == place), "card")


def _address(settings: Settings, place: str, language: Language) -> str:
    return f"http://127.0.0.1:{settings.kiosk_port}/kiosk/calibration/{place}?language={language}"
