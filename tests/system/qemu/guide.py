"""The installer's guide, line by line: every command that docs/installing.md gives, or what stands in for it here."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from box import Box, CommandFailed
from scenario import INSTALL_S

PAGE = Path(__file__).resolve().parents[3] / "docs/installing.md"
COMMAND = re.compile(
    r"^(sudo |\./setup\.sh|/media/|journalctl |python3 |systemd-analyze |systemctl |rpicam-|vcgencmd )"
)
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")


def commands(page: str) -> list[str]:
    """In the order of the page, each once: lines of its blocks and what stands between backticks."""
    pieces = [(found.start(), found[1]) for found in BLOCK.finditer(page)]
    blank = BLOCK.sub(lambda found: " " * len(found[0]), page)
    pieces += [(found.start(), found[1]) for found in SPAN.finditer(blank)]
    lines = [line.split("  #")[0].rstrip() for _, piece in sorted(pieces) for line in piece.splitlines()]
    return list(dict.fromkeys(line for line in lines if COMMAND.match(line)))


@dataclass(frozen=True)
class Trial:
    """How a command is tried where there is no network, no Pi and nobody who types."""

    line: str = ""
    """What is run instead; empty: the command as it stands."""
    status: int = 0
    """How it must end."""
    said: str = ""
    """What its output must hold."""
    last: bool = False
    """After all others."""


OFFLINE = "sudo ./setup.sh install --offline /media/stick"
PROGRAM = "sudo dermkiosk"
# Its last argument is the file.
EDITOR = r'#!/bin/sh\nfor file; do :; done\nprintf "[Service]\\nIPAddressAllow=203.0.113.0/24\\n" >"$file"\n'
TRIALS: dict[str, Trial | str] = {
    "./setup.sh install --check": Trial(
        "./setup.sh install --check --offline /media/stick", said="nothing was changed"
    ),
    "sudo ./setup.sh install": Trial(OFFLINE, said="✓"),
    f"{PROGRAM} calibrate": Trial(said="✓ colour"),
    "systemd-analyze security --offline=yes systemd/units/UNIT.service": Trial(
        "for unit in systemd/units/*.service; do systemd-analyze security --no-pager --offline=yes $unit; done",
        said="Overall exposure level",
    ),
    "sudo systemctl edit dermkiosk": Trial(
        f"printf '{EDITOR}' >/tmp/editor; chmod 755 /tmp/editor;"
        ' script -qec "SYSTEMD_EDITOR=/tmp/editor systemctl edit dermkiosk" /dev/null'
        " && systemctl show dermkiosk --property=IPAddressAllow",
        said="203.0.113.0/24",
    ),
    "sudo /media/stick/dermkiosk/source/setup.sh install --offline /media/stick/dermkiosk": Trial(
        "sudo /media/stick/source/setup.sh install --offline /media/stick", said="nothing was changed"
    ),
    "sudo nmtui": Trial("command -v nmtui", said="nmtui"),
    "sudo systemctl status dermkiosk": Trial("sudo systemctl --no-pager status dermkiosk", said="active (running)"),
    "python3 /opt/dermkiosk/standby.py ask": Trial(said="✓"),
    f"{PROGRAM} doctor": Trial(
        f"sudo systemctl stop dermkiosk-standby dermkiosk; {PROGRAM} doctor; ended=$?; sudo systemctl start dermkiosk;"
        " exit $ended",
        said="✓",
    ),
    "sudo systemctl stop dermkiosk-standby dermkiosk": Trial(),
    "sudo systemctl start dermkiosk": Trial(),
    "sudo systemctl restart dermkiosk": Trial(),
    # The kernel takes the first time zone it is told for a mistake of its clock, and a container has the machine's own.
    "sudo timedatectl set-timezone Asia/Shanghai": "would set the clock of the machine that the container runs on",
    "journalctl -t dermkiosk-setup": Trial(),
    "journalctl -u dermkiosk-roll-back": Trial(),
    "journalctl -u dermkiosk -n 50": Trial(said="dermkiosk"),
    "sudo ./setup.sh uninstall": Trial(said="kept", last=True),
    "sudo ./setup.sh uninstall --with-data": Trial(last=True),
    "./setup.sh bundle /media/stick/dermkiosk": "needs a network; make-image made this stick with it",
    "sudo apt-get install python3 python3-venv": "needs a network",
    "rpicam-hello --list-cameras": "needs a Raspberry Pi",
    "vcgencmd get_throttled": "needs a Raspberry Pi",
    "sudo ./setup.sh test-appliance": "is under way",
    "sudo ./setup.sh test-arm64": "has a log of its own",
}
"""Each command of the page, or why it is not tried."""


def trials(page: str) -> Iterator[tuple[str, Trial | str]]:
    """In the order in which they can be given."""
    found = [(line, TRIALS[line]) for line in commands(page)]
    yield from sorted(found, key=lambda each: isinstance(each[1], Trial) and each[1].last)


def follow(box: Box, say: Callable[[str], object]) -> int:
    """Give each command, and say where it was another; how many did not do what they must."""
    broken = 0
    for line, trial in trials(PAGE.read_text(encoding="utf-8")):
        if isinstance(trial, str):
            say(f"– {line}: not tried, {trial}")
            continue
        try:
            said = box.run(f"cd /media/stick/source; {trial.line or line}", trial.status, INSTALL_S)
        except CommandFailed as failed:
            broken += 1
            say(f"✗ {line}\n{failed}")
            continue
        kept = trial.said in said
        broken += not kept
        words = f"{line}, given as: {trial.line}" if trial.line else line
        say(f"{'✓' if kept else '✗'} {words}" + ("" if kept else f"\n{trial.said!r} is not in\n{said}"))
    return broken
