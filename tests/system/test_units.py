"""The units, judged by systemd's own programs."""

import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from appliance import self_check
from appliance.settings import Settings

UNITS = Path(__file__).parents[2] / "systemd/units"
SYSTEM = Path("/usr/lib/systemd/system")
PROGRAMS = (
    "opt/dermkiosk/announce",
    "opt/dermkiosk/hotspot.py",
    "usr/sbin/dnsmasq",
    "usr/sbin/haproxy",
    "opt/dermkiosk/current/.venv/bin/dermkiosk",
    "opt/dermkiosk/first-boot",
    "opt/dermkiosk/kiosk-browser",
    "opt/dermkiosk/roll-back",
    "usr/bin/cage",
    "usr/bin/mount",
    "usr/bin/nsenter",
    "usr/bin/umount",
    "usr/bin/python3",
    "usr/bin/systemctl",
    "bin/sh",
)
EXPOSED_AT_MOST = 20
"""In tenths: 2.0 of 10."""

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")


def _services() -> list[Path]:
    found = sorted(UNITS.glob("*.service"))
    assert found
    return found


def _rated(unit: Path) -> subprocess.CompletedProcess[str]:
    command = [
        "systemd-analyze",
        "security",
        "--offline=yes",
        f"--threshold={EXPOSED_AT_MOST}",
        "--no-pager",
        str(unit),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", _services(), ids=lambda unit: unit.stem)
def test_a_unit_is_exposed_little(unit: Path) -> None:
    rated = _rated(unit)
    assert rated.returncode == 0, rated.stdout
    assert "Overall exposure level" in rated.stdout


@pytest.mark.parametrize("unit", _services(), ids=lambda unit: unit.stem)
def test_the_guide_says_what_a_unit_does(unit: Path) -> None:
    guide = (UNITS.parents[1] / "docs/installing.md").read_text(encoding="utf-8")
    assert f"\n| `{unit.stem}` | " in guide


def test_whoever_mounts_the_stick_may_open_it() -> None:
    """PrivateDevices alone keeps block devices from root's lines, too; tests/system/qemu/run shows it on a kernel."""
    lines = (UNITS / "dermkiosk-backup.service").read_text().splitlines()
    assert any(line.startswith("ExecStartPre=") and "/usr/bin/mount" in line for line in lines)
    assert {"PrivateDevices=yes", "DeviceAllow=block-sd rw"} <= set(lines)


def test_a_unit_that_drops_its_filter_is_found_out(tmp_path: Path) -> None:
    lines = (UNITS / "dermkiosk.service").read_text().splitlines()
    open_unit = tmp_path / "dermkiosk.service"
    open_unit.write_text("\n".join(each for each in lines if not each.startswith(("SystemCall", "Capability"))))
    assert _rated(open_unit).returncode != 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root folder with our units, the system's, and programs that exist."""
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    shutil.copytree(SYSTEM, tmp_path / "usr/lib/systemd/system", symlinks=True)
    for unit in UNITS.iterdir():
        shutil.copy(unit, units)
    for name in PROGRAMS:
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path


def _verified(root: Path) -> subprocess.CompletedProcess[str]:
    names = sorted(unit.name for unit in UNITS.iterdir())
    command = ["systemd-analyze", "verify", f"--root={root}", "--man=no", "--recursive-errors=no", *names]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_systemd_understands_every_line(root: Path) -> None:
    verified = _verified(root)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("mistake", ["WatchdogSecs=60", "ExecStartPre=/no/such/program", "SystemCallFilter=@nothing"])
def test_a_line_systemd_does_not_understand_is_found_out(root: Path, mistake: str) -> None:
    unit = root / "etc/systemd/system/dermkiosk.service"
    unit.write_text(unit.read_text().replace("Type=notify", f"Type=notify\n{mistake}"))
    verified = _verified(root)
    assert verified.returncode != 0 or verified.stderr


def test_udev_understands_the_rules() -> None:
    rules = UNITS.parent / "conf/udev.rules"
    if subprocess.run(["udevadm", "verify", "--help"], capture_output=True, check=False).returncode:
        pytest.skip("udevadm verifies rules from systemd 254 on; tests/system/qemu/run does it on Debian 13")
    verified = subprocess.run(["udevadm", "verify", "--no-style", rules], capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr


def _section(unit: str, section: str) -> dict[str, str]:
    parser = RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd tells Wants from wants
    parser.read(UNITS / f"{unit}.service")
    return dict(parser[section])


def test_the_standby_page_lasts_longer_than_starts_are_counted() -> None:
    from_start = int(_section("dermkiosk", "Unit")["StartLimitIntervalSec"])
    text = (UNITS.parent / "standby.py").read_text()
    retry_s = float(text.split('"DERMKIOSK_RETRY_S", "')[1].split('"')[0])
    assert retry_s > from_start


def test_systemd_stops_later_than_the_box_stops_by_itself() -> None:
    from appliance import serve

    longest = 2 * (serve.DRAIN_S + serve.POLL_S + 2 * serve.CUT_S) + serve.STOP_TIMEOUT_S
    assert float(_section("dermkiosk", "Service")["TimeoutStopSec"]) > longest


def test_a_kiosk_that_gives_up_is_stood_in_for_and_tried_again() -> None:
    assert _section("dermkiosk", "Unit")["OnFailure"] == "dermkiosk-standby.service"
    assert _section("dermkiosk", "Unit")["Conflicts"] == "dermkiosk-standby.service"
    assert _section("dermkiosk-standby", "Unit")["OnSuccess"] == "dermkiosk.service"


@pytest.mark.parametrize(
    ("state", "anew"), [("failed", True), ("dead", True), ("auto-restart", False), ("auto-restart-queued", False)]
)
def test_starts_are_counted_anew_when_the_page_ends_but_not_between_two_attempts(
    tmp_path: Path, state: str, anew: bool
) -> None:
    """Or a start by hand within the interval is refused, with the page already gone; or the attempts never end."""
    line = _section("dermkiosk-standby", "Service")["ExecStopPost"].removeprefix("+-").replace("$$", "$")
    stand_in = tmp_path / "systemctl"
    stand_in.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\ncase $1 in show) echo {state} ;; esac\n')
    stand_in.chmod(0o755)
    subprocess.run(shlex.split(line), check=True, env={"PATH": f"{tmp_path}:/bin"})
    asked = (tmp_path / "asked").read_text().splitlines()
    assert ("reset-failed dermkiosk.service" in asked) is anew


def test_the_self_check_is_asked_for_daily_and_again_only_while_somebody_is_there() -> None:
    timer = RawConfigParser(strict=False, delimiters=("=",))
    timer.read(UNITS / "dermkiosk-self-check.timer")
    assert timer["Timer"]["onunitactivesec"] == "1d"
    assert _section("dermkiosk-self-check", "Service")["RestartPreventExitStatus"] == str(self_check.ALARM)


def test_a_stick_is_mounted_for_its_backup_alone_and_named_alike_everywhere() -> None:
    unit = (UNITS / "dermkiosk-backup.service").read_text()
    rules = (UNITS.parent / "conf/udev.rules").read_text()
    (mounted,) = (line for line in unit.splitlines() if line.startswith("ExecStartPre="))
    # Without this each line mounts in a name space of its own, and the backup goes into memory.
    assert mounted.startswith("ExecStartPre=+/usr/bin/nsenter --target 1 --mount /usr/bin/mount ")
    assert "dermkiosk backup --mounted /run/dermkiosk-stick\n" in unit
    assert mounted.split()[-2:] == ["/dev/disk/by-label/DERMKIOSK", "/run/dermkiosk-stick"]
    assert "nosuid,nodev,noexec" in mounted
    assert "ExecStopPost=+-/usr/bin/nsenter --target 1 --mount /usr/bin/umount /run/dermkiosk-stick" in unit
    assert 'ENV{ID_FS_LABEL}=="DERMKIOSK"' in rules
    assert 'ENV{SYSTEMD_WANTS}+="dermkiosk-backup.service"' in rules


def test_staff_ask_for_a_backup_where_the_system_listens() -> None:
    watched = RawConfigParser(strict=False, delimiters=("=",))
    watched.read(UNITS / "dermkiosk-backup.path")
    bell = Settings.model_fields["backup_bell"].default
    assert watched["Path"]["pathchanged"] == str(bell)  # a question, not a state: no loop where there is no stick
    assert bell.parent == Path("/run", _section("dermkiosk", "Service")["RuntimeDirectory"])
    assert watched["Install"]["wantedby"] == "paths.target"


def test_the_mark_that_the_clock_was_set_lies_where_the_kiosk_sees_it() -> None:
    """systemd keeps a dynamic user's folder in /run/private, which is root's alone."""
    from appliance.cases.clock import SYNCHRONISED

    service = _section("dermkiosk-clock@", "Service")
    assert Path("/run", service["RuntimeDirectory"]) in [mark.parent for mark in SYNCHRONISED]
    assert service["RuntimeDirectoryMode"] == "0755"
    assert "DynamicUser" not in service
