import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from training.errors import HelperDied
from training.parallel import mapping

WORK = """
import time
from training.parallel import mapping
if __name__ == "__main__":
    with mapping(2) as apply:
        list(apply(time.sleep, [0.1] * 100_000))
"""


def test_the_work_of_several_processes_is_that_of_one() -> None:
    with mapping(1) as alone, mapping(2) as together:
        assert list(together(abs, range(-20, 20))) == list(alone(abs, range(-20, 20)))


def test_a_helper_that_is_killed_is_told() -> None:
    with pytest.raises(HelperDied), mapping(2) as apply:
        list(apply(os._exit, [1]))


def test_no_helper_outlives_a_process_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    with subprocess.Popen([sys.executable, tmp_path / "work.py"], stderr=subprocess.DEVNULL) as process:
        give_up = time.monotonic() + 60
        helpers: list[psutil.Process] = []
        while len(helpers) < 2 and time.monotonic() < give_up:
            time.sleep(0.1)
            helpers = [c for c in psutil.Process(process.pid).children() if "spawn_main" in " ".join(c.cmdline())]
        time.sleep(2)  # for them to begin
        process.send_signal(signal.SIGKILL)
    assert len(helpers) == 2
    assert not psutil.wait_procs(helpers, timeout=30)[1]
