"""The result document, ``dermkiosk.result/1``: the one shape in which an answer is stored, served and printed.

Its JSON Schema is result.schema.json beside this file; the tests hold every document against it.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from appliance.vision.assessment import Assessment, Check, Quality
from appliance.vision.assessor import Assessor
from appliance.vision.bundle import Calibration
from appliance.vision.classes import CLASSES
from appliance.vision.overlay import positive_share
from appliance.vision.skin_tone import evidence, evidence_key, tone_of

SCHEMA: Final = "dermkiosk.result/1"
Document = dict[str, Any]


@dataclass(frozen=True)
class PhotoRecord:
    """What the document says of the photograph. ``path`` is given on the command line alone."""

    id: str
    source: Literal["kiosk", "phone_camera", "phone_gallery", "file"]
    taken_at: str | None
    clock: Literal["synced", "unverified"]
    sha256: str | None
    path: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Without ``path`` where there is none."""
        members = {
            "id": self.id,
            "source": self.source,
            "taken_at": self.taken_at,
            "clock": self.clock,
            "sha256": self.sha256,
        }
        return members if self.path is None else {**members, "path": self.path}


@dataclass(frozen=True)
class Origin:
    """Where a photograph came from: its case (``None`` on the command line) and how it was captured."""

    photo: PhotoRecord
    case: str | None = None
    capture: dict[str, object] | None = None
    simulated: bool = False
    reservation: bool = False
    """Somebody wanted an answer although the gate refused."""


def build(origin: Origin, assessment: Assessment, model: dict[str, Any]) -> Document:
    """The document for an assessment; ``model`` is :func:`model_record`'s."""
    return {
        "schema": SCHEMA,
        "case": origin.case,
        "photo": origin.photo.as_json(),
        "simulated": origin.simulated,
        "outcome": assessment.outcome,
        "none_of_these_score": _rounded(assessment.none_of_these_score),
        "quality": {**_quality(assessment.quality), "reservation": origin.reservation},
        "findings": [
            {"class": each.class_id, "probability": _rounded(each.probability), "evidence": each.evidence}
            for each in assessment.findings
        ],
        "prediction_set": list(assessment.prediction_set),
        "risk": _risk(assessment),
        "operating_points": list(assessment.above),
        "activation_map": _activation_map(assessment),
        "lesion": _lesion(assessment),
        "skin_tone": _skin_tone(assessment, controlled=_is_controlled(origin.capture)),
        "model": model,
        "capture": "uncontrolled" if origin.capture is None else origin.capture,
        "timing_ms": assessment.timing_ms,
    }


def refusal(origin: Origin, check_id: str, advice: str, model: dict[str, Any]) -> Document:
    """``cannot_assess`` for a photograph no check could look at: unreadable, or its processing failed for good."""
    failed = Quality((Check(check_id, ok=False, value=0.0, limit=0.0, advice=advice),))
    return build(origin, Assessment("cannot_assess", failed), model)


def model_record(assessor: Assessor) -> dict[str, Any]:
    """Which model answered, on what, and the limits its answers were held against."""
    return {
        "bundle": assessor.bundle.card.name,
        "sha256": assessor.bundle.model_sha256,
        "runtime": assessor.network.runtime,
        "delegate": assessor.network.delegate,
        **_thresholds(assessor.bundle.card.calibration),
    }


def _thresholds(calibration: Calibration | None) -> dict[str, Any]:
    """They change with the bundle: a result read years later must not be held against others."""
    if calibration is None:
        return {}
    limits = {
        "none_of_these": calibration.none_of_these.threshold,
        "in_doubt": calibration.none_of_these.refer_threshold,
        "malignancy": calibration.malignancy_threshold,
        "psoriasis": calibration.psoriasis_threshold,
        "set_level": calibration.conformal.level,
    }
    return {"thresholds": limits}


def _quality(quality: Quality) -> dict[str, Any]:
    checks = [
        {
            "id": check.id,
            "ok": check.ok,
            "value": _rounded(check.value),
            "limit": check.limit,
            "advice": check.advice,
        }
        for check in quality.checks
    ]
    return {"accepted": quality.accepted, "checks": checks}


def _risk(assessment: Assessment) -> dict[str, Any] | None:
    risk = assessment.risk
    if risk is None:
        return None
    probability = _rounded(risk.malignancy_probability)
    return {"grade": risk.grade, "malignancy_probability": probability, "rule": f"rule.{risk.rule}"}


def _activation_map(assessment: Assessment) -> dict[str, Any] | None:
    if assessment.class_maps is None:
        return None
    likeliest = assessment.findings[0].class_id
    grid = positive_share(assessment.class_maps[..., CLASSES.index(likeliest)])
    return {"class": likeliest, "grid": [[round(float(value), 3) for value in row] for row in grid]}


def _lesion(assessment: Assessment) -> dict[str, Any] | None:
    seen = assessment.seen
    if seen is None:
        return None
    box = None if seen.lesion_box is None else [round(float(side), 4) for side in seen.lesion_box]
    return {"share": _rounded(seen.lesion_share), "box": box}


def _is_controlled(capture: dict[str, object] | None) -> bool:
    """Whether the exposure was the calibration's: an automatic's makes dark skin look up to 60 degrees lighter."""
    return capture is not None and capture.get("locked_to") == "calibration"


def _skin_tone(assessment: Assessment, *, controlled: bool) -> dict[str, Any] | None:
    seen = assessment.seen
    if seen is None or seen.ita is None:
        return None
    photographs = seen.training_photographs if controlled else seen.fewest_photographs
    return {
        "ita_degrees": round(seen.ita, 1),
        "group": tone_of(seen.ita),
        "light": "controlled" if controlled else "uncontrolled",
        "training_photographs": photographs,
        "evidence": evidence(photographs),
        "message": evidence_key(photographs, measured=controlled),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)
