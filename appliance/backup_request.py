"""Asks the system for a backup onto the stick: the kiosk itself may not mount one (dermkiosk-backup.path).

The answer is not waited for: a backup takes minutes to hours, reads itself back, and notes in the records how it went.
"""

from pathlib import Path
from typing import Final

from appliance.cases.backup import under_way
from appliance.errors import BackupUnderWay, BackupUnstartable, StickMissing

STICK: Final = Path("/dev/disk/by-label/DERMKIOSK")
"""There while a stick of that name is plugged in."""


def can_ask(bell: Path) -> bool:
    """Whether this machine starts backups when it is asked: an installed box does."""
    return bell.parent.is_dir()


def ask(bell: Path, state: Path) -> None:
    """Have a backup of ``state`` made onto the stick; ``bell`` is the file that the system watches.

    Raises :class:`BackupUnstartable`, :class:`StickMissing`, or :class:`BackupUnderWay`.
    """
    if not can_ask(bell):
        raise BackupUnstartable(f"{bell.parent} is not there")
    if not STICK.exists():
        raise StickMissing(str(STICK), path=STICK.name)
    if under_way(state):
        raise BackupUnderWay(str(state))
    try:
        bell.write_text("wanted\n", encoding="utf-8")
    except OSError as error:
        raise BackupUnstartable(str(error)) from error
