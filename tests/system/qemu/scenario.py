"""What a box must do under a running systemd: each function is one promise of docs/installing.md.

What it returns, if anything, was seen and belongs into the log.
"""

import hashlib
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

from box import Box, NotHere
from phones import Ledger, answer, get, looked_up, photograph, send

STICK = "/media/stick"
STATE = "/var/lib/dermkiosk"
SIMULATED = """camera = "synthetic"
light = "simulated"
button = "simulated"
indicator = "simulated"
uploads_per_hour = 100000
"""
# One that draws takes an emulated processor longer to start than systemd waits.
QUICK = SIMULATED.replace("synthetic", "folder:/opt/dermkiosk/current/models/skin8-inceptionv3")
INSTALL_S = 3600
FIRST_PACKAGES = "/opt/dermkiosk/releases/1/.venv/lib/python3*/site-packages"
OURS = "/opt/dermkiosk /etc/systemd /etc/udev /etc/xdg /usr/lib/sysusers.d /usr/lib/tmpfiles.d /etc/dermkiosk"
UNITS = "/etc/systemd/system/dermkiosk*.service"
EXPOSED_AT_MOST = 2.0
"""Of 10, in systemd's own rating of a service."""
BACKUPS = """
import sqlite3, sys, time
database = sqlite3.connect("file:/var/lib/dermkiosk/cases.sqlite3?mode=ro", uri=True)
def newest():
    lines = database.execute("SELECT action FROM audit ORDER BY number").fetchall()
    return [line for line, in lines if line.startswith("backup")][-1]
while sys.argv[1:] and newest() != sys.argv[1]:
    time.sleep(0.01)
print(newest())
"""
# As docs/storage.md has it, the key from its file instead of the card.
RESTORE = f"""set -e
systemctl stop dermkiosk dermkiosk-standby
rm -rf {STATE}-before; mv {STATE} {STATE}-before; install -d -o dermkiosk -g dermkiosk -m 0700 {STATE}
mount -o ro /dev/disk/by-label/DERMKIOSK /mnt
/usr/local/bin/dermkiosk restore /mnt --state {STATE} --key-file /etc/dermkiosk/secrets/backup-key
umount /mnt
systemctl start dermkiosk
"""
NEWEST_OF_BACKUPS = f"python3 -c '{BACKUPS}'"


class Broken(Exception):
    """A promise was not kept."""


def expect(holds: object, sentence: str, seen: object = "") -> None:
    """Raises :class:`Broken` with ``sentence`` and what was seen where ``holds`` is false."""
    if not holds:
        raise Broken(f"{sentence}\n{seen}")


def install(box: Box, status: int | None = 0, stick: str = STICK) -> str:
    """The one command; its output."""
    return box.run(f"{stick}/source/setup.sh install --offline {stick}", status, INSTALL_S)


def simulate(box: Box) -> None:
    """Settings for a machine that is no Raspberry Pi."""
    box.run(f"mkdir -p /etc/dermkiosk; cat >/etc/dermkiosk/settings.toml <<'END'\n{SIMULATED}END")


def wait_well(box: Box, limit_s: float = 600) -> float:
    """Seconds until /healthz on the phones' port says that all is well."""
    began, seen, limit_s = time.monotonic(), "", limit_s * box.pace
    while time.monotonic() < began + limit_s:
        try:
            if get(f"{box.base}/healthz", pace=box.pace)[0] == 200:
                return time.monotonic() - began
        except OSError as error:
            seen = str(error)
        time.sleep(0.5 * box.pace)
    journal = box.run("journalctl -b -u dermkiosk -u dermkiosk-standby --no-pager | tail -30", None)
    raise Broken(f"the box is not well within {limit_s:.0f} s: {seen}\n{journal}")


# --- the promises, in this order ---


def an_installation_cut_off_by_the_power_goes_on(box: Box, ledger: Ledger) -> None:
    """The plug is pulled while the program is unpacked; the next promise gives the same command again."""
    box.run(f"(setsid {STICK}/source/setup.sh install --offline {STICK} >/root/first.log 2>&1 &)")
    _until(box, lambda: "ai_edge_litert" in box.run(f"ls {FIRST_PACKAGES}", None), INSTALL_S, "the unpacking")
    box.cut()
    box.boot()
    expect("current" not in box.run("ls /opt/dermkiosk"), "nothing half is in use")


