"""Temperature and supply voltage, as a Raspberry Pi's firmware measures them (``vcgencmd``).

The bits of ``get_throttled``: 0 the voltage is too low, 1 and 2 the processor is slowed down, 3 it is at its first
limit of temperature; 16 … 19 the same at some time since the start. Source: Raspberry Pi's documentation of vcgencmd.
"""

import re
import subprocess
from dataclasses import dataclass
from typing import Final

from appliance.health.result import Result

KEEP_S: Final = 10.0
TIMEOUT_S: Final = 3.0
WARM_CELSIUS: Final = 60.0
"""From here on some models slow down; the box should not be that warm."""
UNDERVOLTAGE: Final = 1 << 0
SLOWED: Final = 1 << 1 | 1 << 2 | 1 << 3
UNDERVOLTAGE_BEFORE: Final = 1 << 16
THROTTLED: Final = re.compile(r"throttled=(0x[0-9a-fA-F]+)\s*")
TEMPERATURE: Final = re.compile(r"temp=(\d+(?:\.\d+)?)'C\s*")


@dataclass(frozen=True)
class Power:
    """What the firmware says."""

    flags: int
    celsius: float


def check() -> Result:
    """Ask the firmware. Another machine than a Raspberry Pi has no ``vcgencmd``, which is said and no fault.

    Where there is one and it does not answer, nobody knows whether the supply is good: somebody should see to it.
    """
    try:
        power = measured()
    except FileNotFoundError:
        return Result("power", ok=True, says="unknown")
    except (OSError, subprocess.SubprocessError, ValueError) as failed:
        return Result("power", ok=True, says="unmeasured", detail=str(failed))
    reading = "reading.celsius", {"celsius": f"{power.celsius:.0f}"}
    if power.flags & UNDERVOLTAGE:
        return Result("power", False, "undervoltage", *reading)
    if power.flags & SLOWED:
        return Result("power", False, "slowed", *reading)
    if power.celsius >= WARM_CELSIUS:
        return Result("power", True, "warm", *reading)
    says = "undervoltage_before" if power.flags & UNDERVOLTAGE_BEFORE else None
    return Result("power", True, says, *reading)


def measured() -> Power:
    """Flags and temperature.

    Raises ``FileNotFoundError`` where there is no ``vcgencmd``; another ``OSError``, ``subprocess.SubprocessError`` or
    ``ValueError`` where it gives no answer.
    """
    return Power(int(_asked("get_throttled", THROTTLED), 16), float(_asked("measure_temp", TEMPERATURE)))


def _asked(question: str, form: re.Pattern[str]) -> str:
    """The value in ``vcgencmd``'s answer."""
    command = ["vcgencmd", question]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)  # noqa: S603
    found = form.fullmatch(answer.stdout)
    if found is None:
        raise ValueError(f"vcgencmd {question} says {answer.stdout.strip()!r}")
    return found[1]
