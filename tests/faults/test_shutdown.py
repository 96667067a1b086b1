"""Stopping the program while somebody is served."""

import io
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from pathlib import Path

import pytest
from flask import Flask, Response, request
from PIL import Image

from appliance import serve
from appliance.cases.store import Store
from appliance.vision.photo import MAX_BYTES, Pixels
from appliance.web.app import SERVER_MAX_BYTES

SERVE = [str(Path(sys.executable).with_name("dermkiosk")), "serve", "--kiosk-port", "0", "--lan-port", "0"]
SIMULATED = ["--camera", "synthetic", "--light", "simulated", "--button", "simulated", "--indicator", "simulated"]
BOUNDARY = "----photo"
WAIT_S = 60


def _form(photo: bytes) -> bytes:
    fields = {"site": "forearm", "consent": "yes", "source": "phone_camera"}
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
    return "".join(parts).encode() + (head + "\r\n").encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()


@contextmanager
def _begun(port: int, path: str, body: bytes) -> Iterator[tuple[HTTPConnection, bytes]]:
    """A request whose first half was sent, and its second half."""
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[: len(body) // 2])
    try:
        yield connection, body[len(body) // 2 :]
    finally:
        connection.close()


def _until(line: str, process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return next(each for each in process.stdout if each.startswith(line))


def test_an_upload_in_hand_is_answered_after_sigterm(tmp_path: Path, skin: Pixels) -> None:
    photo = io.BytesIO()
    Image.fromarray(skin).save(photo, "JPEG", quality=95)
    command = [*SERVE, *SIMULATED, "--state", str(tmp_path / "state")]
    with (
        (tmp_path / "stderr").open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            port = int(_until("phones ", process).rsplit(":", 1)[1].strip(" /\n"))
            with _begun(port, "/api/v1/photos", _form(photo.getvalue())) as (upload, rest):
                process.send_signal(signal.SIGTERM)
                _until("stopping", process)
                upload.send(rest)
                with upload.getresponse() as response:
                    assert response.status == 202
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
    assert "Traceback" not in (tmp_path / "stderr").read_text()
    with Store(tmp_path / "state") as store:
        assert len(store.cases()) == 1


@pytest.fixture
def app() -> Flask:
    """``/slow`` answers when told to, ``/kept`` says how the body was kept."""
    app = Flask(__name__)
    app.config.update(BEGUN=threading.Event(), GO_ON=threading.Event())

    @app.get("/slow")
    def slow() -> str:
        app.config["BEGUN"].set()
        app.config["GO_ON"].wait(WAIT_S)
        return "done" * 100_000

    @app.get("/large")
    def large() -> Response:
        def pieces() -> Iterator[bytes]:
            yield from [bytes(2**18)] * 48  # 12 MiB: more than the sockets take, less than the listener keeps
            app.config["BEGUN"].set()

        return Response(pieces())

    @app.post("/kept")
    def kept() -> str:
        return "in memory" if isinstance(request.environ["wsgi.input"], io.BytesIO) else "in a file"

    return app


@pytest.fixture
def listener(app: Flask) -> Iterator[serve.Listener]:
    started = serve.Listener(app, "127.0.0.1", 0)
    started.start()
    yield started
    app.config["GO_ON"].set()
    if started._thread.is_alive():
        started.close()


def _asked(port: int, path: str, method: str = "GET", body: bytes | None = None) -> HTTPConnection:
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.request(method, path, body)
    return connection


def _text(response: HTTPResponse) -> str:
    return response.read().decode()


def test_a_request_that_is_worked_on_is_answered_whole(
    listener: serve.Listener, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    connection = _asked(listener.port, "/slow")
    assert app.config["BEGUN"].wait(WAIT_S)
    closing = threading.Thread(target=listener.close)
    closing.start()
    while _accepts(listener.port):
        pass
    app.config["GO_ON"].set()
    assert _text(connection.getresponse()) == "done" * 100_000
    connection.close()
    closing.join(WAIT_S)
    assert not listener._thread.is_alive()
    assert not caplog.records


def _accepts(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


def test_who_waits_with_an_open_connection_holds_nothing_up(
    listener: serve.Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connection = _asked(listener.port, "/nothing")
    connection.getresponse().read()
    listener.close()
    assert not caplog.records  # no request was cut
    connection.close()


def test_what_does_not_end_is_cut_without_a_traceback(
    listener: serve.Listener, app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serve, "DRAIN_S", 0.1)
    worked_on = _asked(listener.port, "/slow")
    assert app.config["BEGUN"].wait(WAIT_S)
    with _begun(listener.port, "/kept", b"x" * 1000) as (received, _):
        listener.close()
        for connection in (worked_on, received):
            with pytest.raises((RemoteDisconnected, ConnectionResetError)):
                connection.getresponse()
    app.config["GO_ON"].set()
    worked_on.close()
    for thread in threading.enumerate():
        if thread.name.startswith("waitress-"):
            thread.join(WAIT_S)
    assert "2 requests were not finished" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_photo_that_can_be_accepted_is_received_in_memory(listener: serve.Listener) -> None:
    connection = _asked(listener.port, "/kept", "POST", bytes(MAX_BYTES))
    assert _text(connection.getresponse()) == "in memory"
    connection.close()


def test_the_server_reads_a_body_too_large_to_its_limit_and_no_further(listener: serve.Listener) -> None:
    with socket.create_connection(("127.0.0.1", listener.port), WAIT_S) as sender:
        sender.sendall(b"POST /kept HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % SERVER_MAX_BYTES)
        assert b" 413 " in sender.recv(100)


def _files_without_a_name() -> set[str]:
    """The program's open files that stand in no folder any more."""
    links = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return {each for each in links if each.startswith(tempfile.gettempdir()) and each.endswith(" (deleted)")}


def test_what_a_slow_reader_has_not_taken_yet_waits_in_memory_alone(listener: serve.Listener, app: Flask) -> None:
    before = _files_without_a_name()
    connection = _asked(listener.port, "/large")
    assert app.config["BEGUN"].wait(WAIT_S)  # all of it is with the listener, and nobody reads
    assert _files_without_a_name() == before
    with connection.getresponse() as response:
        assert len(response.read()) == 48 * 2**18
    connection.close()
