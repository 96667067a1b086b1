"""A phone that joins: asks for an address, then for names. Run in a network namespace of its own; prints JSON."""

import json
import secrets
import socket
import struct
import subprocess
import sys
from contextlib import suppress

DEVICE, MAC = sys.argv[1], bytes.fromhex("020000000001")
MAGIC = bytes.fromhex("63825363")
QUESTIONS = sys.argv[2:]


def message(kind: int, number: int, *options: bytes) -> bytes:
    """BOOTP with DHCP's options (RFC 2131); the answer is asked for as a broadcast."""
    head = struct.pack("!BBBBIHH16s16s", 1, 1, 6, 0, number, 0, 0x8000, b"", MAC)
    asked = bytes([55, 4, 1, 3, 6, 15])
    return head + bytes(192) + MAGIC + bytes([53, 1, kind]) + b"".join(options) + asked + b"\xff"


def options_of(answer: bytes) -> dict[int, bytes]:
    """Code → value."""
    found, rest = {}, answer[240:]
    while rest and rest[0] != 255:
        found[rest[0]], rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
    return found


def asked(line: socket.socket, kind: int, number: int, *options: bytes) -> bytes:
    """The answer to one message, sent again where it is lost, as phones do: a network that just came up loses some."""
    for _ in range(8):
        line.sendto(message(kind, number, *options), ("255.255.255.255", 67))
        with suppress(TimeoutError):
            return line.recv(2000)
    raise TimeoutError("nobody gives addresses")


def joined() -> tuple[str, dict[int, bytes]]:
    """The address given, and what came with it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(5)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, DEVICE.encode())
        line.bind(("", 68))
        number = secrets.randbits(32)
        offer = asked(line, 1, number)
        server, given = options_of(offer)[54], offer[16:20]
        accepted = asked(line, 3, number, b"\x36\x04" + server, b"\x32\x04" + given)
        return socket.inet_ntoa(given), options_of(accepted)


def looked_up(name: str, server: str) -> str:
    """The address of a name, or what the server says instead (DNS, RFC 1035)."""
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
    query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(10)
        line.sendto(query, (server, 53))
        answer = line.recv(2000)
    code, answers = answer[3] & 15, struct.unpack("!H", answer[6:8])[0]
    return socket.inet_ntoa(answer[-4:]) if not code and answers else f"code {code}"


subprocess.run(["ip", "link", "set", DEVICE, "up"], check=True)
address, options = joined()
subprocess.run(["ip", "address", "add", f"{address}/24", "dev", DEVICE], check=True)
server = socket.inet_ntoa(options[6][:4])
print(
    json.dumps(
        {
            "address": address,
            "router": 3 in options,
            "server": server,
            "names": {name: looked_up(name, server) for name in QUESTIONS},
        }
    )
)
