"""TLS for clinics that need it: this box's own authority, a certificate, and haproxy in front of the phones' port.

The authority can vouch for this box's name and private addresses and for nothing else (name constraints, RFC 5280), so
that a phone that trusts it trusts this box alone, even if the box is stolen. Made with Debian's ``openssl``.
"""

import ipaddress
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.cases import clock
from appliance.errors import ClockUnverified, TlsUnmade
from appliance.files import write_atomically
from appliance.hotspot import Hotspot
from appliance.lan import HOTSPOT

TIMEOUT_S: Final = 60.0
AUTHORITY_DAYS: Final = 3650
CERTIFICATE_DAYS: Final = 800
"""iPhones take no more than 825."""
ELLIPTIC: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
ALLOWED: Final = tuple(
    ipaddress.IPv4Network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10")
)
"""One address outside of these would spoil the whole certificate: it is left out, and phones use the box's name."""
EXTENSIONS: Final = """[req]
distinguished_name = name
prompt = no
[name]
CN = {title}
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
nameConstraints = critical,@allowed
[allowed]
permitted;DNS.1 = {host}
{networks}
[box]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""
PROXY: Final = """# Written by 'dermkiosk tls'. TLS in front of the phones' port; the credentials are the unit's.
global
  maxconn 200
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets

defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 90s
  timeout http-request 20s

frontend plain
  bind {bind}:{http_port}
  acl authority path /authority.crt
  http-request return status 200 content-type application/x-x509-ca-cert file {authority} if authority
  http-request redirect code 308 prefix https://%[req.hdr(host),field(1,:)]{suffix}

frontend secure
  bind {bind}:{https_port} ssl crt "${{CREDENTIALS_DIRECTORY}}/box.pem" alpn h2,http/1.1
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto https
  default_backend box

backend box
  server box 127.0.0.1:{inner_port}
"""


@dataclass(frozen=True)
class Ports:
    """Where haproxy listens, and what it stands in front of."""

    inner: int
    http: int = 80
    https: int = 443
    bind: str = "0.0.0.0"  # noqa: S104  # phones are the point


def make(folder: Path, own: Hotspot, address: str | None, ports: Ports) -> Path:
    """Make what is missing in ``folder``, and the certificate anew; returns the authority's certificate.

    ``address``: where phones find the box now. Raises :class:`ClockUnverified` where the dates in it would be wrong,
    :class:`TlsUnmade`.
    """
    if clock.now().clock != "synced":
        raise ClockUnverified
    suffix = "" if ports.https == 443 else f":{ports.https}"
    settings = PROXY.format(
        bind=ports.bind,
        http_port=ports.http,
        https_port=ports.https,
        inner_port=ports.inner,
        suffix=suffix,
        authority='"${CREDENTIALS_DIRECTORY}/authority.crt"',
    )
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            _fill(folder, Path(work), _form(own, address), own)
        write_atomically(folder / "haproxy.cfg", settings.encode())
    except OSError as error:
        raise TlsUnmade(str(error)) from error
    return folder / "authority.crt"


def _form(own: Hotspot, address: str | None) -> str:
    """What openssl is told."""
    addresses = [HOTSPOT] + [address] * (address is not None and _allowed(address))
    names = dict.fromkeys([f"DNS:{own.host}", *(f"IP:{each}" for each in addresses)])
    networks = (f"permitted;IP.{at} = {each.with_netmask}" for at, each in enumerate(ALLOWED, 1))
    return EXTENSIONS.format(
        title=f"{own.ssid} authority", host=own.host, names=",".join(names), networks="\n".join(networks)
    )


def _allowed(address: str) -> bool:
    try:
        return any(ipaddress.IPv4Address(address) in each for each in ALLOWED)
    except ValueError:  # a name: the certificate has the box's own
        return False


def _fill(folder: Path, work: Path, form: str, own: Hotspot) -> None:
    """The authority once, for a phone trusts it for years; the box's certificate each time."""
    settings = work / "form"
    settings.write_text(form)
    authority, key = folder / "authority.crt", folder / "authority.key"
    if not (authority.exists() and key.exists()):
        new = (*ELLIPTIC, "-keyout", str(work / "key"), "-out", str(work / "crt"), "-days", str(AUTHORITY_DAYS))
        _openssl("req", "-x509", "-config", str(settings), "-extensions", "authority", *new)
        write_atomically(key, (work / "key").read_bytes())
        write_atomically(authority, (work / "crt").read_bytes())
        authority.chmod(0o644)
    new = (*ELLIPTIC, "-keyout", str(work / "box.key"), "-out", str(work / "box.crt"), "-days", str(CERTIFICATE_DAYS))
    signed = ("-CA", str(authority), "-CAkey", str(key), "-subj", f"/CN={own.host}")
    _openssl("req", "-x509", "-config", str(settings), "-extensions", "box", *signed, *new)
    write_atomically(folder / "box.pem", (work / "box.crt").read_bytes() + (work / "box.key").read_bytes())


def _openssl(*arguments: str) -> None:
    command = ["openssl", *arguments]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)  # noqa: S603
    except subprocess.CalledProcessError as failed:
        raise TlsUnmade(failed.stderr) from failed
    except subprocess.TimeoutExpired as late:
        raise TlsUnmade(str(late)) from late
