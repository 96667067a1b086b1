"""Kills the whole program (kill -9) at random instants while phones send and the kiosk photographs, and looks whether
anything that was accepted got lost, was answered twice, or was shown by half.

    python tests/faults/soak.py --kills 300 --seed 1

The phones behave as the pages' script does: each upload has a key, and is sent again until the box says 202. Now and
then one is sent twice on purpose. Results that were read are read again later, and must not have changed.
"""

import argparse
import http.client
import io
import json
import os
import random
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image

from appliance.cases import layout
from appliance.cases.store import Store
from appliance.vision.photo import decode
from training.golden import draw

DERMKIOSK = str(Path(sys.executable).with_name("dermkiosk"))
IN_A_HURRY = os.environ | {"DERMKIOSK_UPLOADS_PER_HOUR": "100000"}
SIMULATED = ["--light", "simulated", "--button", "simulated", "--indicator", "simulated"]
PHONES = 3
PICTURES = 6
TWICE = 0.2
"""Share of uploads that are sent again although they were accepted."""
WHILE_STARTING = 0.15
"""Share of kills that fall before the program says that it is ready."""
AFTER_AN_UPLOAD = 0.6
"""Share of kills that fall shortly after an upload was accepted: its answer is being made, the next is on its way."""
AFTER_A_VISIT = 0.1
"""Share of kills that fall shortly after the kiosk has a photograph."""
SHORTLY_S = 1.5
AFTER_READY_S = 10.0
"""The other lives last up to so long: a visit at the kiosk needs some seconds from its welcome to its photograph."""
AT_MOST_S = 60.0
GIVE_UP_S = 600.0
VISIT_S = 0.05
PAUSE_S = 0.05
TAKEN = ("waiting", "result")
"""Phases of the kiosk in which it has the photograph."""
CODE = re.compile(rb"\b[2-9A-Y]{4}-[2-9A-Y]{2}\b")
UNREACHABLE = (OSError, http.client.HTTPException)


@dataclass
class Upload:
    """What one phone knows of one photograph."""

    key: str
    photo: bytes
    case: str = ""
    url: str = ""
    document: dict[str, Any] | None = None


@dataclass
class Seen:
    """What all clients saw, and what they complain of."""

    uploads: list[Upload] = field(default_factory=list)
    kiosk_codes: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)
    accepted: int = 0
    """Times that the box said so, repeated uploads included."""
    results_read: int = 0
    visits: int = 0
    """Times that the kiosk's page showed that it has a photograph."""


class Box:
    """The program at fixed ports, started and killed."""

    def __init__(self, folder: Path) -> None:
        self.state, self._log, self._photographs = folder / "state", folder / "log", folder / "photographs"
        self._photographs.mkdir()
        self.kiosk, self.phones = _free_port(), _free_port()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        ports = ["--kiosk-port", str(self.kiosk), "--lan-port", str(self.phones)]
        camera = ["--camera", f"folder:{self._photographs}"]  # starts sooner than one that draws
        command = [DERMKIOSK, "serve", *camera, *SIMULATED, *ports, "--state", str(self.state)]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=IN_A_HURRY)
        return self._process

    def show(self, photo: bytes) -> None:
        """What its camera sees."""
        (self._photographs / "a.jpg").write_bytes(photo)

    def wait_until_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("phones "):
                return
        raise RuntimeError(f"the program ended by itself with {self._process.wait()}, see {self._log}")

    def end(self, number: signal.Signals) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.send_signal(number)
        code = self._process.wait(GIVE_UP_S)
        self._process.stdout.close()
        if code != (-signal.SIGKILL if number is signal.SIGKILL else 0):
            raise RuntimeError(f"the program ended by itself with {code}, see {self._log}")


