"""The same box in a container of systemd's, on the machine's own processor: quick where qemu must emulate one.

Its disk is still qemu's: served by qemu-storage-daemon, and killed with what it holds in memory when the power is cut.
What it lacks is a kernel, a hardware watchdog and a screen of its own.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from box import Box, CommandFailed, NotHere

START = """
set -eu
mount --make-rprivate /
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/{name}/box
echo $$ >/sys/fs/cgroup/{name}/box/cgroup.procs
mount {loop} {root}
mount -o ro,loop {stick} {root}/media/stick
# The cable has no DHCP at its other end.
printf '[Match]\nName=host0\n[Network]\nAddress={address}/24\n' >{root}/etc/systemd/network/70-box.network
mkdir -p {root}/etc/NetworkManager/conf.d
printf '[keyfile]\nunmanaged-devices=interface-name:host0\n' >{root}/etc/NetworkManager/conf.d/box.conf
exec systemd-nspawn --quiet --boot -D {root} -M {name} --register=no --keep-unit --console=read-only \
  --network-veth --capability=CAP_SYS_TIME --link-journal=no
"""
# The unit's own lines, without the options that only FAT knows.
PLUG_IN = """
mkdir -p /dev/disk/by-label /run/systemd/system/dermkiosk-backup.service.d
mknod /dev/stick b {major} {minor}
ln -s /dev/stick /dev/disk/by-label/DERMKIOSK
{{ printf '[Service]\\nExecStartPre=\\n'
  sed -n '/^ExecStartPre=/{{s/,uid=.*,umask=0077//;p}}' /etc/systemd/system/dermkiosk-backup.service
}} >/run/systemd/system/dermkiosk-backup.service.d/ext4.conf
systemctl daemon-reload
systemctl start --no-block dermkiosk-backup
"""


class Container(Box):
    """One container. As root."""

    accelerator = "container"

    def __init__(self, folder: Path, disk: Path) -> None:
        super().__init__(folder, disk)
        self._name = f"box{os.getpid()}"
        self._network = f"10.211.{os.getpid() % 256}"  # two may run at once
        self._root, self._export = disk.with_suffix(f".{self._name}"), disk.with_suffix(".export")
        self._loop = self._stick = ""
        self._storage: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://{self._network}.2:8000"

    def cut(self) -> None:
        """First the disk is gone, then everything that ran on it."""
        if self._process is None or self._storage is None:
            return
        self._storage.kill()
        self._storage.wait()
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._let_go()

    def shut_down(self) -> None:
        self._ask("systemctl poweroff", 30 * self.pace)
        if self._process is not None and self._storage is not None:
            self._process.wait(timeout=180 * self.pace)
            self._detach()
            self._storage.terminate()
            self._storage.wait(timeout=60 * self.pace)
            self._let_go()

    def plug_in(self, stick: Path) -> None:
        """A stick with ext4, which this kernel has, under the name that udev would give it; and udev's start."""
        owner, group = self.run("id -u dermkiosk; id -g dermkiosk").split()
        file = stick.with_suffix(".ext4")
        file.unlink(missing_ok=True)
        subprocess.run(
            ["mke2fs", "-q", "-t", "ext4", "-E", f"root_owner={owner}:{group}", file, "256M"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self._stick = _said("losetup", "--find", "--show", file)
        number = Path(self._stick).stat().st_rdev
        self.run(PLUG_IN.format(major=os.major(number), minor=os.minor(number)))

    def watchdog(self) -> str:
        raise NotHere("a container has no watchdog of its own")

    def _switch_on(self) -> None:
        self._storage = export(self.disk, self._export)
        self._loop = _said("losetup", "--find", "--show", self._export)
        self._root.mkdir(exist_ok=True)
        script = START.format(
            name=self._name,
            loop=self._loop,
            root=self._root,
            stick=self.folder / "stick.raw",
            address=f"{self._network}.2",
        )
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "bash", "-c", script], stdout=console, stderr=console, stdin=subprocess.DEVNULL
            )

    def _ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise CommandFailed(f"the container ended; its console: {self.console}")
        return self._ask("systemctl is-system-running --wait", 60).returncode in (0, 1) and self._connect()

    def _pids(self) -> list[int]:
        """All of the container's processes, its first one first."""
        found = Path(f"/sys/fs/cgroup/unified/{self._name}")
        files = found.rglob("cgroup.procs") if found.exists() else []
        return sorted(int(pid) for file in files for pid in file.read_text().split())

    def _first(self) -> str | None:
        for pid in self._pids():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                if any(line.split()[1:] == [str(pid), "1"] for line in status.splitlines() if line.startswith("NSpid")):
                    return str(pid)
        return None

    def _enter(self, command: str) -> list[str]:
        clean = ["env", "-i", "LC_ALL=C.UTF-8", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        if first := self._first():
            return ["nsenter", "-t", first, "-m", "-u", "-i", "-n", "-p", *clean, "bash", "-c", command]
        return ["sh", "-c", "echo no container runs; exit 255"]

    def _connect(self) -> bool:
        """An address for this end of the cable."""
        here = f"ve-{self._name}"[:15]
        subprocess.run(["ip", "link", "set", here, "up"], check=False)
        subprocess.run(
            ["ip", "address", "add", f"{self._network}.1/24", "dev", here], check=False, stderr=subprocess.DEVNULL
        )
        try:
            socket.create_connection((f"{self._network}.2", 22), timeout=5).close()
        except OSError:
            return False
        return True

    def _detach(self) -> None:
        for device in filter(None, (self._loop, self._stick)):
            subprocess.run(["losetup", "--detach", device], check=False)
        self._loop = self._stick = ""

    def _let_go(self) -> None:
        self._detach()
        subprocess.run(["umount", "--lazy", self._export], check=False, stderr=subprocess.DEVNULL)
        self._process = self._storage = None
        for _ in range(50):  # the kernel lets the mount go when the last process has
            if not Path(f"/sys/fs/cgroup/unified/{self._name}/box").exists() or not self._pids():
                return
            time.sleep(0.2)


def export(disk: Path, file: Path) -> subprocess.Popen[bytes]:
    """qemu's disk as a file that others can use, for as long as the process runs."""
    file.touch()
    node = f"driver=qcow2,node-name=disk,file.driver=file,file.filename={disk}"
    line = ["qemu-storage-daemon", "--blockdev", node]
    line += ["--export", f"fuse,id=out,node-name=disk,mountpoint={file},writable=on,allow-other=off"]
    process = subprocess.Popen(line)
    for _ in range(100):
        if file.stat().st_size:
            return process
        time.sleep(0.1)
    process.kill()
    raise CommandFailed("qemu-storage-daemon does not serve the disk")


def check_file_system(disk: Path) -> str:
    """The whole of a cut-off disk's file system, after its journal was played back, without touching the disk.

    Returns e2fsck's words. Raises :class:`CommandFailed` where the journal did not make it whole.
    """
    trial, file = disk.with_suffix(".trial.qcow2"), disk.with_suffix(".trial")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", disk, trial], check=True)
    process = export(trial, file)
    try:
        played = subprocess.run(
            ["e2fsck", "-E", "journal_only", "-y", file], capture_output=True, text=True, check=False
        )
        looked = subprocess.run(["e2fsck", "-f", "-n", file], capture_output=True, text=True, check=False)
    finally:
        process.terminate()
        process.wait()
        trial.unlink()
    if looked.returncode:
        raise CommandFailed(f"the file system is not whole: {played.stdout}{looked.stdout}")
    return played.stdout.strip() + "\n" + looked.stdout.strip()


def _said(*line: object) -> str:
    return subprocess.run(list(map(str, line)), capture_output=True, text=True, check=True).stdout.strip()
