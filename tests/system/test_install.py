"""The installer itself, in a root folder of its own. The system's programs around it are stand-ins that take notes."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.cases.sealed import RecoveryKey
from appliance.hotspot import load

ROOT = Path(__file__).parents[2]
Box = Any
"""That of conftest.py."""


def test_check_says_what_it_would_do_and_does_nothing(box: Box) -> None:
    before = box.tree()
    said = box.setup("install", "--check")
    assert box.tree() == before
    assert "would write " in said
    assert "would install the Debian packages python3-venv" in said
    assert "would install this version" in said
    assert f"would write {box.root}/usr/local/bin/dermkiosk" in said
    assert "the list of packages here has no python3-picamera2" in said
    assert not (box.notes / "packages").exists()
    assert not (box.notes / "users").exists()


def test_where_no_systemd_runs_check_promises_no_start(box: Box) -> None:
    shutil.rmtree(box.root / "run/systemd")
    start = "the kiosk starts when this system does"
    assert start not in box.setup("install", "--check")
    assert start in box.setup("install")


def test_one_command_installs_and_starts(box: Box) -> None:
    said = box.setup("install")
    assert "this system has no python3-picamera2" in said
    assert "✓ asked" in said
    assert box.current == "releases/1"
    assert (box.opt / "current/.venv/bin/dermkiosk").exists()
    wanted = box.units / "multi-user.target.wants/dermkiosk.service"
    assert str(wanted.readlink()) == "/etc/systemd/system/dermkiosk.service"
    assert "systemctl start dermkiosk.service" in box.log
    assert not list(box.root.rglob("secrets"))  # each box makes its own
    assert str((box.root / "usr/local/bin/dermkiosk").readlink()) == "/opt/dermkiosk/dermkiosk"


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ("doctor", "runuser -u dermkiosk -- env HOME=/run/dermkiosk {program} doctor"),
        ("recovery-key", "dermkiosk recovery-key"),
    ],
)
def test_the_command_is_the_kiosks_users_but_for_what_root_alone_may_do(box: Box, arguments: str, given: str) -> None:
    box.setup("install")
    subprocess.run([box.opt / "dermkiosk", arguments], env=box.environment, check=True)
    program = box.opt / "current/.venv/bin/dermkiosk"
    assert box.log.splitlines()[-1] == given.format(program=program)


def test_the_command_works_in_slash_where_its_user_may_not_enter(box: Box, tmp_path: Path) -> None:
    """The folder itself is open to all, and one above it is closed: going there by the whole path fails."""
    if os.geteuid():
        pytest.skip("only root may become another user")
    box.setup("install")
    stand_in = tmp_path / "stand-ins/runuser"
    stand_in.write_text("""#!/bin/sh
