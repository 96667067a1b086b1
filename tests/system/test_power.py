"""The power cuts of tests/system/qemu: their judge finds what it must; and one cut where an image has been made."""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

QEMU = Path(__file__).parent / "qemu"
FOLDER = "DERMKIOSK_QEMU_FOLDER"


@pytest.fixture(autouse=True)
def _its_own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(QEMU))


def _document(**changes: object) -> dict[str, object]:
    return {"case": "K7", "outcome": "findings", "findings": [{}] * 8} | changes


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"case": "K8"}, "another case"),
        ({"findings": [{}] * 7}, "half a result"),
        ({"outcome": "cannot_assess", "findings": []}, "has changed"),
    ],
)
def test_what_is_not_as_it_was_shown_is_found(changes: dict[str, object], fault: str | None) -> None:
    from phones import Promise, faults_of

    found = faults_of(Promise("key", "K7", "/result", _document()), _document(**changes))
    assert not found if fault is None else any(fault in each for each in found)


def test_a_promise_that_nobody_keeps_is_found() -> None:
    from phones import Ledger, Promise

    ledger = Ledger([Promise("key", "K7", "/api/v1/results/none")])
    ledger.check("http://127.0.0.1:9")  # nobody listens there
    ledger.check_database(
        lambda _: '{"whole": "ok", "foreign": 0, "cases": 0, "answers": 0, "codes": [], "photos_missing": 0}'
    )
    assert len(ledger.faults) == 2


def test_what_needs_a_machine_is_a_promise() -> None:
    """A word that no promise has would leave it out in silence."""
    from scenario import OF_A_MACHINE, PROMISES

    assert all(sum(word in each.__name__ for each in PROMISES) == 1 for word in OF_A_MACHINE)


def test_each_command_of_the_installers_guide_is_tried_or_says_why_not() -> None:
    from guide import PAGE, TRIALS, commands

    assert set(commands(PAGE.read_text(encoding="utf-8"))) == set(TRIALS)


class _Obliging:
    """A box that says to each command what the guide's trials hope for."""

    def run(self, *_: object) -> str:
        from guide import TRIALS

        return " ".join(trial.said for trial in TRIALS.values() if not isinstance(trial, str))


def test_the_log_says_where_another_command_was_given() -> None:
    """Offline, for one, where the page has a network: ✓ alone would say that the page's own was tried."""
    from guide import TRIALS, Trial, follow

    log: list[str] = []
    assert follow(_Obliging(), log.append) == 0  # type: ignore[arg-type]
    assert len(log) == len(TRIALS)
    others = [(line, trial.line) for line, trial in TRIALS.items() if isinstance(trial, Trial) and trial.line]
    assert ("sudo ./setup.sh install", "sudo ./setup.sh install --offline /media/stick") in others
    assert {f"✓ {line}, given as: {given}" for line, given in others} <= set(log)


class _ThisMachine:
    """A box's ``run``, here."""

    def run(self, command: str) -> str:
        return subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_a_unit_that_systemd_rates_badly_breaks_the_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import scenario

    for unit in (QEMU.parents[2] / "systemd/units").glob("*.service"):
        shutil.copy(unit, tmp_path)
    monkeypatch.setattr(scenario, "UNITS", f"{tmp_path}/*.service")
    rated = scenario.rates(_ThisMachine())  # type: ignore[arg-type]
    assert len(rated.split(", ")) == len(list(tmp_path.iterdir()))

    (tmp_path / "dermkiosk-name.service").write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(scenario.Broken, match=r"at 2\.0 or below"):
        scenario.rates(_ThisMachine())  # type: ignore[arg-type]


@pytest.mark.parametrize("trial", ["qemu", "arm64"])
def test_help_needs_no_environment(trial: str) -> None:
    """./setup.sh --help names it to whoever has made none yet."""
    command = [sys.executable, "-S", QEMU.parent / trial / "run", "--help"]
    assert "--folder" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_images_of_another_version_are_not_tried(tmp_path: Path) -> None:
    """They would be tried in place of what lies here now. (The copy has no Debian to unpack: it ends there.)"""
    source, folder = tmp_path / "source", tmp_path / "images"
    sums = ""
    for file in ("systemd/release.sh", "tests/system/qemu/make-image"):
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(QEMU.parents[2] / file, source / file)
        sums += f"{sha256((source / file).read_bytes()).hexdigest()}  {file}\n"
    (folder / "tree").mkdir(parents=True)
    (folder / "stick").mkdir()
    for file in ("base.tar", "disk.raw", "stick/MANIFEST.sha256"):
        (folder / file).write_text("made before")
    command = [source / "tests/system/qemu/make-image", "12", folder]
    (folder / "version").write_text(f"{sha256(sums.encode()).hexdigest()} commit date\n")
    subprocess.run(command, check=True)
    assert (folder / "disk.raw").exists()

    (source / "setup.sh").write_text("another version")
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
    assert [each.name for each in folder.iterdir() if each.name != "tree"] == ["base.tar"]


@pytest.mark.timeout(1800)
def test_the_plug_is_pulled_once(tmp_path: Path) -> None:
    if FOLDER not in os.environ:
        pytest.skip(f"{FOLDER} names no folder of images: tests/system/qemu/run makes them")
    command = [sys.executable, QEMU / "run", "--folder", os.environ[FOLDER], "--cuts", "1"]
    subprocess.run(command, check=True)
