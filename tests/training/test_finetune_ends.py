"""However training is stopped, the command ends, and says what stopped it: the real one, in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest

from training.errors import RunInUse
from training.lock import alone_in

COMMAND = [sys.executable, "-c", "from training.cli import main; main()"]
BUNDLE = Path(__file__).parents[2] / "models/skin8-inceptionv3/model.tflite"
ENDS_S = 300
"""Starting TensorFlow is most of it; a process that hangs would do so for ever."""

pytestmark = pytest.mark.timeout(1000)


@pytest.fixture
def photographs(split: Path, tmp_path: Path) -> Path:
    """A split of its own, whose photographs may be damaged."""
    return shutil.copytree(split.parent, tmp_path / "photographs") / split.name


def _start(split: Path, run: Path, *options: str) -> "subprocess.Popen[str]":
    asked = ["--data", str(split), "--run", str(run), "--weights", str(BUNDLE), "--batch", "16", *options]
    return subprocess.Popen(
        [*COMMAND, "finetune", *asked], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _ended(process: "subprocess.Popen[str]") -> str:
    """What it said on stderr, once it ended by itself."""
    try:
        return process.communicate(timeout=ENDS_S)[1]
    finally:
        process.kill()


def _wait(until: Callable[[], object]) -> None:
    give_up = time.monotonic() + ENDS_S
    while not until() and time.monotonic() < give_up:
        time.sleep(0.1)
    assert until()


def _learned_from(split: Path) -> Path:
    rows = pd.read_csv(split)
    return split.parent / rows.loc[rows["split"] == "train", "image"].iloc[0]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_damaged_photograph_is_named(photographs: Path, tmp_path: Path, workers: str) -> None:
    damaged = _learned_from(photographs)
    damaged.write_bytes(damaged.read_bytes()[:300])
    process = _start(photographs, tmp_path / "run", "--phase", "head:1:1e-3", "--workers", workers)
    said = _ended(process)
    assert process.returncode == 1
    assert f"{damaged} cannot be read as a picture." in said
    assert "[training_photo_unusable" in said
    assert "Traceback" not in said


def test_training_goes_on_once_a_lost_photograph_is_back(photographs: Path, tmp_path: Path) -> None:
    run, lost = tmp_path / "run", _learned_from(photographs)
    process = _start(photographs, run, "--phase", "head:9:1e-3")
    _wait((run / "head.keras").exists)
    lost.rename(tmp_path / "away.jpg")
    said = _ended(process)
    assert process.returncode == 1
    assert f"{lost} is not there" in said
    assert "give the same command again" in said
    assert "Traceback" not in said
    before = (run / "history.csv").read_text()
    (tmp_path / "away.jpg").rename(lost)
    again = _start(photographs, run, "--phase", "head:9:1e-3")
    _wait(lambda: len((run / "history.csv").read_text()) > len(before))
    again.send_signal(signal.SIGINT)
    _ended(again)
    assert again.returncode
    assert (run / "history.csv").read_text().startswith(before)


def test_a_process_that_makes_batches_and_dies_ends_the_command(photographs: Path, tmp_path: Path) -> None:
    process = _start(photographs, tmp_path / "run", "--phase", "head:9:1e-3", "--workers", "2")

    def making() -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for child in psutil.Process(process.pid).children():
            with suppress(psutil.NoSuchProcess):  # some helper of the start ends while it is asked
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    _wait(making)
    os.kill(making()[0].pid, signal.SIGKILL)
    said = _ended(process)
    assert process.returncode == 1
    assert "ended by itself" in said
    assert "[training_helper_died" in said
    assert "Traceback" not in said


def test_two_do_not_train_in_one_folder(photographs: Path, tmp_path: Path) -> None:
    with alone_in(tmp_path / "run", "finetune"):
        process = _start(photographs, tmp_path / "run", "--phase", "head:1:1e-3")
        said = _ended(process)
    assert process.returncode == 1
    assert f"Another process already works in {tmp_path / 'run'} (finetune)." in said
    assert "absl" not in said  # what TensorFlow says of itself when it starts
    assert "cuda" not in said
    assert "[training_run_in_use" in said
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_folder_is_free_again_when_its_process_is_killed(tmp_path: Path) -> None:
    holding = "import sys, time; from pathlib import Path; from training.lock import alone_in\n"
    holding += "with alone_in(Path(sys.argv[1]), 'all'):\n  print('held', flush=True)\n  time.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", holding, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RunInUse), alone_in(tmp_path, "all"):
            pass
        other.kill()
    with alone_in(tmp_path, "all"):
        pass