def a_plain_debian_is_told_that_it_has_no_camera(box: Box, ledger: Ledger) -> None:
    said = install(box, status=1)
    expect("This needs a Raspberry Pi" in said, "it says what is missing", said)
    said = box.run("python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8000/\")' 2>&1", None)
    expect("503" in said or "refused" in said, "no page pretends that all is well", said)


def with_simulated_hardware_it_is_well(box: Box, ledger: Ledger) -> None:
    simulate(box)
    said = install(box)
    expect("✗" not in said, "every check is content", said)
    wait_well(box)
    active = box.run("systemctl is-active dermkiosk dermkiosk-clock.socket", None)
    expect(active.split() == ["active", "active"], "the units run", active)
    failed = box.run("systemctl list-units --failed --plain --no-legend 'dermkiosk*'")
    expect(not failed.strip(), "no unit of ours has failed", failed)


def installing_again_changes_nothing(box: Box, ledger: Ledger) -> None:
    before, started = fingerprint(box), main_pid(box)
    said = install(box)
    expect("nothing was changed" in said, "it says so", said)
    expect(fingerprint(box) == before, "no file has changed")
    expect(main_pid(box) == started, "the kiosk was not started anew")


def the_doctor_is_content(box: Box, ledger: Ledger) -> None:
    box.run("systemctl stop dermkiosk-standby dermkiosk")
    said = box.run("/usr/local/bin/dermkiosk doctor")
    expect("✗" not in said, "the doctor is content", said)
    box.run("systemctl start dermkiosk")


def a_photograph_is_answered_through_the_phones_port(box: Box, ledger: Ledger) -> None:
    wait_well(box)
    promise = send(box.base, photograph(), uuid.uuid4().hex, box.pace)
    promise.document = answer(box.base, promise.result_url, box.pace)
    ledger.promises.append(promise)
    expect(promise.document["photo"]["source"] == "phone_camera", "it is the phone's", promise.document)


def secrets_are_made_here_and_nobody_else_reads_them(box: Box, ledger: Ledger) -> None:
    file = "/etc/dermkiosk/secrets/hotspot.toml"
    seen = box.run(f"stat -c '%U:%G %a' {file}; cat {file}")
    expect(seen.startswith('root:dermkiosk 640\nssid = "dermkiosk-'), "made here; the kiosk reads, root writes", seen)
    inside = box.run(f"find {STICK}/source -name 'hotspot*' -newermt 2000-01-01 -path '*secrets*'", None)
    expect(not inside.strip(), "none is shipped", inside)
    box.run(f"runuser -u nobody -- cat {file}", status=1)


def the_network_is_told_the_boxs_own_name(box: Box, ledger: Ledger) -> None:
    """By avahi, to whoever asks; another box has another name (tests/system/test_announce.py)."""
    address = str(urllib.parse.urlsplit(box.base).hostname)
    if address == "127.0.0.1":
        raise NotHere("its network passes no multicast")
    name = box.run("sed -n 's/^ssid = \"\\(.*\\)\"$/\\1/p' /etc/dermkiosk/secrets/hotspot.toml").strip()
    _until(box, lambda: looked_up(f"{name}.local", box.base) == address, 120, f"{name}.local is at {address}")


def the_log_is_kept_small(box: Box, ledger: Ledger) -> None:
    seen = box.run("journalctl -b -u systemd-journald --no-pager; journalctl --header | grep -c '^File path'")
    expect(re.search(r"max (64|16)(\.0)?M", seen), "64 MB on the card, or 16 MB in memory", seen)


def systemd_understands_and_rates_every_unit(box: Box, ledger: Ledger) -> str:
    """Also those that do not run here; returns the rates."""
    seen = box.run(f"systemd-analyze verify --man=no {UNITS} 2>&1 | grep -v haproxy", None)  # where TLS is not wanted
    expect("dermkiosk" not in seen, "systemd finds no mistake", seen)
    box.run("! udevadm verify --help >/dev/null 2>&1 || udevadm verify --no-style /etc/udev/rules.d/61-dermkiosk.rules")
    return f"{box.run('systemd-analyze --version').split(' (')[0]}; {rates(box)}"


