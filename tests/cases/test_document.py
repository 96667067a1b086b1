import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from appliance.cases import document
from appliance.cases.document import Origin, PhotoRecord, build, model_record, refusal
from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels

SCHEMA = json.loads(Path(document.__file__).with_name("result.schema.json").read_text())
PHOTO = PhotoRecord("abc123", "kiosk", "2026-01-02T03:04:05Z", "unverified", "0" * 64)
CAPTURE: dict[str, object] = {
    "camera": "picamera2",
    "exposure_us": 8000.0,
    "analogue_gain": 1.0,
    "colour_gains": [2.0, 1.5],
    "ambient_share": 0.02,
    "mm_per_pixel": None,
    "locked_to": "calibration",
}


def _valid(made: dict[str, object]) -> dict[str, object]:
    stored = json.loads(json.dumps(made))
    jsonschema.Draft202012Validator(SCHEMA).validate(stored)
    return stored


def test_findings_keep_to_the_schema(assessor: Assessor, skin: Pixels) -> None:
    origin = Origin(PHOTO, "K7QF-2M", CAPTURE, simulated=True)
    made = _valid(build(origin, assessor.assess(skin, use_gate=False), model_record(assessor)))
    assert made["case"] == "K7QF-2M"
    assert made["capture"] == CAPTURE
    assert made["simulated"] is True
    assert len(made["findings"]) == 8
    assert np.array(made["activation_map"]["grid"]).shape == (8, 8)
    assert made["activation_map"]["class"] == made["findings"][0]["class"]


def test_says_what_evidence_applies_to_the_skin_that_was_measured(assessor: Assessor, skin: Pixels) -> None:
    assessment = assessor.assess(skin, use_gate=False)
    origin = Origin(PHOTO, "K7QF-2M", CAPTURE)
    told = _valid(build(origin, assessment, model_record(assessor)))["skin_tone"]
    assert told["light"] == "controlled"
    assert -90 <= told["ita_degrees"] <= 90
    for count, evidence, message in ((None, "limited", "unknown"), (40, "limited", "few"), (400, "fair", "enough")):
        assert assessment.seen is not None
        known = replace(assessment, seen=replace(assessment.seen, training_photographs=count))
        told = _valid(build(origin, known, model_record(assessor)))["skin_tone"]
        assert (told["training_photographs"], told["evidence"]) == (count, evidence)
        assert told["message"] == f"skin_tone.{message}"


@pytest.mark.parametrize("capture", [None, {**CAPTURE, "locked_to": "automatic"}], ids=["phone", "uncalibrated"])
@pytest.mark.parametrize(
    ("fewest", "evidence", "message"),
    [
        (None, "limited", "unknown"),
        (0, "limited", "unmeasured"),
        (40, "limited", "unmeasured"),
        (400, "fair", "enough"),
    ],
)
def test_in_unknown_light_the_tone_with_the_least_evidence_counts(
    assessor: Assessor,
    skin: Pixels,
    capture: dict[str, object] | None,
    fewest: int | None,
    evidence: str,
    message: str,
) -> None:
    """An automatic exposure makes dark skin look light: that many photographs show light skin is no comfort then."""
    assessment = assessor.assess(skin, use_gate=False)
    assert assessment.seen is not None
    known = replace(assessment, seen=replace(assessment.seen, training_photographs=1500, fewest_photographs=fewest))
    told = _valid(build(Origin(PHOTO, capture=capture), known, model_record(assessor)))["skin_tone"]
    assert told["light"] == "uncontrolled"
    assert (told["training_photographs"], told["evidence"]) == (fewest, evidence)
    assert told["message"] == f"skin_tone.{message}"


def test_a_refused_photograph_keeps_to_the_schema(assessor: Assessor) -> None:
    dark = np.zeros((400, 400, 3), np.uint8)
    made = _valid(build(Origin(PHOTO), assessor.assess(dark), model_record(assessor)))
    assert made["outcome"] == "cannot_assess"
    assert made["capture"] == "uncontrolled"
    assert made["quality"]["accepted"] is False


def test_an_unreadable_photograph_keeps_to_the_schema(assessor: Assessor) -> None:
    photo = PhotoRecord("", "file", None, "unverified", None, "gone.jpg")
    made = _valid(refusal(Origin(photo), "photo_unreadable", "error.photo_unreadable.remedy", model_record(assessor)))
    assert made["photo"]["path"] == "gone.jpg"


def test_the_schema_refuses_an_answer_beside_a_refusal(assessor: Assessor, skin: Pixels) -> None:
    made = build(Origin(PHOTO), assessor.assess(skin, use_gate=False), model_record(assessor))
    with pytest.raises(jsonschema.ValidationError):
        _valid({**made, "outcome": "cannot_assess"})
