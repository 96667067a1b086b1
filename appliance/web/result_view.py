"""A result document, sorted for a person: the words are looked up in the templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from appliance.vision.classes import MALIGNANT
from appliance.vision.quality.gate import CHECKS

TOLD_FROM: Final = 0.15
"""A patient is told of a condition from this probability on: below, the words are "hardly similar"."""
CANCER_FROM: Final = 0.05
"""Of a cancer in the conformal set, from this one on: below, the set holds it for the sake of its promise alone."""
ADVICE: Final = "advice."
REASONS: Final = frozenset(key.removeprefix(ADVICE) for module in CHECKS for key in module.ADVICE) | {"failed"}
SURE: Final = ((0.7, "high"), (0.4, "medium"), (0.15, "low"), (0.0, "slight"))
"""Message keys ``sure.<word>`` from which probability on."""


@dataclass(frozen=True)
class FindingView:
    """One condition. ``percent`` is a whole number in words ("<1%"), ``width`` is the bar's length, 0 … 100."""

    class_id: str
    percent: str
    width: int
    sure: str
    evidence: str


@dataclass(frozen=True)
class ResultView:
    """What the result pages show."""

    document: Mapping[str, Any]
    likely: tuple[FindingView, ...]
    """What a patient is told of (:func:`told`), likeliest first."""
    every: tuple[FindingView, ...]
    """All eight, for the doctor whom a letter goes to."""
    advice: tuple[str, ...]
    """Message keys of what to do better, where the photo could not be assessed."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Names of what was wrong (``wrong.<name>``, ``todo.<name>``, a drawing), what to mend first first."""
        return tuple(
            dict.fromkeys(key.removeprefix(ADVICE) for key in self.advice if key.removeprefix(ADVICE) in REASONS)
        )

    @property
    def reserved(self) -> bool:
        """True where it was answered although the gate refused."""
        return bool(self.document["quality"].get("reservation"))

    @property
    def skin_note(self) -> str | None:
        """Message key of how few photographs of such skin were in training, where they were few."""
        tone = self.document.get("skin_tone")
        if tone is None or tone["evidence"] != "limited" or self.outcome == "cannot_assess":
            return None
        return str(tone["message"])

    @property
    def outcome(self) -> str:
        """findings, none_of_these or cannot_assess."""
        return str(self.document["outcome"])

    @property
    def rule(self) -> str:
        """Id of the rule that said how soon somebody should look; next.<rule> says what to do."""
        return str(self.document["risk"]["rule"]).removeprefix("rule.")

    @property
    def what_next(self) -> str:
        """Message key of what to do; another than the rule's where a cancer is named beside "no hurry"."""
        cancer = any(item.class_id in MALIGNANT for item in self.likely)
        low = self.document["risk"]["grade"] == "low"
        return "next.cancer_not_excluded" if cancer and low else f"next.{self.rule}"

    @property
    def letter(self) -> bool:
        """Whether somebody is sent on, so that a referral letter is offered."""
        return self.outcome == "cannot_assess" or self.document["risk"]["grade"] != "low"

    @property
    def map_class(self) -> str | None:
        """The class whose activation map is shown."""
        shown = self.document.get("activation_map")
        return str(shown["class"]) if shown and self.outcome == "findings" else None


def result_view(document: Mapping[str, Any]) -> ResultView:
    """Sort a ``dermkiosk.result/1`` document. None of the eight means: no ranking of the eight."""
    ranked = document["findings"] if document["outcome"] == "findings" else []
    listed = told(document) if ranked else frozenset()
    return ResultView(
        document=document,
        likely=tuple(_finding(item) for item in ranked if item["class"] in listed),
        every=tuple(map(_finding, ranked)),
        advice=tuple(check["advice"] for check in document["quality"]["checks"] if not check["ok"]),
    )


def told(document: Mapping[str, Any]) -> frozenset[str]:
    """The classes that a patient is told of, of a document with findings. A clinician is shown all eight.

    The likeliest; each from :data:`TOLD_FROM` on; each of the conformal set, a malignant one from :data:`CANCER_FROM`
    on. Where the box refers for a cancer, the likelier of the two always: nobody is referred for it unnamed.
    """
    ranked = document["findings"]
    listed = {ranked[0]["class"]} | {item["class"] for item in ranked if _likely_enough(item, document)}
    if _referred_for_cancer(document):
        listed.add(next(item["class"] for item in ranked if item["class"] in MALIGNANT))
    return frozenset(listed)


def _likely_enough(item: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    of_set = CANCER_FROM if item["class"] in MALIGNANT else 0.0
    in_set = item["class"] in document["prediction_set"]
    return bool(item["probability"] >= (of_set if in_set else TOLD_FROM))


def _referred_for_cancer(document: Mapping[str, Any]) -> bool:
    """Documents of earlier versions have no operating points, and say it by their rule alone."""
    rule = str(document["risk"]["rule"])
    return "malignancy" in document.get("operating_points", ()) or rule == "rule.malignancy_above_threshold"


def _finding(item: Mapping[str, Any]) -> FindingView:
    probability = float(item["probability"])
    sure = next(word for limit, word in SURE if probability >= limit)
    return FindingView(item["class"], percent(probability), round(probability * 100), sure, item["evidence"])


def percent(probability: float) -> str:
    """Whole percents at most, and never certainty."""
    whole = round(probability * 100)
    return "<1%" if whole < 1 else ">99%" if whole > 99 else f"{whole}%"
