"""What the model is known to get wrong, read off the figures, so that no one has to remember to write it down."""

from typing import Any, Final

from appliance.vision.classes import CLASSES

FEWEST: Final = 3
"""A confusion of fewer photographs than this is an anecdote."""
SHARE: Final = 0.1
FEWEST_IN_A_PART: Final = 15
BELOW_POOLED: Final = 0.1
"""A source or skin tone this far below the pooled top-1 is named."""
SEEN: Final = 0.9
"""Share of a condition outside the eight that should be sent to a doctor."""
HARMLESS: Final = ("normal_skin", "seborrheic_keratosis")

Report = dict[str, Any]


def failures(report: Report) -> Report:
    """Confusions, weak sources and tones, and conditions outside the eight that are told a low grade too often."""
    return {
        "confusions": confusions(report["confusion"]["int8"]),
        "weak_parts": weak_parts(report),
        "missed_conditions": missed(report["by_condition"]),
    }


def confusions(table: list[list[int]]) -> list[Report]:
    """Cells off the diagonal with at least 3 photographs and a tenth of their class, the largest share first."""
    found = [
        {"class": CLASSES[row], "called": CLASSES[column], "photographs": count, "of": sum(table[row])}
        for row in range(len(CLASSES))
        for column, count in enumerate(table[row])
        if row != column and count >= FEWEST and count >= SHARE * sum(table[row])
    ]
    return sorted(found, key=lambda each: -each["photographs"] / each["of"])


def weak_parts(report: Report) -> list[Report]:
    """Sources and skin tones with at least 15 photographs of the eight where top-1 is 0.1 or more below pooled."""
    pooled = report["figures"]["top-1"]["int8"]
    parts = [(name, each) for kind in ("by_source", "by_tone") for name, each in report[kind].items()]
    found = [
        {"part": name, "photographs": each["eight"], "groups": each["groups"], "top-1": each["figures"]["top-1"]}
        for name, each in parts
        if each["eight"] >= FEWEST_IN_A_PART and each["figures"]["top-1"]["int8"] <= pooled - BELOW_POOLED
    ]
    return sorted(found, key=lambda each: each["top-1"]["int8"])


def missed(by_condition: Report) -> list[Report]:
    """Conditions with at least 3 photographs of which fewer than 90 % are sent to a doctor, the worst first."""
    found = [
        {
            "condition": name,
            "photographs": each["photographs"],
            "sent": each["sent to a doctor"],
            "harmless": sum(each["called"].get(one, 0) for one in HARMLESS),
        }
        for name, each in by_condition.items()
        if each["photographs"] >= FEWEST and each.get("sent to a doctor", 1) < SEEN
    ]
    return sorted(found, key=lambda each: each["sent"])
