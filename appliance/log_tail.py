"""The program's last log lines, kept in memory for the support file, told without what they were about.

A line is what our own source says, the literal with its places, filled with numbers and with words that the program
itself made up: names of routes, keys of errors. Every other text is left out, whatever it is: nobody needs to tell a
patient's name from a file's. Of an exception the line has its type and where it was raised, never its message.
"""

import logging
import traceback
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from firmware.errors import DermkioskError

MOST: Final = 2000
OURS: Final = ("appliance", "firmware")
HIDDEN: Final = "…"


class LogTail(logging.Handler):
    """The newest :data:`MOST` lines. ``known`` are the words that may be shown."""

    def __init__(self, known: Iterable[str] = (), most: int = MOST) -> None:
        super().__init__(logging.INFO)
        self._known = frozenset(known)
        self._kept: deque[str] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; the record itself is forgotten."""
        when = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._kept.append(f"{when} {record.levelname} {record.name}:{record.lineno} {self._said(record)}")
        self._kept.extend(_raised(record))

    def text(self) -> str:
        """All lines, oldest first."""
        return "".join(f"{line}\n" for line in list(self._kept))

    def _said(self, record: logging.LogRecord) -> str:
        if record.name.partition(".")[0] not in OURS or not isinstance(record.msg, str):
            return HIDDEN
        if not isinstance(record.args, tuple) or not record.args:
            return record.msg
        try:
            return record.msg % tuple(self._shown(each) for each in record.args)
        except (TypeError, ValueError):  # a place for a number got something else
            return record.msg

    def _shown(self, value: object) -> object:
        if isinstance(value, int | float):
            return value
        if isinstance(value, BaseException):
            return _named(value)
        return value if isinstance(value, str) and value in self._known else HIDDEN


def error_keys(kind: type[DermkioskError] = DermkioskError) -> set[str]:
    """The keys of an error and all its kinds."""
    return {kind.key}.union(*(error_keys(each) for each in kind.__subclasses__()))


def _raised(record: logging.LogRecord) -> list[str]:
    """Type and places of an exception, the innermost last."""
    if not record.exc_info or record.exc_info[1] is None:
        return []
    _, error, trace = record.exc_info
    places = (f"    {Path(each.filename).name}:{each.lineno} {each.name}" for each in traceback.extract_tb(trace))
    return [*places, f"  {_named(error)}"]


def _named(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name}[{error.key}]" if isinstance(error, DermkioskError) else name