def what_hangs_is_started_anew(box: Box, ledger: Ledger) -> None:
    """The process stands still: no sign of life, so systemd ends it and starts it again."""
    frozen = main_pid(box)
    fed = box.run("systemctl show dermkiosk --property=WatchdogTimestampMonotonic --value")
    time.sleep(45)
    expect(
        box.run("systemctl show dermkiosk --property=WatchdogTimestampMonotonic --value") > fed
        and main_pid(box) == frozen,
        "the watchdog is fed",
    )
    box.run(f"kill -STOP {frozen}")
    _until(box, lambda: main_pid(box) not in ("0", frozen), 240, "it is started anew")
    seen = box.run("journalctl -b -u dermkiosk --no-pager | grep -i watchdog", None)
    expect("Watchdog timeout" in seen, "the watchdog did it", seen)
    wait_well(box)
    ledger.check(box.base, box.pace)


def a_machine_that_stands_still_is_started_anew_by_its_hardware(box: Box, ledger: Ledger) -> None:
    """The kernel panics, which stops everything for good; nobody feeds the watchdog any more, and it resets."""
    seen = box.watchdog()
    wait_well(box)
    expect("state:active" in seen, "systemd feeds it", seen)
    expect(box.run("cat /proc/sys/kernel/panic").strip() == "0", "the kernel does not start anew by itself")
    before = _boot_id(box)
    ledger.promises.append(send(box.base, photograph(), uuid.uuid4().hex, box.pace))
    box.run("(sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &")
    _until(box, lambda: _boot_id(box) not in ("", before), 600, "it starts again")
    wait_well(box)
    ledger.check(box.base, box.pace)


def a_broken_model_is_said_at_the_same_address(box: Box, ledger: Ledger) -> None:
    model = "/opt/dermkiosk/current/models/skin8-inceptionv3/model.tflite"
    box.run(f"cp -a {model} /root/model; printf x | dd of={model} bs=1 seek=1000000 conv=notrunc status=none")
    box.run("systemctl reset-failed dermkiosk; systemctl restart dermkiosk", None)
    refused = "journalctl -b -u dermkiosk --no-pager | grep -c 'Start request repeated too quickly'"
    _until(box, lambda: box.run(refused, None).strip() != "0", 300, "the starts are counted")
    standing = "systemctl is-active dermkiosk-standby"
    _until(box, lambda: box.run(standing, None).strip() == "active", 60, "the page stands in")
    _until(box, lambda: _plain(box)[0] == 503, 60, "the page is at the phones' address")
    page = _plain(box)[1]
    expect("模型" in page and "model" in page, "it says what is wrong, in both languages", page)
    box.run(f"cp -a /root/model {model}; systemctl restart dermkiosk")
    wait_well(box)
    expect("inactive" in box.run("systemctl is-active dermkiosk-standby", None), "the page has gone")
    ledger.check(box.base, box.pace)


def an_upgrade_keeps_the_data(box: Box, ledger: Ledger) -> None:
    before = current(box)
    new = new_version(box, "upgraded", "true")
    said = install(box, stick=new)
    expect(current(box) != before, "the new version runs", said)
    wait_well(box)
    ledger.check(box.base, box.pace)


def a_version_that_fails_its_self_test_is_not_taken(box: Box, ledger: Ledger) -> None:
    before, running = current(box), main_pid(box)
    new = new_version(box, "selftest", "echo broken >>models/skin8-inceptionv3/model.tflite")
    said = install(box, status=1, stick=new)
    expect("failed its self-test" in said, "it says so", said)
    expect((current(box), main_pid(box)) == (before, running), "the kiosk went on all the while")


def a_version_that_does_not_start_is_taken_back(box: Box, ledger: Ledger) -> None:
    before = current(box)
    ends = "def serve(*_, **__):\\n    raise SystemExit(3)\\n\\n\\ndef _served("
    new = new_version(box, "nostart", f"sed -i 's/^def serve(/{ends}/' appliance/serve.py")
    said = install(box, status=1, stick=new)
    expect("The one before is installed again" in said, "it says so", said)
    expect(current(box) == before, "the version before runs")
    wait_well(box)
    ledger.check(box.base, box.pace)