class Phone:
    """Sends photographs, one after another, each until it is accepted and answered."""

    def __init__(self, box: Box, seen: Seen, pictures: list[bytes], seed: int) -> None:
        self._box, self._seen, self._pictures = box, seen, pictures
        self._chance, self._number = random.Random(seed), seed
        self._mine: list[Upload] = []

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            mark = f"{self._number}-{len(self._mine)}"
            upload = Upload(mark, self._chance.choice(self._pictures) + mark.encode())
            self._mine.append(upload)
            self._seen.uploads.append(upload)
            self._until(self._send, upload)
            if self._chance.random() < TWICE:
                self._until(self._send, upload)
            for each in (upload, self._chance.choice(self._mine)):
                self._until(self._read, each)

    def _until(self, step: Callable[[Upload], bool], upload: Upload) -> None:
        end = time.monotonic() + GIVE_UP_S
        while time.monotonic() < end:
            with suppress(*UNREACHABLE):
                if step(upload):
                    return
            time.sleep(PAUSE_S)
        self._seen.complaints.append("a phone waited in vain")

    def _send(self, upload: Upload) -> bool:
        body, kind = _form(upload.photo)
        headers = {"Content-Type": kind, "Idempotency-Key": upload.key}
        status, said = _ask(self._box.phones, "POST", "/api/v1/photos", body, headers)
        if status in (429, 503):
            return False
        if status != 202:
            self._seen.complaints.append(f"an upload was answered with {status}")
            return True
        answer = json.loads(said)
        if upload.case not in ("", answer["case"]):
            self._seen.complaints.append(f"one upload became two cases: {upload.case} and {answer['case']}")
        self._seen.accepted += 1
        upload.case, upload.url = answer["case"], answer["result_url"]
        return True

    def _read(self, upload: Upload) -> bool:
        if not upload.url:  # the phone gave up before the box said that it has it
            return True
        status, said = _ask(self._box.phones, "GET", upload.url)
        if status in (202, 429, 503):
            return False
        if status != 200:
            self._seen.complaints.append(f"an accepted case was answered with {status}")
            return True
        document = json.loads(said)
        self._seen.results_read += 1
        if upload.document not in (None, document):
            self._seen.complaints.append(f"case {upload.case} was answered twice")
        upload.document = document
        return True


class Visitor:
    """Uses the kiosk: does what the page of each phase asks for."""

    def __init__(self, box: Box, seen: Seen) -> None:
        self._box, self._seen = box, seen
        self._cookie = self._csrf = self._phase = ""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with suppress(*UNREACHABLE, ValueError, KeyError):
                self._step()
            time.sleep(VISIT_S)

    def _step(self) -> None:
        page = self._open()
        phase = json.loads(_ask(self._box.kiosk, "GET", "/kiosk/state", headers={"Cookie": self._cookie})[1])["phase"]
        if phase in TAKEN and self._phase not in TAKEN:
            self._seen.visits += 1
        self._phase = phase
        if phase == "result":
            self._seen.kiosk_codes.update(code.decode() for code in CODE.findall(page)[:1])
        if phase in ("capturing", "waiting"):
            return
        steps = {"welcome": "start", "consent": "consent", "who": "new", "site": "site", "live": "capture"}
        form = urlencode({"csrf": self._csrf, "consent": "yes", "site": "forearm"}).encode()
        headers = {
            "Cookie": self._cookie,
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://127.0.0.1:{self._box.kiosk}",
        }
        _ask(self._box.kiosk, "POST", f"/kiosk/{steps.get(phase, 'end')}", form, headers)

    def _open(self) -> bytes:
        """The page; opening it makes this the kiosk's browser."""
        with _connected(self._box.kiosk) as connection:
            connection.request("GET", "/", headers={"Cookie": self._cookie} if self._cookie else {})
            response = connection.getresponse()
            page = response.read()
            if cookie := response.getheader("Set-Cookie"):
                self._cookie = cookie.split(";")[0]
        if found := re.search(rb'name="csrf" value="([^"]+)"', page):
            self._csrf = found[1].decode()
        return page


def soak(folder: Path, kills: int, seed: int, minutes: float = 600, say: Any = print) -> dict[str, object]:
    """Kill ``kills`` times, or for ``minutes``; the figures, with ``complaints`` empty where all went well."""
    seen, stop, chance = Seen(), threading.Event(), random.Random(seed)
    killed, end = 0, time.monotonic() + 60 * minutes
    box = Box(folder)
    pictures = [_jpeg(number) for number in range(PICTURES)]
    box.show(pictures[0])
    clients: list[Any] = [Phone(box, seen, pictures, number) for number in range(PHONES)]
    threads = [threading.Thread(target=each.run, args=(stop,)) for each in (*clients, Visitor(box, seen))]
    for thread in threads:
        thread.start()
    try:
        while killed < kills and time.monotonic() < end:
            _start_and_kill(box, chance, seen)
            killed += 1
            if killed % 10 == 0:
                accepted = sum(bool(each.case) for each in seen.uploads)
                say(f"{time.strftime('%H:%M:%S')} {killed} kills, {accepted} uploads accepted")
        box.start()
        box.wait_until_ready()
    finally:
        stop.set()
    for thread in threads:
        thread.join()
    _wait_until_answered(box)
    box.end(signal.SIGTERM)
    return _judged(box.state, seen, killed)


