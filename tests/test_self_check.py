"""The daily self-check as systemd's timer runs it: a program that asks a box over a real port."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from appliance.cli import main
from appliance.messages import text
from appliance.web.access import PROGRAM_HEADER, PROGRAM_VALUE

DRIFTED = b'{"key": "calibration_drifted", "detail": "They have drifted.", "remedy": "Clean the lens."}'
UNCALIBRATED = b'{"key": "calibration_impossible", "detail": "Never calibrated.", "remedy": ""}'
BUSY = b'{"key": "station_busy", "detail": "A photo is being taken.", "remedy": "Wait."}'


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the box answers; ``asked``: what it was asked."""
    said: dict[str, Any] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said["asked"] = (self.path, self.headers[PROGRAM_HEADER])
            self.send_response(said["status"])
            self.end_headers()
            self.wfile.write(said["body"])

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        monkeypatch.setenv("DERMKIOSK_KIOSK_PORT", str(server.server_port))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield said
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "exit_code", "says"),
    [
        (200, b'{"delta_e": 0.3}', 0, text("en", "calibrate.checked", delta_e=0.3)),
        (409, DRIFTED, 1, "Clean the lens."),
        (409, UNCALIBRATED, 0, "Never calibrated."),
        (503, BUSY, 75, "A photo is being taken."),
    ],
)
def test_systemd_hears_whether_to_ask_again(
    box: dict[str, Any], status: int, body: bytes, exit_code: int, says: str
) -> None:
    box.update(status=status, body=body)
    ended = CliRunner().invoke(main, ["self-check"])
    assert (ended.exit_code, says in ended.output) == (exit_code, True)
    assert box["asked"] == ("/kiosk/calibration/ring?language=en", PROGRAM_VALUE)


def test_where_no_box_answers_it_is_asked_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERMKIOSK_KIOSK_PORT", "1")
    ended = CliRunner().invoke(main, ["self-check"])
    assert (ended.exit_code, "port 1" in ended.output) == (75, True)
