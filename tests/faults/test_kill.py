"""The whole program, killed between acceptance and answer."""

import io
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from appliance.cases.store import Store
from appliance.vision.photo import Pixels

SERVE = [str(Path(sys.executable).with_name("dermkiosk")), "serve", "--kiosk-port", "0", "--lan-port", "0"]
TURNS, PHOTOS_PER_TURN = 3, 8
SIMULATED = ["--camera", "synthetic", "--light", "simulated", "--button", "simulated", "--indicator", "simulated"]


@contextmanager
def _box(state: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running program and the address of its phones' pages."""
    command = [*SERVE, *SIMULATED, "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            port = next(line for line in process.stdout if line.startswith("phones ")).rsplit(":", 1)[1].strip(" /\n")
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _send(base: str, photo: bytes, key: str) -> dict[str, object]:
    boundary = uuid.uuid4().hex
    fields = {"site": "forearm", "consent": "yes", "source": "phone_camera"}
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
    body = "".join(parts).encode() + (head + "Content-Type: image/jpeg\r\n\r\n").encode() + photo
    request = urllib.request.Request(  # noqa: S310  # loopback
        f"{base}/api/v1/photos",
        body + f"\r\n--{boundary}--\r\n".encode(),
        {"Content-Type": f"multipart/form-data; boundary={boundary}", "Idempotency-Key": key},
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        assert response.status == 202
        accepted: dict[str, object] = json.load(response)
    return accepted


def _result(base: str, path: str) -> dict[str, object]:
    """Ask as a phone does, until the document is there."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        with urllib.request.urlopen(base + path, timeout=10) as response:  # noqa: S310
            if response.status == 200:
                document: dict[str, object] = json.load(response)
                return document
            time.sleep(float(response.headers["Retry-After"]) / 4)
    pytest.fail("no result within a minute")


@pytest.fixture
def photo(skin: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(skin).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_accepted_photographs_are_answered_once_after_a_kill(tmp_path: Path, photo: bytes) -> None:
    accepted: list[dict[str, object]] = []
    unanswered = 0
    for turn in range(TURNS):
        with _box(tmp_path) as (process, base), ThreadPoolExecutor(4) as phones:
            photos = [(photo + bytes([turn, number]), f"{turn}-{number}") for number in range(PHOTOS_PER_TURN)]
            accepted += phones.map(lambda each: _send(base, *each), photos)
            process.send_signal(signal.SIGKILL)
            assert process.wait(10) == -signal.SIGKILL
        with Store(tmp_path) as store:
            unanswered += store.waiting()
    assert unanswered >= 1  # or no kill fell between acceptance and answer
    with _box(tmp_path) as (process, base):
        documents = [_result(base, str(each["result_url"])) for each in accepted]
        again = _send(base, photo + bytes([0, 0]), "0-0")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert [document["case"] for document in documents] == [each["case"] for each in accepted]
    assert all(document["outcome"] in ("findings", "none_of_these") for document in documents)
    assert again["case"] == accepted[0]["case"]
    with Store(tmp_path) as store:
        assert len(store.cases()) == len(accepted)
        assert store.waiting() == 0


def test_a_deleted_case_is_gone_for_its_link(tmp_path: Path, photo: bytes) -> None:
    with _box(tmp_path) as (process, base):
        sent = _send(base, photo, "once")
        _result(base, str(sent["result_url"]))
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    with Store(tmp_path) as store:
        store.delete(str(sent["case"]))
        assert store.cases() == []
    assert list((tmp_path / "photos").iterdir()) == []
    with _box(tmp_path) as (_, base), pytest.raises(urllib.error.HTTPError) as gone:
        urllib.request.urlopen(base + str(sent["result_url"]), timeout=10)  # noqa: S310
    with gone.value as answer:
        assert answer.code == 404


def test_a_port_in_use_is_one_plain_message(tmp_path: Path) -> None:
    with _box(tmp_path / "one") as (_, base):
        port = base.rsplit(":", 1)[1]
        command = [*SERVE, *SIMULATED, "--state", str(tmp_path / "two"), "--lan-port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "port_taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_real_hardware_is_never_replaced_by_simulated(tmp_path: Path) -> None:
    command = [*SERVE, "--state", str(tmp_path), "--light", "simulated", "--button", "simulated"]
    done = subprocess.run(
        [*command, "--indicator", "simulated", "--camera", "picamera2"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 0:
        pytest.skip("this machine has a camera")
    assert done.returncode == 1
    assert "camera" in done.stderr
    assert "Traceback" not in done.stderr
