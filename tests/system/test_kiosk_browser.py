"""What starts the kiosk's screen: the real script, with a stand-in for the browser that takes notes."""

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
WAIT_S = 60


class Page(ThreadingHTTPServer):
    """The kiosk's page while it starts: answers when it is released."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.released = threading.Event(), threading.Event()
        self.paths: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.asked.set()
        self.server.released.wait(WAIT_S)
        self.send_response(503)  # that it is not well is shown by its page, or the standby page
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def page() -> Iterator[Page]:
    with Page() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


def test_the_browser_waits_for_the_page_and_has_no_past(page: Page, tmp_path: Path) -> None:
    browser, notes, profile = tmp_path / "chromium", tmp_path / "notes", tmp_path / "profile"
    browser.write_text(f'#!/bin/sh\n[ ! -e "{profile}" ] && printf "%s\\n" "$@" >"{notes}"\n')
    browser.chmod(0o755)
    (profile / "history").mkdir(parents=True)
    (tmp_path / "settings.toml").write_text(f"kiosk_port = {page.server_port}\n")
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "DERMKIOSK_PROFILE": str(profile),
        "DERMKIOSK_SETTINGS": str(tmp_path / "settings.toml"),
    }
    with subprocess.Popen([str(SYSTEMD / "kiosk-browser")], env=environment) as screen:
        assert page.asked.wait(WAIT_S)
        assert not notes.exists()
        page.released.set()
        assert screen.wait(WAIT_S) == 0
    started = notes.read_text().splitlines()
    assert page.paths[0] == "/healthz"
    assert started[-1] == f"http://127.0.0.1:{page.server_port}/"
    assert f"--user-data-dir={profile}" in started


def test_a_desktop_and_the_bare_screen_start_the_same() -> None:
    desktop = (SYSTEMD / "conf/dermkiosk-screen.desktop").read_text()
    bare = (SYSTEMD / "units/dermkiosk-kiosk.service").read_text()
    assert "Exec=/opt/dermkiosk/kiosk-browser\n" in desktop
    assert "-- /opt/dermkiosk/kiosk-browser\n" in bare
