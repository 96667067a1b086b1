import functools
import json
import shutil
from pathlib import Path

import ai_edge_litert.interpreter as litert
import numpy as np
import pytest

from appliance import errors
from appliance.messages import LANGUAGES, remedy, sentence
from appliance.vision import bundle, runtime
from appliance.vision.assessor import Assessor
from appliance.vision.classes import CLASSES
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.runtime import Network
from training.bundle_files import seal


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


def _edit(folder: Path, change: dict[str, object]) -> None:
    card = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**card, **change}))


def test_answers_with_all_eight_highest_first(assessor: Assessor, skin: Pixels) -> None:
    answer = assessor.assess(skin, use_gate=False)
    probability = [finding.probability for finding in answer.findings]
    assert {finding.class_id for finding in answer.findings} == set(CLASSES)
    assert probability == sorted(probability, reverse=True)
    assert sum(probability) == pytest.approx(1)
    assert answer.risk is not None


def test_the_gate_refuses_before_there_is_an_answer(assessor: Assessor) -> None:
    answer = assessor.assess(np.zeros((400, 400, 3), np.uint8))
    assert answer.outcome == "cannot_assess"
    assert answer.findings == ()
    assert answer.class_maps is None
    assert "exposure" in [check.id for check in answer.quality.reasons]


def test_without_the_gate_it_answers_and_still_says_what_the_gate_found(assessor: Assessor) -> None:
    answer = assessor.assess(np.zeros((400, 400, 3), np.uint8), use_gate=False)
    assert answer.outcome != "cannot_assess"
    assert not answer.quality.accepted


@pytest.mark.parametrize(("threshold", "outcome"), [(0.0, "none_of_these"), (1.0, "findings")])
def test_the_threshold_of_the_bundle_decides_none_of_these(
    copy: Path, threshold: float, outcome: str, skin: Pixels
) -> None:
    card = json.loads((copy / "bundle.json").read_text())
    how = {**card["calibration"]["none_of_these"], "threshold": threshold, "refer_threshold": 0.0}
    _edit(copy, {"calibration": {**card["calibration"], "none_of_these": how}})
    assert Assessor.open(copy, threads=2).assess(skin, use_gate=False).outcome == outcome


def test_the_class_maps_average_to_the_logits(assessor: Assessor, skin: Pixels) -> None:
    outputs = assessor.network.run(preprocess(skin))
    assert outputs["class_maps"].shape == (8, 8, 8)
    step = assessor.network.step("logits")
    assert np.abs(outputs["class_maps"].mean(axis=(0, 1)) - outputs["logits"]).max() <= step


def test_runs_on_xnnpack(assessor: Assessor) -> None:
    assert assessor.network.delegate == "XNNPACK"


def test_refuses_to_run_without_xnnpack(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = functools.partial(litert.Interpreter, experimental_op_resolver_type=plain)
    monkeypatch.setattr(runtime, "_runtime", lambda: ("LiteRT without XNNPACK", interpreter))
    model = (bundle_folder / "model.tflite").read_bytes()
    with pytest.raises(errors.DelegateMissing):
        Network(model, threads=2)
    assert Network(model, threads=2, xnnpack=False).delegate == "none"


def test_refuses_a_file_that_is_no_network() -> None:
    with pytest.raises(errors.ModelError):
        Network(b"TFL3 but not really", threads=1)


def test_refuses_a_changed_file_and_names_it(copy: Path) -> None:
    model = bytearray((copy / "model.tflite").read_bytes())
    model[len(model) // 2] ^= 1
    (copy / "model.tflite").write_bytes(model)
    with pytest.raises(errors.BundleAltered) as refused:
        bundle.load(copy)
    assert refused.value.values["file"] == "model.tflite"


def test_refuses_a_missing_file_and_names_it(copy: Path) -> None:
    (copy / "golden.png").unlink()
    with pytest.raises(errors.BundleAltered) as refused:
        bundle.load(copy)
    assert refused.value.values["file"] == "golden.png"


def test_refuses_a_wrong_golden_answer(copy: Path) -> None:
    card = json.loads((copy / "bundle.json").read_text())
    _edit(copy, {"golden": {**card["golden"], "logits": [9.0] * 8}})
    with pytest.raises(errors.GoldenMismatch):
        Assessor.open(copy, threads=1)


def test_refuses_a_wrong_golden_outlier(copy: Path) -> None:
    card = json.loads((copy / "bundle.json").read_text())
    _edit(copy, {"golden": {**card["golden"], "outlier": 30.0}})
    with pytest.raises(errors.GoldenMismatch):
        Assessor.open(copy, threads=1)


def test_refuses_a_class_without_a_threshold(copy: Path) -> None:
    card = json.loads((copy / "bundle.json").read_text())
    conformal = card["calibration"]["conformal"]
    del conformal["thresholds"]["psoriasis"]
    _edit(copy, {"calibration": {**card["calibration"], "conformal": conformal}})
    with pytest.raises(errors.BundleInvalid):
        bundle.load(copy)


def test_a_runtime_that_is_there_but_broken_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "RUNTIMES", (("numpy", "no_such_module"), *runtime.RUNTIMES))
    with pytest.raises(errors.RuntimeBroken):
        runtime._runtime()


def test_no_runtime_at_all_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "RUNTIMES", (("no-such-distribution", "x"),))
    with pytest.raises(errors.RuntimeMissing):
        runtime._runtime()


def test_refuses_a_bundle_without_calibration(copy: Path) -> None:
    _edit(copy, {"calibration": None})
    with pytest.raises(errors.BundleInvalid):
        Assessor.open(copy, threads=1)


def test_refuses_classes_in_another_order(copy: Path) -> None:
    card = json.loads((copy / "bundle.json").read_text())
    _edit(copy, {"classes": card["classes"][::-1]})
    with pytest.raises(errors.BundleInvalid):
        bundle.load(copy)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "not json"])
def test_refuses_an_unreadable_card(copy: Path, text: str) -> None:
    (copy / "bundle.json").write_text(text)
    with pytest.raises(errors.BundleInvalid):
        bundle.load(copy)


def test_says_where_it_looked_for_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(errors.BundleMissing) as missing:
        bundle.load(tmp_path)
    assert missing.value.values["folder"] == tmp_path


@pytest.fixture
def ungated(copy: Path) -> Path:
    """The bundle as it is before ``dermkiosk-train gate``."""
    card = json.loads((copy / "bundle.json").read_text())
    del card["sha256"]["gate.json"]
    _edit(copy, {"sha256": card["sha256"]})
    return copy


def test_refuses_a_bundle_without_a_gate_and_says_what_to_do(ungated: Path) -> None:
    with pytest.raises(errors.GateMissing) as refused:
        Assessor.open(ungated, threads=1)
    for language in LANGUAGES:
        assert "gate.json" in sentence(language, refused.value)
        assert "dermkiosk-train gate" in remedy(language, refused.value)


def test_without_a_gate_it_answers_only_who_asks_for_none(ungated: Path, skin: Pixels) -> None:
    assessor = Assessor.open(ungated, threads=1, use_gate=False)
    assert len(assessor.assess(skin, use_gate=False).findings) == len(CLASSES)
    with pytest.raises(errors.GateMissing):
        assessor.assess(skin)


def test_a_gate_that_is_no_gate_is_refused_also_where_none_is_asked_for(copy: Path) -> None:
    (copy / "gate.json").write_text("{}")
    seal(copy)
    with pytest.raises(errors.BundleInvalid):
        Assessor.open(copy, threads=1, use_gate=False)