def an_upgrade_cut_off_by_the_power_is_taken_back(box: Box, ledger: Ledger) -> None:
    """The plug is pulled after the switch, before the new version has come up."""
    before = current(box)
    units = "sed -i '$ a # of the new version' systemd/units/dermkiosk.service"
    new = new_version(box, "cutoff", f"sed -i '1a import time; time.sleep(120)' appliance/serve.py; {units}")
    box.run(f"(setsid {new}/source/setup.sh install --offline {new} >/root/cut.log 2>&1 &)")
    _until(box, lambda: current(box) != before, INSTALL_S, "the switch")
    expect("pending" in box.run("ls /opt/dermkiosk"), "the upgrade is marked as under way")
    box.cut()
    box.boot()
    wait_well(box)
    expect(current(box) == before, "the version before runs")
    expect("pending" not in box.run("ls /opt/dermkiosk"), "the mark is gone")
    unit = box.run("systemctl cat dermkiosk; systemctl show dermkiosk --property=NeedDaemonReload")
    expect("of the new version" not in unit and "NeedDaemonReload=no" in unit, "its units are back and known", unit)
    said = box.run("journalctl -b -u dermkiosk-roll-back --no-pager")
    expect("put back" in said, "the log says so", said)
    ledger.check(box.base, box.pace)


def a_stick_of_that_name_gets_a_backup(box: Box, ledger: Ledger) -> None:
    """Plugged in, found by udev, sealed by the unit, let go of, and restored from onto a box that has no case yet."""
    stick = box.folder / "backup.raw"
    stick.unlink(missing_ok=True)
    subprocess.run(["mkfs.vfat", "-C", "-n", "DERMKIOSK", stick, str(256 * 1024)], check=True, capture_output=True)
    box.plug_in(stick)
    ended = "systemctl show dermkiosk-backup --property=ExecMainExitTimestampMonotonic --value"
    _until(box, lambda: box.run(ended).strip() not in ("", "0"), 600, "the backup")
    seen = box.run("systemctl show dermkiosk-backup --property=Result; journalctl -b -u dermkiosk-backup --no-pager")
    expect("Result=success" in seen, "the stick holds a backup", seen)
    expect("dermkiosk-stick" not in box.run("cat /proc/mounts"), "it may be pulled out")
    box.run(RESTORE)
    wait_well(box)
    ledger.check(box.base, box.pace)
    ledger.check_database(box.run)
    _kill_a_backup(box)


def _kill_a_backup(box: Box) -> None:
    """In its middle: the stick is let go, staff read it, and the next one is made."""
    began = f"{NEWEST_OF_BACKUPS} backup_begun"
    box.run(f"systemctl start --no-block dermkiosk-backup; {began}; systemctl kill --signal=KILL dermkiosk-backup")
    _until(box, lambda: "failed" in box.run("systemctl is-active dermkiosk-backup", None), 60, "it is over")
    seen = box.run(f"systemctl show dermkiosk-backup --property=Result; {NEWEST_OF_BACKUPS}; cat /proc/mounts")
    expect(
        "Result=signal" in seen and "backup_begun" in seen, "it was killed, and staff read that it was cut off", seen
    )
    expect("dermkiosk-stick" not in seen, "it may be pulled out", seen)
    # As the user whose file it becomes: on a box just restored there may be none yet.
    box.run(f"runuser -u dermkiosk -- flock --nonblock {STATE}/copies/backup.lock true")
    box.run("systemctl start dermkiosk-backup")
    expect(box.run(NEWEST_OF_BACKUPS).strip() == "backup", "the next one is made")


def uninstalling_leaves_the_data(box: Box, ledger: Ledger) -> None:
    box.run(f"{STICK}/source/setup.sh uninstall")
    left = box.run(f"ls -d /opt/dermkiosk {UNITS} /etc/systemd/system/*.wants/dermkiosk* 2>/dev/null", None)
    expect(not left.strip(), "nothing of the program is left", left)
    expect("cases.sqlite3" in box.run(f"ls {STATE}"), "the data are there")
    install(box)
    wait_well(box)
    ledger.check(box.base, box.pace)


def uninstalling_with_the_data_leaves_nothing(box: Box, ledger: Ledger) -> None:
    box.run(f"{STICK}/source/setup.sh uninstall --with-data")
    left = box.run(f"ls -d {STATE} /etc/dermkiosk /opt/dermkiosk 2>/dev/null; getent passwd | grep dermkiosk", None)
    expect(not left.strip(), "nothing is left", left)


