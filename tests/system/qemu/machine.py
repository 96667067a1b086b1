"""A machine whose power can be cut: a Debian in qemu, spoken to over SSH and over the phones' port."""

import functools
import shutil
import socket
import subprocess
from pathlib import Path

from box import Box, CommandFailed

KERNEL_LINE = "root=/dev/vda ro console=ttyS0 net.ifnames=0 systemd.log_color=0"
SPARED = {"kvm": "", "tcg": " systemd.mask=dermkiosk-kiosk.service"}
"""An emulated processor would spend more on drawing Chromium's page than on all the rest."""
MEMORY_MB = 2048
PROCESSORS = 1
PROMPT = b"(qemu) "
TRIAL_S = 20
SSH_S = 120
"""An emulated processor on a busy machine takes most of a minute for the exchange of keys."""
PROCESSOR = {
    "kvm": ["-cpu", "host"],
    # The clock goes by instructions, 2 ns each: on a busy machine time limits would otherwise pass before the work.
    # Without AVX2: as qemu 7.2 emulates it, numpy.argpartition gives wrong answers or crashes, which no processor does.
    "tcg": ["-cpu", "max,avx2=off", "-icount", "shift=1,sleep=on"],
}


@functools.cache
def accelerator(kernel: Path) -> str:
    """``kvm`` where a kernel really runs in it (a virtual machine may offer it and then stand still), else ``tcg``.

    ``tcg`` is about ten times slower. The kernel finds no disk, stops, and starts anew, which ends qemu.
    """
    trial = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-m", "256", "-display", "none", "-no-reboot"]
    try:
        ended = subprocess.run(
            [*trial, "-kernel", str(kernel), "-append", "panic=-1"], timeout=TRIAL_S, check=False, capture_output=True
        )
    except subprocess.TimeoutExpired:
        return "tcg"
    return "kvm" if ended.returncode == 0 else "tcg"


def described(folder: Path) -> str:
    """The machine that qemu makes here, for the log."""
    kind = accelerator(folder / "vmlinuz")
    how = {"kvm": "this machine's processor (KVM)", "tcg": "an emulated processor (TCG: KVM runs no kernel here)"}
    spared = SPARED[kind] and f", kernel line with{SPARED[kind]}"
    return f"qemu: {how[kind]}, {' '.join(PROCESSOR[kind])}, {PROCESSORS} processor, {MEMORY_MB} MB{spared}"


class Machine(Box):
    """One virtual machine.

    The disk keeps its newest allocations in qemu's memory until the guest flushes them (qcow2, ``writeback``): when
    qemu is killed, what was not flushed is lost, as it is in a memory card's own buffer.
    ``memory``: what :meth:`keep` wrote; the first start goes on from there.
    """

    def __init__(self, folder: Path, disk: Path, memory: Path | None = None) -> None:
        super().__init__(folder, disk)
        self._memory = memory
        self.accelerator = accelerator(folder / "vmlinuz")
        self.lan_port, self._ssh_port = _free_port(), _free_port()
        self._monitor = disk.with_suffix(".monitor")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.lan_port}"

    def cut(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def shut_down(self) -> None:
        self._ask("systemctl poweroff", 30 * self.pace)
        if self._process is not None:
            self._process.wait(timeout=180 * self.pace)
            self._process = None

    def keep(self, memory: Path) -> None:
        """Write what it holds in memory to a file, and end: the disk and that file are one instant of it.

        Raises :class:`CommandFailed` where qemu cannot write it.
        """
        said = self._tell(f'migrate "exec:cat >{memory}"') + self._tell("info migrate")
        if "Migration status: completed" not in said:
            raise CommandFailed(f"qemu has not kept its memory: {said}")
        self._tell("quit")
        if self._process is not None:
            self._process.wait()
            self._process = None

    def plug_in(self, stick: Path) -> None:
        """Into a port of the running machine: its kernel and its udev find it."""
        self._tell(f"drive_add 0 id=more,if=none,format=raw,file={stick}")
        self._tell("device_add usb-storage,drive=more")

    def watchdog(self) -> str:
        return self.run("cd /sys/class/watchdog/watchdog0; grep -H . identity state timeout")

    def _switch_on(self) -> None:
        line, self._memory = self._command(), None
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(line, stdout=console, stderr=console, stdin=subprocess.DEVNULL)

    def _ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise CommandFailed(f"qemu ended: {self.console.read_text(errors='replace')[-2000:]}")
        return self._ask("true", SSH_S).returncode == 0

    def screen(self, picture: Path) -> None:
        """What the machine's display shows, as a PPM file."""
        self._tell(f"screendump {picture}")

    def _tell(self, line: str) -> str:
        """A line to qemu's monitor; what it says until it is done with it."""
        said = b""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._monitor))
            monitor.sendall(f"{line}\n".encode())
            while said.count(PROMPT) < 2 and (more := monitor.recv(4096)):
                said += more
        return said.decode(errors="replace")

    def _enter(self, command: str) -> list[str]:
        options = "-q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes"
        patience = ["-o", f"ConnectTimeout={SSH_S}", "-o", "ServerAliveInterval=60"]
        key = ["-i", str(self.folder / "key"), "-p", str(self._ssh_port)]
        return ["ssh", *options.split(), *patience, *key, "root@127.0.0.1", command]

    def _command(self) -> list[str]:
        folder = self.folder
        forwards = f"hostfwd=tcp:127.0.0.1:{self._ssh_port}-:22,hostfwd=tcp:127.0.0.1:{self.lan_port}-:8000"
        return [
            *["qemu-system-x86_64", "-machine", f"q35,accel={self.accelerator}"],
            *PROCESSOR[self.accelerator],
            *["-smp", str(PROCESSORS), "-m", str(MEMORY_MB), "-nodefaults", "-display", "none", "-serial", "stdio"],
            *["-monitor", f"unix:{self._monitor},server=on,wait=off", "-device", "virtio-gpu-pci"],
            *["-device", "virtio-rng-pci", "-device", "i6300esb", "-action", "watchdog=reset"],
            *["-drive", f"file={self.disk},if=virtio,format=qcow2,cache=writeback"],
            # No way out: the machine reaches nothing, it is only reached.
            *["-netdev", f"user,id=lan,restrict=on,{forwards}", "-device", "virtio-net-pci,netdev=lan"],
            *["-device", "qemu-xhci", "-device", "usb-storage,drive=stick"],
            *["-drive", f"id=stick,if=none,format=raw,readonly=on,file={folder / 'stick.raw'}"],
            *["-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd")],
            *["-append", KERNEL_LINE + SPARED[self.accelerator]],
            *(["-incoming", f"exec:cat {self._memory}"] if self._memory else []),
        ]


def new_disk(image: Path, disk: Path) -> Path:
    """A disk that begins as ``image`` (raw, or another such disk) and leaves it as it is.

    Its clusters are as small as a page of the database or a block of the file system: each that is written for the
    first time is lost by itself unless it was flushed.
    """
    disk.unlink(missing_ok=True)
    kind = "raw" if image.suffix == ".raw" else "qcow2"
    line = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", "-F", kind, "-b", image, disk]
    subprocess.run(line, check=True)
    return disk


def missing() -> str | None:
    """Why no machine can be made here; ``None`` where one can."""
    programs = [each for each in ("qemu-system-x86_64", "qemu-img", "ssh") if not shutil.which(each)]
    return f"needs {', '.join(programs)}" if programs else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
