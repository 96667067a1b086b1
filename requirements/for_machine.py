"""The part of a lock file that holds on another machine: pip reads a line's condition with the Python it runs on.

Example: python requirements/for_machine.py requirements/box.txt 3.13 aarch64 >lock.txt
"""

import re
import sys
from pathlib import Path

from pip._vendor.packaging.markers import Marker

REQUIREMENT = re.compile(r"^(?P<pin>[^\s#;]+) ; (?P<condition>[^\\]+?)(?P<end> \\)?$")


def lines_for(lock: str, python: str, machine: str) -> list[str]:
    """The lines of ``lock`` for Python ``python`` ("3.13") on a Linux ``machine`` ("aarch64"), without conditions."""
    there = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    kept, holds = [], True
    for line in lock.splitlines():
        if conditional := REQUIREMENT.match(line):
            holds = Marker(conditional["condition"]).evaluate(there)
            line = conditional["pin"] + (conditional["end"] or "")
        elif not line.startswith((" ", "\t")):
            holds = True
        if holds:
            kept.append(line)
    return kept


if __name__ == "__main__":
    file, python, machine = sys.argv[1:]
    print("\n".join(lines_for(Path(file).read_text(encoding="utf-8"), python, machine)))
