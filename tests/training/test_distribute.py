"""Two processes on this machine train as one would."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from appliance.vision.preprocess import preprocess
from training.dataset import read_manifest
from training.distribute import Cluster
from training.network import build
from training.run import Run

TRAIN = """
import sys
from pathlib import Path
from training.finetune import finetune
from training.recipe import Phase, Recipe
phases = (Phase("head", 1, 1e-3), Phase("mixed10", 1, 1e-3))
finetune(Recipe(data=sys.argv[1], weights="none", phases=phases, dropout=0.0, batch=24), Path(sys.argv[2]))
"""

pytestmark = pytest.mark.timeout(1300)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _start(split: Path, run: Path, config: str | None) -> "subprocess.Popen[str]":
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "2"}
    environment.pop("TF_CONFIG", None)
    if config is not None:
        environment["TF_CONFIG"] = config
    command = [sys.executable, "-c", TRAIN, str(split), str(run)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _end(processes: "list[subprocess.Popen[str]]") -> list[str]:
    """What all said; none outlives the test, for one that lost its partner waits for it."""
    told = []
    try:
        for process in processes:
            said = process.communicate(timeout=600)[0]
            assert process.returncode == 0, said[-2000:]
            told.append(said)
        return told
    finally:
        for process in processes:
            process.kill()
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()


def _loss(run: Path) -> dict[str, float]:
    row = pd.read_csv(run / "history.csv").iloc[-1]
    return {name: float(row[name]) for name in ("loss", "logits_loss", "outlier_loss", "val_logits_loss")}


def test_two_workers_reach_the_loss_of_one(split: Path, tmp_path: Path) -> None:
    (told,) = _end([_start(split, tmp_path / "alone", None)])
    assert "Training on the processor: tensorflow sees no GPU\n" in told
    workers = [f"127.0.0.1:{_free_port()}" for _ in range(2)]
    configs = [
        json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": number}}) for number in (0, 1)
    ]
    told, more = _end([_start(split, tmp_path / "both", config) for config in configs])
    assert ("; machine 1 of 2" in told, "; machine 2 of 2" in more) == (True, True)
    expected, reached = _loss(tmp_path / "alone"), _loss(tmp_path / "both")
    assert reached == pytest.approx(expected, rel=0.02)
    assert (tmp_path / "both" / "worker-1" / "mixed10.keras").exists()
    _folds_to_the_same(tmp_path / "alone", split)


def _folds_to_the_same(folder: Path, split: Path) -> None:
    """A run with live batch normalisation is read back with it folded in, and says what it said."""
    run = Run.open(folder)
    trained = build(run.recipe["scaling"], normalisation=run.recipe["normalisation"])
    trained.load_weights(folder / "best.weights.h5")
    photographs = read_manifest(split)
    views = np.stack([preprocess(photographs.pixels(row)) for row in range(4)]).astype(np.float32) / 255
    expected, said = trained(views, training=False), run.network()(views, training=False)
    assert "class_maps" in said
    for name, value in expected.items():
        assert np.allclose(np.asarray(said[name]), np.asarray(value), atol=1e-3 * np.abs(value).max())


@pytest.mark.parametrize("config", ["not json", "{}", '{"cluster": {}}'])
def test_a_cluster_that_cannot_be_read_is_an_error(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match="TF_CONFIG"):
        Cluster.join()


def test_a_gpu_is_said_where_the_backend_sees_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may have none: the list is as Keras gives it on one with two, of which JAX would take the first."""
    monkeypatch.setattr("keras.distribution.list_devices", lambda: ["gpu:0", "gpu:1"])
    assert Cluster(0, 1, None).on() == "Training on 1 GPU"
