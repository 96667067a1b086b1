"""What a check says."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """``message`` is a message key: ``health.<id>.ok`` or ``health.<id>.fault``, or ``health.<id>.<says>``."""

    id: str
    ok: bool
    says: str | None = None
    """Where a check has more than two answers."""
    reading: str | None = None
    """Message key of what was measured, with its unit in the reader's language (``reading.<id>``)."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What that message is filled with."""
    notice: bool = False
    """The pages of kiosk and staff say it by themselves."""
    detail: str = field(default="", compare=False)
    """What the device itself said, for the log."""

    @property
    def message(self) -> str:
        """Key of the sentence, remedy included."""
        return f"health.{self.id}.{self.says or ('ok' if self.ok else 'fault')}"
