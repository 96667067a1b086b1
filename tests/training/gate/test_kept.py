import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import GateMissing
from appliance.vision.assessor import Assessor
from appliance.vision.bundle import read_card
from appliance.vision.quality.limits import FILE, limits_of
from training.bundle_files import seal, sha256_of
from training.dataset import Photographs, read_manifest
from training.errors import PhotographUnusable
from training.gate.kept import keep_limits, said


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


def test_a_bundle_stays_without_limits_where_the_agreement_cannot_be_measured(
    ungated: Path, bundle_folder: Path, split: Path, tmp_path: Path
) -> None:
    before = {path: sha256_of(path) for path in ungated.rglob("*") if path.is_file()}
    photographs = read_manifest(split).of("validation")
    for image in photographs.rows["image"]:
        (tmp_path / image).write_bytes(b"no photograph")
    with pytest.raises(PhotographUnusable):
        keep_limits(ungated, bundle_folder, Photographs(tmp_path, photographs.rows))
    with pytest.raises(ValueError, match="no validation photograph to show both gates"):
        keep_limits(ungated, bundle_folder, read_manifest(split).of("train"))
    assert {path: sha256_of(path) for path in ungated.rglob("*") if path.is_file()} == before
    with pytest.raises(GateMissing):
        Assessor.open(ungated, threads=2)
