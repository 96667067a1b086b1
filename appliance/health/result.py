"""What a check says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """``message`` is a message key: ``health.<id>.ok`` or ``health.<id>.fault``, or ``health.<id>.<says>``."""

    id: str
    ok: bool
    says: str | None = None
    """Where a check has more than two answers."""
    reading: str | None = None
    """A measured value with its unit, the same in every language."""

    notice: bool = False
    """The pages of kiosk and staff say it by themselves."""

    @property
    def message(self) -> str:
        """Key of the sentence, remedy included."""
        return f"health.{self.id}.{self.says or ('ok' if self.ok else 'fault')}"