shift 3
case $1 in test) exec /usr/sbin/runuser -u nobody -- "$@" ;; esac
pwd -P
""")
    home = tmp_path / "home"
    (home / "photographs").mkdir(parents=True)
    home.chmod(0o700)
    for folder, expected in ((home / "photographs", "/\n"), (Path("/usr"), "/usr\n")):
        command = [box.opt / "dermkiosk", "classify", "one.jpg"]
        said = subprocess.run(command, cwd=folder, env=box.environment, check=True, capture_output=True, text=True)
        assert said.stdout == expected


def test_twice_changes_nothing(box: Box) -> None:
    box.setup("install")
    before, started = box.tree(), box.log.count("start dermkiosk.service")
    assert "nothing was changed" in box.setup("install")
    assert box.tree() == before
    assert box.log.count("start dermkiosk.service") == started


def test_what_was_bent_is_put_right(box: Box) -> None:
    box.setup("install")
    before = (box.units / "dermkiosk.service").read_bytes()
    (box.units / "dermkiosk.service").write_text("bent")
    assert "dermkiosk.service" in box.setup("install")
    assert (box.units / "dermkiosk.service").read_bytes() == before


def test_an_attempt_that_was_cut_off_is_begun_again(box: Box) -> None:
    (box.opt / "releases/7/appliance").mkdir(parents=True)
    box.setup("install")
    assert [each.name for each in (box.opt / "releases").iterdir()] == ["1"]


def test_a_desktop_starts_the_browser_itself(box: Box) -> None:
    box.units.mkdir(parents=True)
    (box.units / "display-manager.service").symlink_to("/lib/systemd/system/lightdm.service")
    box.setup("install")
    assert (box.root / "etc/xdg/autostart/dermkiosk-screen.desktop").exists()
    assert not (box.units / "dermkiosk-kiosk.service").exists()
    assert "cage" not in (box.notes / "packages").read_text().split()


def test_a_first_installation_that_does_not_start_ends_with_the_doctor(box: Box) -> None:
    box.note("start-fails", "releases/1")
    box.note("doctor-fails")
    assert "does not work yet" in box.setup("install", status=1)
    assert "dermkiosk doctor" in box.log
    assert box.current == "releases/1"


def test_uninstall_leaves_the_data_and_nothing_else(box: Box) -> None:
    box.setup("install")
    photo = box.keep_a_case()
    (box.root / "etc/dermkiosk").mkdir()
    assert "kept: " in box.setup("uninstall")
    left = {path.relative_to(box.root) for path in box.root.rglob("*") if not path.is_dir() or path.is_symlink()}
    assert left == {path.relative_to(box.root) for path in (photo, box.state / "cases.sqlite3")}
    # The standby page first: when it ends, it starts the kiosk.
    stops = [line for line in box.log.splitlines() if "stop" in line][-3:]
    assert stops[:2] == ["systemctl stop dermkiosk-standby.service", "systemctl stop dermkiosk.service"]


def test_uninstall_with_data_leaves_nothing(box: Box) -> None:
    box.setup("install")
    box.keep_a_case()
    box.setup("uninstall", "--with-data")
    assert not box.state.exists()
    assert "userdel dermkiosk\n" in box.log


def test_data_on_a_file_system_of_their_own_go_and_it_stays_mounted(box: Box) -> None:
    """As on an encrypted card: docs/security.md."""
    box.setup("install")
    box.state.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", box.state], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this machine lets nobody mount: {mounted.stderr.strip()}")
    try:
        box.keep_a_case()
        box.setup("uninstall", "--with-data")
        assert box.state.is_mount()
        assert list(box.state.iterdir()) == []
    finally:
        subprocess.run(["umount", box.state], check=True)


@pytest.mark.parametrize(
    "command", [("install", "--now"), ("uninstall", "--all"), ("install", "--offline"), ("bundle",)]
)
def test_what_is_not_understood_changes_nothing(box: Box, command: tuple[str, ...]) -> None:
    before = box.tree()
    box.setup(*command, status=1)
    assert box.tree() == before


# --- offline ---


def _make_bundle(box: Box, folder: Path) -> Path:
    shutil.copytree(box.source, folder / "source")
    (folder / "wheels").mkdir()
    (folder / "wheels/flask-1.whl").write_bytes(b"a wheel")
    _sign(folder)
    return folder


def _sign(folder: Path) -> None:
    files = sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (folder / "MANIFEST.sha256").write_text("".join(lines))


def test_a_folder_installs_without_a_network(box: Box, tmp_path: Path) -> None:
    bundle = _make_bundle(box, tmp_path / "stick")
    box.setup("install", "--offline", bundle)
    assert f"pip 1 {bundle}/wheels: -m pip install" in box.log
    assert "apt-get" not in box.log
    assert box.installed_program() == "version = 1\n"


def test_packages_come_from_the_folder_too(box: Box, tmp_path: Path) -> None:
    bundle = _make_bundle(box, tmp_path / "stick")
    (bundle / "debs").mkdir()
    _make_package(bundle / "debs/chromium.deb")
    (bundle / "MANIFEST.sha256").unlink()
    _sign(bundle)
    box.setup("install", "--offline", bundle)
    line = next(each for each in box.log.splitlines() if each.startswith("apt-get") and " install " in each)
    assert "Dir::Etc::sourceparts=-" in line  # the folder, and no network
    assert line.split("--no-install-recommends ")[1].split()[0] == "python3-venv"


def _make_package(file: Path) -> None:
    control = file.parent / "package/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: chromium\nVersion: 1\nArchitecture: all\nMaintainer: us\nDescription: none\n")
    subprocess.run(["dpkg-deb", "--build", control.parents[1], file], check=True, capture_output=True)
    shutil.rmtree(control.parents[1])


@pytest.mark.parametrize("harm", ["altered", "missing", "added", "no manifest"])
def test_a_folder_that_is_not_whole_installs_nothing(box: Box, tmp_path: Path, harm: str) -> None:
    bundle = _make_bundle(box, tmp_path / "stick")
    wheel = bundle / "wheels/flask-1.whl"
    if harm == "altered":
        wheel.write_bytes(b"another wheel")
    elif harm == "missing":
        wheel.unlink()
    elif harm == "added":
        (bundle / "wheels/more-1.whl").write_bytes(b"more")
    else:
        (bundle / "MANIFEST.sha256").unlink()
    before = box.tree()
    box.setup("install", "--offline", bundle, status=1)
    assert box.tree() == before


def test_a_bundle_holds_what_an_installation_needs_and_proves_it(box: Box, tmp_path: Path) -> None:
    bundle = tmp_path / "stick"
    box.setup("bundle", bundle)
    assert "-m pip download" in box.log
    assert "--require-hashes" in box.log
    assert "chromium" in (bundle / "debs.txt").read_text().split()
    box.setup("install", "--offline", bundle)
    assert box.installed_program() == "version = 1\n"


# --- what differs from box to box ---


def test_each_box_makes_secrets_of_its_own_once(tmp_path: Path) -> None:
    made, keys = [], []
    for name in ("one", "other", "one"):
        environment = os.environ | {"DERMKIOSK_SECRETS": str(tmp_path / name)}
        subprocess.run([ROOT / "systemd/first-boot"], env=environment, check=True)
        made.append(load(tmp_path / name / "hotspot.toml"))
        keys.append(str(RecoveryKey.read(tmp_path / name / "backup-key")))
    assert keys[0] == keys[2] != keys[1]
    assert made[0] == made[2] != made[1]
    assert made[0] is not None
    assert len(made[0].passphrase) == 14
    assert (tmp_path / "one/hotspot.toml").stat().st_mode & 0o777 == 0o640
