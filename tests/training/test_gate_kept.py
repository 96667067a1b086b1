import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import GateMissing
from appliance.vision.assessor import Assessor
from appliance.vision.bundle import read_card
from appliance.vision.quality.limits import FILE, limits_of
from training.bundle_files import seal
from training.dataset import read_manifest
from training.gate_kept import keep_limits, said


@pytest.fixture
def ungated(bundle_folder: Path, tmp_path: Path) -> Path:
    """The shipped bundle as ``quantise`` would leave it: without the gate."""
    bundle = shutil.copytree(bundle_folder, tmp_path / "ours")
    (bundle / FILE).unlink()
    seal(bundle)
    return bundle


def test_limits_are_kept_and_called_kept(ungated: Path, bundle_folder: Path, split: Path) -> None:
    with pytest.raises(GateMissing):
        Assessor.open(ungated, threads=2)
    figures = keep_limits(ungated, bundle_folder, read_manifest(split))
    Assessor.open(ungated, threads=2)  # takes it, with every hash right
    assert figures["photographs"] == len(read_manifest(split).of("validation"))
    assert figures["same_verdict"] == 1  # the network is the same here
    assert figures["accepted_here"] == figures["accepted_there"]
    how: Any = read_card(ungated).provenance["gate"]
    assert (how["limits"], how["kept_from"]) == ("kept", "skin8-inceptionv3")
    assert limits_of(ungated, read_card(ungated).sha256).fitted_on.startswith("kept from skin8-inceptionv3, not fitted")
    assert json.loads((ungated / "evaluation" / FILE).read_text()) == figures
    assert "were not fitted" in said(figures)


def test_there_must_be_limits_to_keep(ungated: Path, split: Path) -> None:
    before = sorted(path.name for path in ungated.iterdir())
    with pytest.raises(GateMissing):
        keep_limits(ungated, ungated, read_manifest(split))
    assert sorted(path.name for path in ungated.iterdir()) == before
