"""TLS as a phone meets it: real certificates, real haproxy, the real pages behind it, and a client that verifies."""

import http.client
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask, request

from appliance import tls
from appliance.cases import clock
from appliance.errors import ClockUnverified, TlsUnmade
from appliance.hotspot import Hotspot
from appliance.serve import Listener
from appliance.tls import Ports

OWN = Hotspot("dermkiosk-x7k2", "abcdefgh234567")
needs_haproxy = pytest.mark.skipif(shutil.which("haproxy") is None, reason="there is no haproxy here")


@pytest.fixture(autouse=True)
def verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mark = tmp_path / "synchronized"
    mark.touch()
    monkeypatch.setattr(clock, "SYNCHRONISED", (mark,))
    return mark


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tls"


def made(folder: Path, ports: Ports = Ports(8000)) -> ssl.SSLContext:  # noqa: B008  # it is frozen
    """A phone that trusts the authority."""
    return ssl.create_default_context(cafile=tls.make(folder, OWN, "192.168.7.9", ports))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Box:
    """A listener behind haproxy, and a phone that trusts the box."""

    ports: Ports
    phone: ssl.SSLContext

    def asked(self, path: str, name: str = OWN.host, **headers: str) -> "Answer":
        """What a phone gets that asks for ``name``."""
        line = http.client.HTTPSConnection("127.0.0.1", self.ports.https, timeout=20)
        plain = socket.create_connection(("127.0.0.1", self.ports.https), timeout=20)
        with closing(line), plain:
            line.sock = self.phone.wrap_socket(plain, server_hostname=name)
            return Answer.of(line, path, {"Host": name, **headers})

    def plain(self, path: str) -> "Answer":
        with closing(http.client.HTTPConnection("127.0.0.1", self.ports.http, timeout=20)) as line:
            return Answer.of(line, path, {"Host": OWN.host})


@dataclass
class Answer:
    """As it came."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @classmethod
    def of(cls, line: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> "Answer":
        line.request("GET", path, headers=headers)
        with line.getresponse() as answer:
            return cls(answer.status, answer.headers, answer.read())


@pytest.fixture
def box(folder: Path) -> Iterator[Box]:
    app = Flask(__name__)
    app.add_url_rule("/who", "who", lambda: f"{request.host_url} {request.remote_addr}")
    listener = Listener(app, "127.0.0.1", 0, proxied=True)
    listener.start()
    ports = Ports(listener.port, _free_port(), _free_port(), "127.0.0.1")
    phone = made(folder, ports)
    command = ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]
    with subprocess.Popen(
        command, env=os.environ | {"CREDENTIALS_DIRECTORY": str(folder)}, stderr=subprocess.PIPE
    ) as proxy:
        try:
            _wait(ports.https)
            yield Box(ports, phone)
        finally:
            proxy.terminate()
            listener.close()


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("haproxy does not listen")


@needs_haproxy
def test_a_phone_that_trusts_the_authority_reaches_the_pages(box: Box) -> None:
    assert box.asked("/who").body.decode() == f"https://{OWN.host}/ 127.0.0.1"
    assert box.asked("/who", name="192.168.7.9").status == 200
    assert box.asked("/who", name="10.42.0.1").status == 200


@needs_haproxy
def test_a_phone_cannot_say_who_it_is_or_that_it_came_plainly(box: Box) -> None:
    said = box.asked("/who", **{"X-Forwarded-For": "10.9.9.9", "X-Forwarded-Proto": "http"}).body.decode()
    assert said == f"https://{OWN.host}/ 127.0.0.1"


@needs_haproxy
def test_a_phone_that_does_not_trust_it_or_asks_for_another_name_is_warned(box: Box) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        box.asked("/who", name="192.168.7.10")
    box.phone = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        box.asked("/who")


@needs_haproxy
def test_without_tls_there_is_the_authority_to_fetch_and_the_way_to_tls(box: Box, folder: Path) -> None:
    fetched = box.plain("/authority.crt")
    assert fetched.headers["Content-Type"] == "application/x-x509-ca-cert"
    assert fetched.body == (folder / "authority.crt").read_bytes()
    led = box.plain("/r/token?language=zh")
    assert led.status == 308
    assert led.headers["Location"] == f"https://{OWN.host}:{box.ports.https}/r/token?language=zh"


def test_made_again_the_authority_stays_and_so_does_the_phones_trust(folder: Path) -> None:
    made(folder)
    authority, certificate = (folder / "authority.crt").read_bytes(), (folder / "box.pem").read_bytes()
    made(folder)
    assert (folder / "authority.crt").read_bytes() == authority
    assert (folder / "box.pem").read_bytes() != certificate
    _verified(folder, folder / "box.pem")


def test_keys_are_roots_alone(folder: Path) -> None:
    made(folder)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {"authority.crt": 0o644, "authority.key": 0o600, "box.pem": 0o600, "haproxy.cfg": 0o600}


def test_a_stolen_authority_vouches_for_nobody_else(folder: Path) -> None:
    made(folder)
    forged = _signed(folder, "example.org", "DNS:example.org")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _verified(folder, forged)
    assert "permitted subtree violation" in refused.value.stderr
    with pytest.raises(subprocess.CalledProcessError):
        _verified(folder, _signed(folder, "8.8.8.8", "IP:8.8.8.8"))
    _verified(folder, _signed(folder, OWN.host, f"DNS:{OWN.host}"))


@pytest.mark.parametrize("address", [None, "127.0.0.1", "203.0.113.7", "clinic-box"])
def test_an_address_the_authority_may_not_vouch_for_is_left_out(folder: Path, address: str | None) -> None:
    tls.make(folder, OWN, address, Ports(8000))
    _verified(folder, folder / "box.pem")
    shown = ["openssl", "x509", "-in", str(folder / "box.pem"), "-noout", "-ext", "subjectAltName"]
    names = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
    assert OWN.host in names
    assert address is None or address not in names


def _verified(folder: Path, certificate: Path) -> None:
    command = ["openssl", "verify", "-CAfile", str(folder / "authority.crt"), str(certificate)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def _signed(folder: Path, name: str, alternative: str) -> Path:
    out = folder / "forged.crt"
    key, authority = str(folder / "authority.key"), str(folder / "authority.crt")
    asked = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}", "-CA", authority, "-CAkey", key]
    command = ["openssl", "req", "-x509", *tls.ELLIPTIC, "-keyout", "/dev/null", "-out", str(out), *asked]
    subprocess.run(command, check=True, capture_output=True)
    return out


def test_with_a_clock_nobody_checked_no_dates_are_signed(folder: Path, verified: Path) -> None:
    verified.unlink()
    with pytest.raises(ClockUnverified):
        made(folder)


def test_a_folder_one_may_not_write_is_said(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("a file")
    with pytest.raises(TlsUnmade):
        made(tmp_path / "tls")


def test_settings_that_cannot_be_written_are_said(folder: Path) -> None:
    (folder / "haproxy.cfg").mkdir(parents=True)
    with pytest.raises(TlsUnmade):
        made(folder)
