"""The live view as somebody at the kiosk sees it: frames with their hints a second, in Chromium.

The whole box runs beside the browser, on simulated hardware. On one core, as the smallest box would have:
``taskset -c 0 python benchmarks/bench_hints_browser.py``.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe
from playwright.sync_api import Page, Response, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SIMULATED = ["--camera", "synthetic", "--light", "simulated", "--button", "simulated", "--indicator", "simulated"]
SETTLE_S = 5.0
MEASURE_S = 20.0
PATIENCE_MS = 120_000
SIZE = {"width": 800, "height": 480}


def main() -> None:
    """Print the rate."""
    with tempfile.TemporaryDirectory() as state:
        dermkiosk = str(Path(sys.executable).with_name("dermkiosk"))
        command = [dermkiosk, "serve", "--kiosk-port", "0", "--lan-port", "0", *SIMULATED, "--state", state]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as box:  # noqa: S603  # our own program
            try:
                print(f"{describe()}\n  {rate(_address(box)):.1f} frames with their hints a second, {SIZE}")
            finally:
                box.terminate()


def rate(address: str) -> float:
    """Frames a second that the page asked for and got, over :data:`MEASURE_S` seconds."""
    frames: list[float] = []

    def count(response: Response) -> None:
        if response.url.endswith("/kiosk/preview.jpg") and response.ok:
            frames.append(time.monotonic())

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]  # a plain dict of the two
        page.set_default_timeout(PATIENCE_MS)
        _to_the_live_view(page, address)
        page.wait_for_timeout(SETTLE_S * 1000)
        page.on("response", count)
        begun = time.monotonic()
        page.wait_for_timeout(MEASURE_S * 1000)
        measured = time.monotonic() - begun
        browser.close()
    return len(frames) / measured


def _to_the_live_view(page: Page, address: str) -> None:
    page.goto(address)
    page.click(".starts button[value=en]")
    page.check("input[name=consent]")
    page.click("#continue")
    for form in ("earlier", "new"):
        page.click(f"form[action$={form}] button")
    page.click("button[value=forearm] >> nth=0")
    page.click("form[action$=close-up] button")
    page.wait_for_selector("body.live[data-view=close_up]")


def _address(box: "subprocess.Popen[str]") -> str:
    assert box.stdout is not None  # noqa: S101  # it was asked for
    for line in box.stdout:
        if line.startswith("kiosk "):
            return line.removeprefix("kiosk ").strip()
    raise SystemExit("dermkiosk serve ended before it said its address")


if __name__ == "__main__":
    main()
