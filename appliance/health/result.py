"""What a check says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """``message`` is a message key: ``health.<id>.ok`` or ``health.<id>.fault``."""

    id: str
    ok: bool

    @property
    def message(self) -> str:
        """Key of the sentence, remedy included."""
        return f"health.{self.id}.{'ok' if self.ok else 'fault'}"
