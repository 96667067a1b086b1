"""The box's name on the network: the real script, with a stand-in for avahi that keeps what it is told.

Under a real avahi, asked over the network: ``tests/system/qemu/run``.
"""

import os
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
# As avahi does, it refuses the name that it has already.
AVAHI = """#!/bin/sh
for name; do :; done
case "$*" in
  *" GetHostName") echo "s \\"$(cat "$NOTES/name")\\"" ;;
  *" SetHostName s "*)
    [ "$name" != "$(cat "$NOTES/name")" ] || { echo "Invalid host name" >&2; exit 1; }
    echo "$name" >"$NOTES/name" ;;
  *) exit 1 ;;
esac
"""


class Box:
    """A folder of secrets, and avahi's."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._name = folder / "name"
        self._name.write_text("raspberrypi\n")
        (folder / "busctl").write_text(AVAHI)
        (folder / "busctl").chmod(0o755)
        path = f"{folder}:{os.environ['PATH']}"
        self._environment = {"PATH": path, "NOTES": str(folder), "DERMKIOSK_SECRETS": str(folder / "secrets")}

    def run(self, program: str) -> int:
        return subprocess.run([SYSTEMD / program], env=self._environment, check=False).returncode

    @property
    def name(self) -> str:
        return self._name.read_text().strip()


@pytest.fixture
def boxes(tmp_path: Path) -> list[Box]:
    """Two of one make, each after its first start."""
    made = [Box(tmp_path / each) for each in ("one", "other")]
    for box in made:
        assert box.run("first-boot") == 0
    return made


def test_two_boxes_have_two_names_and_keep_them(boxes: list[Box]) -> None:
    for _ in range(2):  # at each start
        assert [box.run("announce") for box in boxes] == [0, 0]
        names = [box.name for box in boxes]
    assert len(set(names)) == 2
    assert all(name.startswith("dermkiosk-") for name in names)


def test_without_its_name_the_box_tells_none(tmp_path: Path) -> None:
    box = Box(tmp_path / "new")
    (tmp_path / "new/secrets").mkdir()
    (tmp_path / "new/secrets/hotspot.toml").write_text("")
    assert box.run("announce") == 1
    assert box.name == "raspberrypi"
