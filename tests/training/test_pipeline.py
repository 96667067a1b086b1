"""The whole way from photographs to a bundle the box takes, in small: the real InceptionV3 on drawn pictures."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import pytest

from appliance.errors import GateMissing
from appliance.vision.assessor import Assessor
from appliance.vision.bundle import read_card
from appliance.vision.photo import Pixels
from training.about import About
from training.evaluation.model_card import write_model_card
from training.predict import floating
from training.quantisation import parity
from training.quantisation.quantise import quantise
from training.quantisation.sensitive import by_block, sensitive
from training.quantisation.ways import Trial, compare_ways
from training.run import Run
from training.soup import figures

COMMAND = [sys.executable, "-c", "from training.cli import main; main()"]
BUNDLE = Path(__file__).parents[2] / "models/skin8-inceptionv3/model.tflite"
ABOUT = Path(__file__).parents[2] / "training/skin8-about.toml"
FINETUNE = ["--weights", str(BUNDLE), "--phase", "head:3:1e-2", "--phase", "mixed10:2:1e-3", "--batch", "32"]
FINETUNE += ["--mixing", "0.3", "--exposure", "0.1", "--averaging", "0.5"]

pytestmark = pytest.mark.timeout(900)


def _train(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def run(split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed in its second epoch of the second phase and started again."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    command = [*COMMAND, "finetune", "--data", str(split), "--run", str(folder), *FINETUNE]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        give_up = time.monotonic() + 500
        while not (folder / "mixed10.keras").exists() and time.monotonic() < give_up:
            time.sleep(0.2)
        os.kill(first.pid, signal.SIGKILL)
    assert pd.read_csv(folder / "history.csv").query("phase == 'mixed10'")["epoch"].tolist() == [0]
    again = _train("finetune", "--data", str(split), "--run", str(folder), *FINETUNE)
    assert again.returncode == 0, again.stderr
    return folder


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle made of it."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    folder.mkdir()
    (folder / "gate.json").write_text("limits of the network that was here before")
    for arguments in (
        ("quantise", "--about", str(ABOUT), "--representatives", "20"),
        ("calibrate",),
        ("evaluate", "--sample", "2"),
    ):
        done = _train(arguments[0], "--run", str(run), "--bundle", str(folder), *arguments[1:])
        assert done.returncode == 0, done.stderr
    return folder


def test_a_killed_run_goes_on_where_it_was(run: Path) -> None:
    history = pd.read_csv(run / "history.csv")
    assert list(zip(history["phase"], history["epoch"].astype(int), strict=True)) == [
        ("head", 0),
        ("head", 1),
        ("head", 2),
        ("mixed10", 0),
        ("mixed10", 1),
    ]


def test_a_finished_run_is_left_alone(run: Path, split: Path) -> None:
    before = (run / "history.csv").read_bytes()
    assert _train("finetune", "--data", str(split), "--run", str(run), *FINETUNE).returncode == 0
    assert (run / "history.csv").read_bytes() == before


def test_the_kept_weights_are_the_networks_alone(run: Path) -> None:
    with h5py.File(run / "best.weights.h5") as kept:
        assert "optimizer" not in kept
        assert len(kept["layers"]) > 0


def test_the_curves_are_there_for_tensorboard(run: Path) -> None:
    assert list((run / "tensorboard").rglob("events.out.tfevents.*"))


def test_a_split_that_leaks_is_refused(split: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(split, dtype=str, keep_default_na=False)
    rows["group"] = "one"
    rows.to_csv(tmp_path / "leaky.csv", index=False)
    leaky = ["--data", str(tmp_path / "leaky.csv"), "--images", str(split), "--run", str(tmp_path / "run")]
    refused = _train("finetune", *leaky, *FINETUNE)
    assert refused.returncode == 1
    assert "both sides" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_another_recipe_does_not_overwrite_a_run(run: Path, split: Path) -> None:
    other = _train("finetune", "--data", str(split), "--run", str(run), *FINETUNE, "--seed", "9")
    assert other.returncode == 1
    assert "another recipe" in other.stderr
    assert "Traceback" not in other.stderr


def test_the_box_takes_the_bundle(bundle: Path, skin: Pixels) -> None:
    assessor = Assessor.open(bundle, threads=2, use_gate=False)
    answer = assessor.assess(skin, use_gate=False)
    assert len(answer.findings) == 8
    assert answer.class_maps is not None


def test_the_box_wants_a_gate_unless_it_is_asked_to_do_without(bundle: Path) -> None:
    with pytest.raises(GateMissing):
        Assessor.open(bundle, threads=2)


def test_limits_that_are_kept_are_called_kept(
    run: Path, bundle: Path, split: Path, tmp_path: Path, skin: Pixels
) -> None:
    kept = shutil.copytree(bundle, tmp_path / "kept")
    told = _train("gate", "--bundle", str(kept), "--data", str(split), "--keep-limits-of", str(BUNDLE.parent))
    assert told.returncode == 0, told.stderr
    assert "The photograph checks were not fitted" in told.stdout
    assert Assessor.open(kept, threads=2).assess(skin).quality.checks
    how: Any = read_card(kept).provenance["gate"]
    assert (how["limits"], how["kept_from"]) == ("kept", "skin8-inceptionv3")
    assert 0 <= how["same_verdict"] <= 1
    write_model_card(kept, Run.open(run).photographs)
    assert "**Not fitted on this network.**" in (kept / "MODEL_CARD.md").read_text()
    assert "This bundle has none, so the box refuses it" in (bundle / "MODEL_CARD.md").read_text()


def test_without_labels_of_quality_the_gate_says_what_can_be_done(bundle: Path, split: Path) -> None:
    refused = _train("gate", "--bundle", str(bundle), "--data", str(split))
    assert refused.returncode == 1
    assert "--labels" in refused.stderr
    assert "--keep-limits-of BUNDLE" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_network_is_fed_the_photographs_own_bytes(bundle: Path) -> None:
    network = Assessor.open(bundle, threads=1, use_gate=False).network
    about = network._runner.get_input_details()["image"]
    scale, zero_point = about["quantization"]
    assert (scale, zero_point) == (pytest.approx(1 / 255), 0)


def test_the_evaluation_has_float_and_int8_side_by_side(bundle: Path) -> None:
    report = json.loads((bundle / "evaluation/test.json").read_text())
    assert {"float", "float_95", "int8", "int8_95", "difference_95"} <= set(report["figures"]["top-1"])
    card = (bundle / "MODEL_CARD.md").read_text()
    assert f"{report['figures']['top-1']['int8']:.3f}" in card
    assert read_card(bundle).parity["photographs"] > 0


def test_the_soup_is_never_worse_than_what_it_is_made_of(run: Path, tmp_path: Path) -> None:
    kitchen = shutil.copytree(run, tmp_path / "kitchen")
    assert _train("soup", "--run", str(kitchen)).returncode == 0
    tried = pd.read_csv(kitchen / "soup.csv")
    assert tried["share"].tolist() == [0.0, 0.3, 0.5, 0.7, 1.0]
    network, validation = Run.open(kitchen).network(), Run.open(kitchen).photographs.of("validation")
    served = figures(floating(network, validation), validation.targets)
    assert served["loss"] == pytest.approx(tried["loss"].min(), abs=1e-4)
    assert (kitchen / "tuned.weights.h5").read_bytes() == (run / "best.weights.h5").read_bytes()


def test_a_file_that_strays_leaves_the_bundle_as_it_was(
    run: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = shutil.copytree(bundle, tmp_path / "kept")
    model = (kept / "model.tflite").read_bytes()
    monkeypatch.setattr(parity, "AGREEMENT", 1.01)  # no file reaches that
    with pytest.raises(parity.StraysTooFar, match="strays too far"):
        quantise(run, kept, About.read(ABOUT), representatives=8, seed=8)
    assert (kept / "model.tflite").read_bytes() == model
    assert list(tmp_path.iterdir()) == [kept]


def test_the_ways_to_int8_are_compared_by_parity_and_speed(run: Path) -> None:
    table = compare_ways(run, [Trial("tensorflow", 4), Trial("litert-quantizer", 2)])
    assert table["way"].tolist() == ["tensorflow", "litert-quantizer"]
    assert table["ratio"].iloc[0] == 1
    assert table["argmax_agreement"].between(0, 1).all()
    assert (table["ms"] > 0).all()


def test_evaluating_an_uncalibrated_bundle_says_so(run: Path, tmp_path: Path) -> None:
    missing = _train("evaluate", "--run", str(run), "--bundle", str(tmp_path))
    assert missing.returncode == 1
    assert "Traceback" not in missing.stderr


def test_no_operation_of_a_whole_network_is_wrong_by_much_more_than_rounding(run: Path) -> None:
    found = sensitive(run, 12)
    assert {"CONV_2D", "MEAN"} <= set(found["operation"])
    assert found["error"].is_monotonic_decreasing
    assert 0.2 < found["error"].iloc[0] < 0.7
    assert any("average_pooling2d" in name for name in found["output"])


def test_what_the_rounding_of_a_block_does_to_the_answer_is_measured_block_by_block(run: Path) -> None:
    found = by_block(run, 12, blocks=("stem", "head")).set_index("in_float")
    assert found.index.tolist() == ["nothing", "stem", "head", "everything"]
    assert (found.loc["everything", ["same_class", "off"]] == [1, 0]).all()
    assert found.loc["nothing", "off"] > 0
    assert found.loc["head", "off"] != found.loc["nothing", "off"] != found.loc["stem", "off"]
