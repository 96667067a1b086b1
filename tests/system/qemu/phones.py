"""Phones that send photographs to a box whose power may go, and keep what it has promised them."""

import http.client
import io
import json
import socket
import struct
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 30
FIELDS = {"site": "forearm", "consent": "yes", "source": "phone_camera"}
ANSWER_S = 900
INSIDE = """
import json, pathlib, sqlite3
state = pathlib.Path("/var/lib/dermkiosk")
base = sqlite3.connect(f"file:{state}/cases.sqlite3?mode=ro", uri=True)
ask = lambda line: base.execute(line).fetchall()
photos = {path.name.split(".")[0] for path in (state / "photos").iterdir()}
print(json.dumps({
    "whole": ask("PRAGMA integrity_check")[0][0],
    "foreign": len(ask("PRAGMA foreign_key_check")),
    "cases": len(ask("SELECT 1 FROM cases")),
    "answers": len(ask("SELECT 1 FROM answers")),
    "codes": [row[0] for row in ask("SELECT code FROM cases")],
    "photos_missing": sum(row[0] not in photos for row in ask("SELECT photo_id FROM cases")),
}))
"""


@dataclass
class Promise:
    """One photograph the box has acknowledged (202): which case it is, where its answer will be, the answer seen."""

    key: str
    case: str
    result_url: str
    document: dict[str, Any] | None = None


@dataclass
class Ledger:
    """Every promise of a box, over all its lives, and what was found broken."""

    promises: list[Promise] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent: int = 0

    def check_database(self, run: Callable[[str], str]) -> None:
        """Look inside: whole, each case answered once, each photograph's file there, no promise without a row."""
        seen = json.loads(run(f"python3 -c '{INSIDE}'").splitlines()[-1])
        if seen["whole"] != "ok" or seen["foreign"]:
            self.faults.append(f"the database is damaged: {seen['whole']} {seen['foreign']}")
        if seen["photos_missing"] or seen["answers"] > seen["cases"]:
            self.faults.append(f"cases without a photograph: {seen['photos_missing']}; answers {seen['answers']}")
        missing = {promise.case for promise in self.promises} - set(seen["codes"])
        self.faults += [f"{case}: acknowledged, and not in the database" for case in missing]

    def check(self, base: str, pace: float = 1) -> None:
        """Ask for every promised answer, as the phones do, and note what is lost, changed, half or there twice."""
        for promise in self.promises:
            try:
                document = answer(base, promise.result_url, pace)
            except OSError as error:
                self.faults.append(f"{promise.case}: acknowledged, then {error}")
                continue
            self.faults += faults_of(promise, document)
            promise.document = document
        cases = [promise.case for promise in self.promises]
        self.faults += [f"{case}: two photographs got one case" for case in set(cases) if cases.count(case) > 1]


def faults_of(promise: Promise, document: dict[str, Any]) -> list[str]:
    """What of ``document`` is not as it was promised or shown before."""
    wrong = []
    if document.get("case") != promise.case:
        wrong.append(f"{promise.case}: the link shows another case, {document.get('case')}")
    if document.get("outcome") in ("findings", "none_of_these") and len(document.get("findings", [])) != 8:
        wrong.append(f"{promise.case}: half a result is shown")
    if promise.document not in (None, document):
        wrong.append(f"{promise.case}: the result shown before has changed")
    return wrong


class Phones:
    """Sends photographs from several threads until it is stopped; a context manager."""

    def __init__(self, base: str, ledger: Ledger, pace: float = 1, threads: int = 3) -> None:
        self._base, self._ledger, self._pace = base, ledger, pace
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._send_on) for _ in range(threads)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _send_on(self) -> None:
        while not self._ended.wait(0.2):
            key = uuid.uuid4().hex
            try:
                promise = send(self._base, photograph(), key, self._pace)
            except OSError:  # the plug is pulled, or fifty photographs wait already: nothing was promised
                continue
            with self._lock:
                self._ledger.promises.append(promise)
            self._look(promise)

    def _look(self, promise: Promise) -> None:
        """Wait for the answer a little; what is shown is kept, and must be shown again."""
        give_up = time.monotonic() + 5 * self._pace
        while not self._ended.wait(0.3 * self._pace) and time.monotonic() < give_up:
            try:
                status, document = get(self._base + promise.result_url, pace=self._pace)
            except OSError:
                return
            if status == 200:
                promise.document = document
                return


def photograph() -> bytes:
    """A drawn photograph unlike every other, JPEG."""
    # Here, so that the system's own python3 can say `run --help`.
    from PIL import Image

    from training.golden import draw

    file = io.BytesIO()
    Image.fromarray(draw(int(time.monotonic_ns() % 2**32))).save(file, "JPEG", quality=92)
    return file.getvalue()


def send(base: str, photo: bytes, key: str, pace: float = 1) -> Promise:
    """Hand one photograph in. Raises ``OSError`` where the box does not acknowledge it."""
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in FIELDS.items()]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
    body = "".join(parts).encode() + f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + photo
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Idempotency-Key": key}
    _, said = get(f"{base}/api/v1/photos", body + f"\r\n--{boundary}--\r\n".encode(), headers, pace)
    return Promise(key, said["case"], said["result_url"])


def answer(base: str, path: str, pace: float = 1) -> dict[str, Any]:
    """The result document, as soon as it is there. Raises ``OSError`` where it is not to be had."""
    give_up = time.monotonic() + ANSWER_S * pace
    while time.monotonic() < give_up:
        status, document = get(base + path, pace=pace)
        if status == 200:
            return document
        time.sleep(0.5 * pace)
    raise TimeoutError(f"no answer within {ANSWER_S * pace:.0f} s")


def get(
    url: str, body: bytes | None = None, headers: dict[str, str] | None = None, pace: float = 1
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of ``url``. Raises ``OSError``, which an HTTP status of 400 or more is, too.

    ``pace``: how many times longer than usual to wait for each answer (:attr:`box.Box.pace`).
    """
    try:
        asked = urllib.request.Request(url, body, headers or {})  # noqa: S310
        with urllib.request.urlopen(asked, timeout=TIMEOUT_S * pace) as response:  # noqa: S310
            return response.status, json.load(response)
    except (ValueError, http.client.HTTPException) as cut_off:
        raise ConnectionError("the answer was cut off") from cut_off
    except urllib.error.HTTPError as refused:
        refused.close()
        raise


def looked_up(name: str, base: str, timeout_s: float = 5) -> str:
    """The address that somebody on the box's network gives for a name (mDNS, RFC 6762, 6.7), or nothing."""
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
    query = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(_address_towards(base)))
        line.settimeout(timeout_s)
        line.sendto(query, ("224.0.0.251", 5353))
        try:
            return socket.inet_ntoa(line.recv(2000)[-4:])
        except TimeoutError:
            return ""


def _address_towards(base: str) -> str:
    """This machine's own, on the box's network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect((urllib.parse.urlsplit(base).hostname, 5353))
        return str(line.getsockname()[0])
