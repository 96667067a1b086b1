"""The detail of a line of the log in the reader's words. In the database it is the same in every language."""

import re
from datetime import UTC, datetime
from typing import Final

from appliance.cases.audit import Entry
from appliance.cases.clock import ISO, local
from appliance.settings import Settings
from appliance.web.language import translate

WORDS: Final = ("kiosk", "network", "letter", "result", "zip", "kept", "picture", "clinic", "pathway")
FAILURES: Final = (
    "stick_full",
    "stick_failed",
    "stick_missing",
    "recovery_key_missing",
    "recovery_key_invalid",
    "backup_damaged",
)
"""Why a backup failed, where there is a sentence for it."""
SET: Final = re.compile(r"from (\d+) to (\d+)")
"""The clock, in seconds since 1970, UTC."""


def detail(entry: Entry) -> str:
    """What stands behind the action, empty where nothing does."""
    if clock := SET.fullmatch(entry.detail):
        return " → ".join(local(datetime.fromtimestamp(int(each), UTC).strftime(ISO)) for each in clock.groups())
    if entry.action == "backup_failed":
        return failure(entry)
    return ", ".join(_word(each) for each in entry.detail.split(", "))


def failure(entry: Entry) -> str:
    """Why a backup failed."""
    return translate(f"copies.why.{entry.detail if entry.detail in FAILURES else 'other'}")


def _word(name: str) -> str:
    if name in WORDS:
        return translate(f"audit.detail.{name}")
    return translate(f"setting.{name}") if name in Settings.model_fields else name
