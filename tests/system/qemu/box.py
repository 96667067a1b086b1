"""What every box on trial can do, whether it is a machine or a container: be switched on, spoken to and cut off."""

import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

QUICK_BOOT_S = 10
"""A start in a container on an idle machine; limits are meant for that one."""
STANDSTILL_S = 1200
"""A start that says nothing on its console for so long has stopped."""


class CommandFailed(Exception):
    """A command in the box ended with another status than the one expected, or the box does not come up."""


class NotHere(Exception):
    """This kind of box cannot do that; the sentence says what it lacks."""


class Box(ABC):
    """A box on a disk of its own; a context manager that ends it."""

    accelerator: str

    def __init__(self, folder: Path, disk: Path) -> None:
        self.folder, self.disk = folder, disk
        self.pace = 1.0
        """How many times slower than an idle container it starts: by so much every limit is longer."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    @property
    @abstractmethod
    def base(self) -> str:
        """The phones' address of the box, as this machine reaches it."""

    @abstractmethod
    def cut(self) -> None:
        """The plug is pulled; nothing where it is off already."""

    @abstractmethod
    def shut_down(self) -> None:
        """In good order."""

    @abstractmethod
    def plug_in(self, stick: Path) -> None:
        """Plug in an image of a USB stick (FAT); it is gone when the box is off. Raises :class:`NotHere`."""

    @abstractmethod
    def watchdog(self) -> str:
        """What its hardware watchdog says of itself. Raises :class:`NotHere`."""

    @abstractmethod
    def _switch_on(self) -> None:
        """Start, and return at once."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether its start is over and it can be spoken to. Raises :class:`CommandFailed` where it has ended."""

    @abstractmethod
    def _enter(self, command: str) -> list[str]:
        """The line that runs ``command`` as root in it."""

    @property
    def console(self) -> Path:
        """All that it has said."""
        return self.disk.with_suffix(".console")

    def boot(self) -> float:
        """Switch it on and wait until it can be spoken to; seconds that took. Raises :class:`CommandFailed`."""
        began = moved = time.monotonic()
        self._switch_on()
        said = 0
        while not self._ready():
            if (size := self.console.stat().st_size) != said:
                said, moved = size, time.monotonic()
            if time.monotonic() > moved + STANDSTILL_S:
                raise CommandFailed(f"it does not come up; its console: {self.console}")
            time.sleep(0.5)
        seconds = time.monotonic() - began
        self.pace = max(1.0, seconds / QUICK_BOOT_S)
        return seconds

    def run(self, command: str, status: int | None = 0, timeout_s: float = 900) -> str:
        """A command as root; its output. Raises :class:`CommandFailed` where it does not end with ``status``."""
        ended = self._ask(command, timeout_s * self.pace)
        if status is not None and ended.returncode != status:
            raise CommandFailed(f"{command}\nended with {ended.returncode}, not {status}:\n{ended.stdout}")
        return ended.stdout

    def _ask(self, command: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        line = self._enter(command)
        try:
            return subprocess.run(
                line,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(line, 255, f"no end after {timeout_s:.0f} s")
