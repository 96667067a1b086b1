"""How figures are written, and what each means in a sentence, for the card and the report alike."""

from typing import Any, Final

from training.evaluation.metrics import FIGURES
from training.evaluation.metrics import melanomas as named_melanoma

WORDS: Final = {name: str(figure.__doc__).split("\n", maxsplit=1)[0] for name, figure in FIGURES.items()}
"""The first sentence of a figure's own docstring says what it counts: there is no second wording to go stale."""


def number(value: float | None) -> str:
    """Three decimals, or a dash where there is nothing to count."""
    return "–" if value is None else f"{value:.3f}"


def two(value: float | None) -> str:
    """Two decimals, or a dash."""
    return "–" if value is None else f"{value:.2f}"


def signed(value: float | None) -> str:
    """Three decimals with a sign, or a dash."""
    return "–" if value is None else f"{value:+.3f}".replace("-", "−")


def percent(value: float | None) -> str:
    """Whole percent, or a dash."""
    return "–" if value is None else f"{value:.0%}"


def between(ends: list[float] | None) -> str:
    """An interval, or a dash where there are too few groups for one."""
    return "–" if ends is None else f"{ends[0]:.2f} – {ends[1]:.2f}"


def between_three(ends: list[float] | None) -> str:
    """An interval of a small number, or a dash."""
    return "–" if ends is None else f"{ends[0]:.3f} – {ends[1]:.3f}"


def change(ends: list[float] | None) -> str:
    """An interval of a difference."""
    return "–" if ends is None else f"{signed(ends[0])} … {signed(ends[1])}"


def with_interval(entry: dict[str, Any], network: str = "int8") -> str:
    """``0.74 (0.66 – 0.82)``."""
    value = entry.get(network)
    return "–" if value is None else f"{value:.2f} ({between(entry[f'{network}_95'])})"


def plain(name: str) -> str:
    """A condition's name without underscores."""
    return name.replace("_", " ")


def melanomas(by_condition: dict[str, Any]) -> int:
    """How many photographs show a melanoma, by whichever of its names."""
    found = zip(named_melanoma(by_condition), by_condition.values(), strict=True)
    return sum(int(each["photographs"]) for is_one, each in found if is_one)


FILTERS: Final = {
    "number": number,
    "two": two,
    "signed": signed,
    "percent": percent,
    "between": between,
    "between_three": between_three,
    "change": change,
    "with_interval": with_interval,
    "plain": plain,
    "melanomas": melanomas,
}
