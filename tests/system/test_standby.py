"""The page that stands in for the kiosk, run as systemd runs it: by the system's Python."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "systemd/standby.py"
PYTHON = [sys.executable, "-I", "-S"]
"""Without the site's packages: it must need none."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    settings = tmp_path / "settings.toml"
    settings.write_text('kiosk_port = 0\nlan_port = 0\nlan_bind = "127.0.0.1"\n')
    return {"DERMKIOSK_RUNTIME": str(tmp_path), "DERMKIOSK_SETTINGS": str(settings)}


@contextmanager
def _standing_by(environment: dict[str, str]) -> Iterator[list[int]]:
    """The ports of kiosk and phones."""
    command = [*PYTHON, str(PROGRAM), "page"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield [int(process.stdout.readline().rsplit(":", 1)[1]) for _ in range(2)]
        finally:
            process.kill()


def _refused(port: int, path: str = "/") -> tuple[urllib.error.HTTPError, str]:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30)
    with refused.value as answer:
        return answer, answer.read().decode()


def test_both_addresses_say_why_in_both_languages(tmp_path: Path, environment: dict[str, str]) -> None:
    said = {
        "key": "camera_missing",
        "zh": {"sentence": "没有找到摄像头。", "remedy": "检查排线。"},
        "en": {"sentence": "No camera <was> found.", "remedy": "Check the cable."},
    }
    (tmp_path / "last-error.json").write_text(json.dumps(said))
    with _standing_by(environment) as ports:
        for port in ports:
            answer, text = _refused(port, "/result/secret")
            assert answer.code == 503
            assert answer.headers["Retry-After"]
            assert "没有找到摄像头。" in text
            assert "No camera &lt;was&gt; found." in text
            assert "Check the cable." in text
        answer, text = _refused(ports[1], "/healthz")
    assert answer.headers.get_content_type() == "application/problem+json"
    assert json.loads(text)["key"] == "camera_missing"


@pytest.mark.parametrize(
    ("result", "status", "sentence"),
    [
        ("watchdog", "ABRT", "The program no longer answered"),
        ("core-dump", "ILL", "The processor lacks an instruction"),
        ("oom-kill", "KILL", "The memory was not enough"),
        ("exit-code", "1", "does not say why"),
    ],
)
def test_without_last_words_it_says_what_systemd_saw(
    environment: dict[str, str], result: str, status: str, sentence: str
) -> None:
    seen = environment | {"SERVICE_RESULT": result, "EXIT_STATUS": status}
    subprocess.run([*PYTHON, str(PROGRAM), "note"], env=seen, check=True)
    with _standing_by(environment) as ports:
        assert sentence in _refused(ports[0])[1]


@pytest.mark.parametrize("damaged", ["{", "[]", '{"zh": 1, "en": 2}'])
def test_damaged_last_words_are_no_reason_to_say_nothing(
    tmp_path: Path, environment: dict[str, str], damaged: str
) -> None:
    (tmp_path / "last-error.json").write_text(damaged)
    with _standing_by(environment) as ports:
        assert "does not say why" in _refused(ports[0])[1]


def test_it_ends_by_itself_so_that_the_kiosk_is_tried_again(environment: dict[str, str]) -> None:
    command = [*PYTHON, str(PROGRAM), "page"]
    ended = subprocess.run(command, env=environment | {"DERMKIOSK_RETRY_S": "0"}, capture_output=True, check=False)
    assert ended.returncode == 0


def test_settings_that_cannot_be_read_leave_the_usual_addresses(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "settings.toml").write_text("kiosk_port = ")
    ask = "import runpy; print(runpy.run_path(r'{}')['addresses']())".format(PROGRAM)  # noqa: UP032
    asked = subprocess.run([*PYTHON, "-c", ask], env=environment, capture_output=True, text=True, check=True)
    assert "8080" in asked.stdout
    assert "8000" in asked.stdout


def test_the_screen_waits_until_something_answers(tmp_path: Path, environment: dict[str, str]) -> None:
    with _standing_by(environment) as ports:
        (tmp_path / "settings.toml").write_text(f"kiosk_port = {ports[0]}\n")
        waited = subprocess.run(
            [*PYTHON, str(PROGRAM), "wait"], env=environment, capture_output=True, text=True, check=True
        )
    assert waited.stdout == f"http://127.0.0.1:{ports[0]}/\n"
