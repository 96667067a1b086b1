"""The real program under ``strace``: whom it listens to, and that it calls nobody."""

import ipaddress
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO

import psutil
import pytest

from appliance.vision.photo import Pixels

SERVE = [str(Path(sys.executable).with_name("dermkiosk")), "serve", "--kiosk-port", "0", "--lan-port", "0"]
SIMULATED = ["--camera", "synthetic", "--light", "simulated", "--button", "simulated", "--indicator", "simulated"]
CALLS = "connect,sendto,sendmsg,sendmmsg"
FAMILIES = {"AF_UNIX", "AF_LOCAL", "AF_NETLINK"}
"""Of this machine's own insides."""
CSRF = re.compile(r'name="csrf" value="([^"]+)"')
WAIT_S = 120
BOUNDARY = "a-photo"
FORM = (("site", "forearm"), ("consent", "yes"))


def _strace(log: Path) -> list[str]:
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={CALLS}", "-o", str(log)]


def _traces() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*_strace(Path("/dev/null")), "true"], check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _traces(), reason="there is no strace here, or it may not trace")


def _called(log: Path) -> set[str]:
    """What is not of this machine in a trace: addresses, and families of addresses."""
    families = set(re.findall(r"sa_family=(\w+)", log.read_text()))
    addresses = re.findall(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', log.read_text())
    outside = {four or six for four, six in addresses if not ipaddress.ip_address(four or six).is_loopback}
    return outside | (families - FAMILIES - {"AF_INET", "AF_INET6"})


@dataclass
class Box:
    """A running box, and what it has called so far."""

    process: psutil.Process
    kiosk: str
    phones: str
    log: Path

    def listening(self) -> set[tuple[str, int]]:
        ids = {each.pid for each in (self.process, *self.process.children(recursive=True))}
        found = [each for each in psutil.net_connections("inet") if each.pid in ids and each.status == "LISTEN"]
        return {(each.laddr.ip, each.laddr.port) for each in found}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("traced")
    log = folder / "calls"
    command = [*_strace(log), *SERVE, *SIMULATED, "--state", str(folder / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            kiosk, phones = _told(process.stdout, "kiosk "), _told(process.stdout, "phones ")
            yield Box(psutil.Process(process.pid), kiosk, phones, log)
        finally:
            for child in psutil.Process(process.pid).children():  # strace itself waits for it, whatever it is told
                child.terminate()


def _told(lines: IO[str], prefix: str) -> str:
    for line in lines:
        if line.startswith(prefix):
            return line.removeprefix(prefix).strip().rstrip("/")
    pytest.fail(f"dermkiosk serve ended before it said {prefix!r}")


def _port(url: str) -> int:
    return urllib.parse.urlsplit(url).port or 0


def _status(url: str, host: str) -> int:
    try:
        request = urllib.request.Request(url, headers={"Host": host})  # noqa: S310  # this machine
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_the_kiosk_listens_to_this_machine_alone_and_phones_have_a_port_of_their_own(box: Box) -> None:
    assert box.listening() == {("127.0.0.1", _port(box.kiosk)), ("0.0.0.0", _port(box.phones))}  # noqa: S104


def test_neither_listener_answers_for_the_other(box: Box) -> None:
    kiosk, phones = f"127.0.0.1:{_port(box.kiosk)}", f"127.0.0.1:{_port(box.phones)}"
    for path in ("/kiosk/state", "/kiosk/preview.jpg", "/kiosk/calibration"):
        assert _status(f"http://{phones}{path}", host=kiosk) == 404
    assert _status(f"http://{kiosk}/", host="dermkiosk-x7k2.local") == 403
    assert _status(f"http://{kiosk}/", host=kiosk) == 200


def test_a_visit_and_an_upload_call_nobody(box: Box, encoded: Callable[..., bytes], skin: Pixels) -> None:
    _visit(box)
    _upload(box, encoded(skin, "JPEG"))
    assert box.log.stat().st_size > 0  # loopback and the machine's own insides were seen
    assert _called(box.log) == set()


def test_a_call_to_somebody_is_found_out(tmp_path: Path) -> None:
    for code in ("s(2, 1).connect_ex(('192.0.2.1', 9))", "s(2, 2).sendto(b'', ('192.0.2.1', 9))"):
        program = f"import socket; s = socket.socket; s(2, 1).settimeout(0.1); socket.setdefaulttimeout(0.1); {code}"
        subprocess.run([*_strace(tmp_path / "calls"), sys.executable, "-c", program], check=False, capture_output=True)
        assert _called(tmp_path / "calls") == {"192.0.2.1"}


def _visit(box: Box) -> None:
    """One visit at the kiosk, from the welcome page to the result."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    browser.addheaders.append(("Origin", box.kiosk))

    def get(path: str) -> str:
        with browser.open(box.kiosk + path, timeout=30) as answer:
            return str(answer.read().decode())

    csrf = CSRF.findall(get("/"))[0]
    for path, fields in (
        ("start", {}),
        ("consent", {"consent": "yes"}),
        ("new", {}),
        ("site", {"site": "forearm"}),
        ("close-up", {}),
        ("capture", {}),
    ):
        body = urllib.parse.urlencode({"csrf": csrf, **fields}).encode()
        browser.open(f"{box.kiosk}/kiosk/{path}", body, timeout=30).close()
    _until(lambda: json.loads(get("/kiosk/state"))["phase"] in ("result", "failed"))
    assert json.loads(get("/kiosk/state"))["phase"] == "result"


def _upload(box: Box, photo: bytes) -> None:
    """One photo from a phone, and its result."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in FORM
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    base = f"http://127.0.0.1:{_port(box.phones)}"
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = urllib.request.Request(f"{base}/api/v1/photos", body, kind)  # noqa: S310  # this machine
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        result = base + json.load(answer)["result_url"]
    _until(lambda: _status(result, f"127.0.0.1:{_port(box.phones)}") == 200)


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < end
        time.sleep(0.3)
