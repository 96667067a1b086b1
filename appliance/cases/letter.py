"""What a referral letter says to a program: ``dermkiosk.letter/1``, small enough for a QR code on paper.

No photograph, no more of the patient than the letter itself shows, and a digest of the whole result document.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from appliance.cases.clock import local
from appliance.cases.pathway import Step
from appliance.cases.store import Case, Document

SCHEMA: Final = "dermkiosk.letter/1"
HASH_CHARACTERS: Final = 16


def letter(case: Case, document: Document, step: Step) -> dict[str, Any]:
    """The letter of an answered case; names as in letter.schema.json."""
    risk: Mapping[str, Any] | None = document["risk"]
    told = {
        "schema": SCHEMA,
        "case": case.code,
        "patient": case.patient,
        "site": case.site,
        "taken": local(case.taken_at)[:10],
        "clock": case.clock,
        "outcome": document["outcome"],
        "p": {item["class"]: round(item["probability"], 3) for item in document["findings"]},
        "set": document["prediction_set"],
        "none": _rounded(document["none_of_these_score"]),
        "grade": step.grade,
        "level": step.level,
        "days": step.days,
        "rule": risk and risk["rule"].removeprefix("rule."),
        "malignant": risk and _rounded(risk["malignancy_probability"]),
        "refused": [check["id"] for check in document["quality"]["checks"] if not check["ok"]],
        "reserved": bool(document["quality"].get("reservation")),
        "simulated": document["simulated"],
        "model": f"{document['model']['bundle']} {document['model']['sha256'][:HASH_CHARACTERS]}",
        "digest": digest(document),
    }
    return {name: value for name, value in told.items() if not _says_nothing(value)}


def compact(content: Mapping[str, Any]) -> str:
    """As JSON without a space, in ASCII."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def digest(document: Document) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the document as canonical JSON (sorted, without spaces)."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARACTERS]


def _says_nothing(value: object) -> bool:
    """Not so of 0: "within 0 days" is today."""
    return value is None or value is False or value in ([], {})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
