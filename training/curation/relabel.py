"""A collection's own names of conditions as the eight classes and ``other``."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from appliance.vision.classes import CLASSES
from training.class_names import CARDS
from training.curation.collections.record import Record, spelled
from training.dataset import OTHER
from training.errors import StepRefused

KNOWN: Final = (*CLASSES, OTHER)
REST: Final = "*"
"""Stands for every name that is not given."""
CHINESE: Final[Mapping[str, str]] = {spelled(card["zh"]): name for name, card in CARDS.items()}
"""The eight's Chinese names as labels; their English ones are spelled like the ids."""


def relabelled(records: Iterable[Record], labels: Mapping[str, str], *, only_known: bool = False) -> list[Record]:
    """The records with ``labels`` (the collection's name → one of :data:`KNOWN`); their conditions stay what they are.

    How a name is spelled does not matter (``Lichen Planus``, lichen_planus), and the eight's Chinese names are known;
    ``*`` stands for all that are not named. Raises ``StepRefused`` for a label that is none of the known ones, one name
    with two labels, a name that no photograph has, and with ``only_known``, or where any label is given, a photograph
    that is left with another label.
    """
    if strange := sorted(set(labels.values()) - set(KNOWN)):
        raise StepRefused(f"a label is one of {', '.join(KNOWN)}, not {', '.join(strange)}")
    given = _by_spelling(labels)
    read = [replace(record, label=CHINESE.get(record.label, record.label)) for record in records]
    if absent := sorted(set(given) - {name for record in read for name in _names(record)}):
        there = sorted({record.condition for record in read})
        raise StepRefused(f"no photograph is called {', '.join(absent)}; there are {', '.join(there)}")
    told = [_with(record, given, labels.get(REST)) for record in read]
    if (only_known or labels) and (left := sorted({each.condition for each in told if each.label not in KNOWN})):
        raise StepRefused(
            f"which of the eight these are, or {OTHER!r}, nobody said: {', '.join(left)}. Say it by curate --label "
            f"'{left[0]}=other', or in the configuration's [curate] labels; '*=other' stands for all the rest"
        )
    return told


def _by_spelling(labels: Mapping[str, str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, label in labels.items():
        if name != REST and given.setdefault(spelled(name), label) != label:
            raise StepRefused(f"{name} is said to be {given[spelled(name)]} and {label}: which is it?")
    return given


def _with(record: Record, given: Mapping[str, str], rest: str | None) -> Record:
    named = next((given[name] for name in _names(record) if name in given), None)
    label = named or (record.label if record.label in KNOWN else rest or record.label)
    return replace(record, label=label)


def _names(record: Record) -> tuple[str, str]:
    return spelled(record.condition), record.label
