import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.quiet import holding_back


def test_asking_for_help_or_a_wrong_configuration_starts_no_network() -> None:
    """Both are answered at once, not after the ten seconds that TensorFlow takes."""
    code = "import sys, training.cli, training.everything; print(*{'keras', 'tensorflow', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_keras_starts_without_a_word() -> None:
    code = "from training.backend import keras; print(keras.__name__)"
    started = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (started.stdout, started.stderr) == ("keras\n", "")


def test_what_was_held_back_is_shown_where_an_error_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with holding_back():
        os.write(2, b"of no interest\n")
    assert capfd.readouterr().err == ""

    def breaking() -> None:
        with holding_back():
            os.write(2, b"why it broke\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        breaking()
    assert capfd.readouterr().err == "why it broke\n"


@pytest.mark.parametrize("end", ["os.abort()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_what_was_held_back_is_shown_where_the_process_dies(end: str, tmp_path: Path) -> None:
    code = f"""
import os, signal
from training.quiet import holding_back
with holding_back():
    os.write(2, b"why it aborts\\n")
    {end}
"""
    surroundings = {**os.environ, "TMPDIR": str(tmp_path)}
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=surroundings)
    assert died.returncode < 0
    assert died.stderr == "why it aborts\n"
    assert not list(tmp_path.iterdir())