PROMISES: tuple[Callable[[Box, Ledger], str | None], ...] = (
    an_installation_cut_off_by_the_power_goes_on,
    a_plain_debian_is_told_that_it_has_no_camera,
    with_simulated_hardware_it_is_well,
    installing_again_changes_nothing,
    the_doctor_is_content,
    a_photograph_is_answered_through_the_phones_port,
    secrets_are_made_here_and_nobody_else_reads_them,
    the_network_is_told_the_boxs_own_name,
    the_log_is_kept_small,
    systemd_understands_and_rates_every_unit,
    what_hangs_is_started_anew,
    a_machine_that_stands_still_is_started_anew_by_its_hardware,
    a_broken_model_is_said_at_the_same_address,
    an_upgrade_keeps_the_data,
    a_version_that_fails_its_self_test_is_not_taken,
    a_version_that_does_not_start_is_taken_back,
    an_upgrade_cut_off_by_the_power_is_taken_back,
    a_stick_of_that_name_gets_a_backup,
    uninstalling_leaves_the_data,
    uninstalling_with_the_data_leaves_nothing,
)
OF_A_MACHINE = ("installing_again", "a_photograph_is_answered", "stands_still", "a_stick")
"""Their kernel, udev, watchdog and network card are the box's own, which a container lacks."""


# --- looks and helpers ---


def rates(box: Box) -> str:
    """Of every unit file. Raises :class:`Broken` where one has none, or one above :data:`EXPOSED_AT_MOST`."""
    found = {}
    for file in box.run(f"ls {UNITS}").split():
        said = box.run(f"systemd-analyze security --no-pager --offline=yes {file}")
        rate = re.search(r"Overall exposure level for (\S+)\.service: ([0-9.]+) ", said)
        expect(rate, "systemd rates the unit", said)
        assert rate is not None
        found[rate[1]] = float(rate[2])
    words = ", ".join(f"{name} {rate}" for name, rate in found.items())
    expect(max(found.values()) <= EXPOSED_AT_MOST, f"systemd rates each unit at {EXPOSED_AT_MOST} or below", words)
    return words


def fingerprint(box: Box) -> str:
    """Of every file of ours in the system: name, mode, time, content."""
    listing = box.run(f"find {OURS} -xdev -printf '%p %m %T@ %l\\n' 2>/dev/null | sort", None)
    sums = box.run(f"find {OURS} -xdev -type f ! -path '*/.venv/*' -exec sha256sum {{}} + 2>/dev/null | sort", None)
    return hashlib.sha256((listing + sums).encode()).hexdigest()


def current(box: Box) -> str:
    return box.run("readlink /opt/dermkiosk/current", None).strip()


def _boot_id(box: Box) -> str:
    """Another at each start; empty where nobody answers."""
    said = box.run("cat /proc/sys/kernel/random/boot_id", None).strip()
    return said if re.fullmatch(r"[0-9a-f-]{36}", said) else ""


def main_pid(box: Box) -> str:
    return box.run("systemctl show dermkiosk --property=MainPID --value", None).strip()


def new_version(box: Box, name: str, change: str) -> str:
    """A bundle folder with another version in it, which ``change`` makes; its path."""
    folder = f"/root/{name}"
    box.run(
        f"rm -rf /root/[a-z]*off /root/upgraded /root/nostart /root/selftest; mkdir -p {folder}/debs;"
        f" cp -r {STICK}/source {STICK}/wheels {STICK}/debs.txt {folder};"
        f" cd {folder}/source; echo '# {name}' >>appliance/__init__.py; {change}; cd ..;"
        " find . -type f ! -path ./MANIFEST.sha256 -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum >../sums;"
        " mv ../sums MANIFEST.sha256"
    )
    return folder


def _plain(box: Box) -> tuple[int, str]:
    """Status and text of the phones' first page; 0 where nothing answers."""
    try:
        with urllib.request.urlopen(f"{box.base}/", timeout=30 * box.pace) as response:  # noqa: S310
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def _until(box: Box, holds: Callable[[], Any], limit_s: float, sentence: str) -> None:
    limit_s *= box.pace
    give_up = time.monotonic() + limit_s
    while not holds():
        expect(time.monotonic() < give_up, f"{sentence}: not within {limit_s:.0f} s")
        time.sleep(box.pace)  # one look over SSH costs an emulated processor seconds
