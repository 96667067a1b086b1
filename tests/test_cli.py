"""The installed command, as a person types it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from appliance.cases import document
from appliance.cli import _examined, _summary
from appliance.messages import catalogue
from appliance.vision.photo import Pixels
from firmware.errors import PinRefused

DERMKIOSK = str(Path(sys.executable).with_name("dermkiosk"))
SCHEMA = json.loads(Path(document.__file__).with_name("result.schema.json").read_text())


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DERMKIOSK, *arguments], capture_output=True, text=True, timeout=120, check=False)


def _documents(*arguments: str) -> list[dict[str, object]]:
    done = _run("classify", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    for each in documents:
        jsonschema.validate(each, SCHEMA)
    return documents


@pytest.fixture
def files(tmp_path: Path, skin: Pixels, encoded: Callable[..., bytes]) -> dict[str, str]:
    contents = {
        "good.jpg": encoded(skin, "JPEG", quality=95),
        "text.jpg": b"no photograph",
        "cut.jpg": encoded(skin, "JPEG")[:2000],
        "dark.png": encoded(skin // 40, "PNG"),
        "empty.jpg": b"",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in contents}


def test_one_document_a_line_in_the_order_given(files: dict[str, str], tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.jpg")
    paths = [files["text.jpg"], files["good.jpg"], missing, files["cut.jpg"], files["empty.jpg"], files["good.jpg"]]
    documents = _documents(*paths)
    assert [each["photo"]["path"] for each in documents] == paths
    reasons = [check["id"] for each in documents for check in each["quality"]["checks"] if not check["ok"]]
    assert reasons == ["photo_unknown_format", "photo_unreadable", "photo_damaged", "photo_empty"]
    assert [each["outcome"] == "cannot_assess" for each in documents] == [True, False, True, True, True, False]
    answers = [{k: v for k, v in each.items() if k != "timing_ms"} for each in (documents[1], documents[5])]
    assert answers[0] == answers[1]


def test_no_gate_answers_what_the_gate_refuses(files: dict[str, str]) -> None:
    (refused,) = _documents(files["dark.png"])
    (answered,) = _documents("--no-gate", files["dark.png"])
    assert refused["outcome"] == "cannot_assess"
    assert answered["outcome"] != "cannot_assess"
    assert len(answered["findings"]) == 8


@pytest.mark.parametrize(("language", "words"), [("en", "too dark"), ("zh", "太暗")])
def test_a_person_reads_the_reason_and_what_to_do(files: dict[str, str], language: str, words: str) -> None:
    done = _run("classify", "--language", language, files["dark.png"])
    assert done.returncode == 0
    assert words in done.stdout


def test_a_person_is_told_what_to_do_next(files: dict[str, str]) -> None:
    (document,) = _documents("--no-gate", files["good.jpg"])
    done = _run("classify", "--no-gate", files["good.jpg"])
    assert catalogue("en")["next." + document["risk"]["rule"].removeprefix("rule.")] in done.stdout
    assert catalogue("en")["grade." + document["risk"]["grade"]] in done.stdout


def test_none_of_these_names_melanoma_and_ranks_none_of_the_eight() -> None:
    findings = [{"class": "seborrheic_keratosis", "probability": 0.94, "evidence": "moderate"}]
    document = {
        "photo": {"path": "a.jpg"},
        "outcome": "none_of_these",
        "quality": {"checks": []},
        "findings": findings,
        "risk": {"grade": "refer", "rule": "rule.none_of_these"},
    }
    said = _summary(document, "en")
    assert "elanoma" in said
    assert "94%" not in said


def test_an_answer_the_gate_would_refuse_says_so(files: dict[str, str]) -> None:
    done = _run("classify", "--no-gate", files["dark.png"])
    assert catalogue("en")["cli.gate_overridden"] in done.stdout


def test_the_reason_of_an_unreadable_file_is_named(files: dict[str, str]) -> None:
    assert "[photo_damaged]" in _run("classify", files["cut.jpg"]).stdout


@pytest.mark.photographs
def test_real_photographs(photographs: Path) -> None:
    paths = sorted(str(path) for path in (photographs / "images/psoriasis").glob("*.jpg"))[:5]
    documents = _documents("--no-gate", *paths)
    assert len(documents) == 5
    assert all(len(each["findings"]) == 8 for each in documents)


def test_a_missing_bundle_is_one_plain_message(tmp_path: Path, files: dict[str, str]) -> None:
    done = _run("classify", "--bundle", str(tmp_path), files["good.jpg"])
    assert done.returncode == 1
    assert "bundle_missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_exit_status_2() -> None:
    assert _run("classify").returncode == 2
    assert _run("no-such-command").returncode == 2


@pytest.mark.parametrize("command", [[], ["serve"], ["classify"], ["doctor"]])
def test_help_has_an_example(command: list[str]) -> None:
    done = _run(*command, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout


def test_the_doctor_does_not_blame_the_camera_for_the_pins(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise PinRefused("light_pin 18: 'GPIO busy'", setting="light_pin", pins="18")

    assert not _examined("camera", "en", refuse)
    said = capsys.readouterr().out
    assert said.startswith("✗ pins: Pin 18 (setting light_pin)")
    assert "GPIO busy" in said