def _start_and_kill(box: Box, chance: random.Random, seen: Seen) -> None:
    began = time.monotonic()
    box.start()
    if chance.random() < WHILE_STARTING and seen.starts_s:
        time.sleep(chance.uniform(0, statistics.median(seen.starts_s)))
    else:
        box.wait_until_ready()
        seen.starts_s.append(time.monotonic() - began)
        _wait_a_while(chance, seen)
    box.end(signal.SIGKILL)


def _wait_a_while(chance: random.Random, seen: Seen) -> None:
    kind = chance.random()
    if kind < AFTER_AN_UPLOAD:
        _wait_for_more(lambda: seen.accepted)
        time.sleep(chance.uniform(0, SHORTLY_S))
    elif kind < AFTER_AN_UPLOAD + AFTER_A_VISIT:
        _wait_for_more(lambda: seen.visits)
        time.sleep(chance.uniform(0, SHORTLY_S))
    else:
        time.sleep(chance.uniform(0, AFTER_READY_S))


def _wait_for_more(count: Callable[[], int]) -> None:
    before, end = count(), time.monotonic() + AT_MOST_S
    while count() == before and time.monotonic() < end:
        time.sleep(PAUSE_S)


def _wait_until_answered(box: Box) -> None:
    end = time.monotonic() + GIVE_UP_S
    with closing(sqlite3.connect(box.state / layout.DATABASE, timeout=30)) as connection:
        while time.monotonic() < end:
            if connection.execute("SELECT count(*) FROM cases WHERE state = 'queued'").fetchone() == (0,):
                return
            time.sleep(PAUSE_S)
    raise RuntimeError("the queue does not empty")


def _judged(state: Path, seen: Seen, kills: int) -> dict[str, object]:
    complaints = [*seen.complaints]
    orphaned = state / "photos" / "orphaned"
    with closing(sqlite3.connect(state / layout.DATABASE)) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        keys = dict(connection.execute("SELECT idempotency_key, code FROM cases WHERE idempotency_key IS NOT NULL"))
    with Store(state) as store:
        cases = {case.code: case for case in store.cases()}
        documents = {code: store.document(case) for code, case in cases.items()}
        complaints += [] if verdict == "ok" else [f"the database is damaged: {verdict}"]
        told = [each for each in seen.uploads if each.case]  # the others gave up, which is a complaint of its own
        complaints += [f"lost: {each.key}" for each in told if keys.get(each.key) != each.case]
        complaints += [f"lost at the kiosk: {code}" for code in seen.kiosk_codes - set(cases)]
        complaints += [f"nobody's: {key}" for key in keys.keys() - {each.key for each in seen.uploads}]
        complaints += [f"half: {code}" for code, each in documents.items() if each is None or each["case"] != code]
        for each in seen.uploads:
            if each.case in cases and each.document not in (None, documents[each.case]):
                complaints.append(f"answered twice: {each.case}")
            if each.case in cases and not np.array_equal(store.photo(cases[each.case]), decode(each.photo, "a.jpg")):
                complaints.append(f"another photograph: {each.case}")
        complaints += [f"half a file: {each.name}" for each in (state / "photos").glob(".*")]
        unknown = len(list(orphaned.iterdir())) if orphaned.is_dir() else 0
    failed = [code for code, each in documents.items() if each and _given_up(each)]
    return {
        "kills": kills,
        "kills while starting": kills - len(seen.starts_s),
        "photographs sent by phones": len(seen.uploads),
        "times the box said that it has one": seen.accepted,
        "cases": len(cases),
        "of them from the kiosk": len(cases) - len(keys),
        "codes of these that the kiosk's page had shown": len(seen.kiosk_codes),
        "results read": seen.results_read,
        "answered with 'could not be processed' after three kills at the same photograph": len(failed),
        "photographs of cut acceptances, set aside": unknown,
        "start, median s": round(statistics.median(seen.starts_s), 1),
        "start, longest s": round(max(seen.starts_s), 1),
        "complaints": complaints,
    }


def _given_up(document: dict[str, Any]) -> bool:
    return any(check["id"] == "failed" for check in document["quality"]["checks"])


def _jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw(seed=seed)).save(file, "JPEG", quality=95)
    return file.getvalue()


def _form(photo: bytes) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    fields = {"site": "forearm", "consent": "yes", "source": "phone_camera"}
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
    body = "".join(parts).encode() + (head + "Content-Type: image/jpeg\r\n\r\n").encode() + photo
    return body + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@contextmanager
def _connected(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def _ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    with _connected(port) as connection:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=600, help="at most")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        figures = soak(Path(folder), asked.kills, asked.seed, asked.minutes)
    for name, value in figures.items():
        print(f"| {name} | {value} |")
    sys.exit(1 if figures["complaints"] else 0)


if __name__ == "__main__":
    main()
