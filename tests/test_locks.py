"""On a file system without file locks both programs say so, and what to do: no bare error of the system."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT_LOCKS = ["strace", "-f", "-qq", "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK", "-o", "/dev/null"]
BOX = "from appliance.cli import main; main()"
TRAINING = """
import sys
from pathlib import Path
from training.lock import alone_in
with alone_in(Path(sys.argv[1]), "all"):
    pass
"""
SIMULATED = ["--camera", "synthetic", "--light", "simulated", "--button", "simulated", "--indicator", "simulated"]


def _injects() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*WITHOUT_LOCKS, "true"], check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _injects(), reason="there is no strace here, or it may not trace")


def _run(program: str, *given: str | Path) -> subprocess.CompletedProcess[str]:
    line = [*WITHOUT_LOCKS, sys.executable, "-c", program, *given]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_box_says_that_its_folder_needs_another_file_system(tmp_path: Path) -> None:
    ended = _run(BOX, "serve", "--state", tmp_path / "state", *SIMULATED)
    assert ended.returncode == 1
    assert "The file system of this folder has no file locks" in ended.stderr
    assert str(tmp_path / "state/lock") in ended.stderr
    assert "on a disk of this machine" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_training_names_the_folder(tmp_path: Path) -> None:
    ended = _run(TRAINING, tmp_path)
    assert "LocksMissing" in ended.stderr.splitlines()[-1]
    assert str(tmp_path / "all.lock") in ended.stderr.splitlines()[-1]
