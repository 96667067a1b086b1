"""A result document, sorted for a clinician: every number, beside the limit it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from appliance.vision.assessment import Outcome
from appliance.vision.classes import CLASSES
from appliance.vision.quality import too_small
from appliance.web.result_view import ResultView, result_view

CLASS_PLACE: Final = "CLASS"
"""Stands for the class id in :attr:`Links.map_pattern`."""
WIDEST_PX: Final = 360
"""The widest of the photographs side by side is shown this wide; the others by their size in millimetres."""
BAR_MM: Final = 10


@dataclass(frozen=True)
class Links:
    """Addresses of what the page shows, whoever serves them."""

    photo: str
    map_pattern: str
    page: str
    """The page itself: without scripts it is asked again with ``?map=<class>``."""

    def map(self, class_id: str) -> str:
        """Address of one class's map."""
        return self.map_pattern.replace(CLASS_PLACE, class_id)


@dataclass(frozen=True)
class Row:
    """One class: ``exact`` is its calibrated probability in tenths of a percent, ``width`` its bar, 0 … 100."""

    class_id: str
    exact: str
    width: float
    in_set: bool
    evidence: str


@dataclass(frozen=True)
class Meter:
    """A value between 0 and 1 and the limits it is held against, by name; empty where none were recorded."""

    value: float
    limits: Mapping[str, float]


@dataclass(frozen=True)
class ClinicianView:
    """What the clinician's part of a case shows."""

    result: ResultView
    rows: tuple[Row, ...]
    shown_map: str | None
    """The class whose map is shown first."""
    none_of_these: Meter | None
    malignancy: Meter | None
    checks: tuple[Mapping[str, Any], ...]
    settings: Mapping[str, str]
    """How it was captured, by name (message key ``capture.<name>``); empty: under an unknown light."""
    timing_ms: Mapping[str, float]

    @property
    def outcome(self) -> Outcome:
        """The document's."""
        outcome: Outcome = self.document["outcome"]
        return outcome

    @property
    def document(self) -> Mapping[str, Any]:
        """The whole of it."""
        return self.result.document

    @property
    def in_mm(self) -> frozenset[str]:
        """The checks whose value and limit are millimetres: the size, where the photograph's scale is known."""
        capture = self.document["capture"]
        known = capture != "uncontrolled" and capture["mm_per_pixel"] is not None
        return frozenset({too_small.ID}) if known else frozenset()

    @property
    def set_level(self) -> str | None:
        """How often the prediction set holds the truth, in percent; ``None`` where it was not recorded."""
        level = self._thresholds.get("set_level")
        return None if level is None else f"{level * 100:g}"

    @property
    def _thresholds(self) -> Mapping[str, float]:
        recorded: Mapping[str, float] = self.document["model"].get("thresholds", {})
        return recorded


def clinician_view(document: Mapping[str, Any], shown_map: str | None = None) -> ClinicianView:
    """Sort a ``dermkiosk.result/1`` document; ``shown_map`` is the class somebody asked to see."""
    limits = document["model"].get("thresholds", {})
    risk, ranked = document["risk"], document["findings"]
    likeliest = ranked[0]["class"] if ranked else None
    capture = document["capture"]
    return ClinicianView(
        result=result_view(document),
        rows=tuple(_row(item, document["prediction_set"]) for item in ranked),
        shown_map=shown_map if ranked and shown_map in CLASSES else likeliest,
        none_of_these=_meter(document["none_of_these_score"], limits, "none_of_these", "in_doubt"),
        malignancy=_meter(risk and risk["malignancy_probability"], limits, "malignancy"),
        checks=tuple(document["quality"]["checks"]),
        settings={} if capture == "uncontrolled" else dict(_settings(capture)),
        timing_ms=document["timing_ms"],
    )


def exact(probability: float) -> str:
    """Tenths of a percent, and never certainty."""
    tenths = round(probability * 1000)
    return "<0.1 %" if tenths < 1 else ">99.9 %" if tenths > 999 else f"{tenths / 10:.1f} %"


def _row(item: Mapping[str, Any], in_set: Sequence[str]) -> Row:
    probability = float(item["probability"])
    return Row(
        item["class"], exact(probability), round(probability * 100, 1), item["class"] in in_set, item["evidence"]
    )


def _meter(value: float | None, limits: Mapping[str, float], *names: str) -> Meter | None:
    if value is None:
        return None
    return Meter(min(float(value), 1.0), {name: limits[name] for name in names if name in limits})


def _settings(capture: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of what is known; a calibration is named by its counter."""
    plain = {name: value for name, value in capture.items() if name not in ("set", "calibration")}
    if capture.get("calibration"):
        plain["calibration"] = capture["calibration"]["counter"]
    return [(name, _told(value)) for name, value in plain.items() if value is not None]


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, list):
        return " / ".join(map(_told, value))
    if isinstance(value, float):  # four digits, and no "5e+04" for a person to decipher
        return np.format_float_positional(value, precision=4, fractional=False, trim="-")
    return str(value)


@dataclass(frozen=True)
class Photograph:
    """One of several photographs of the same place: its size in pixels, and in mm per pixel where that is known."""

    code: str
    taken_at: str
    clock: str
    photo: str
    """Address of the picture."""
    page: str | None
    """Address of its case; ``None`` for the one that is open."""
    size_px: tuple[int, int]
    mm_per_pixel: float | None


@dataclass(frozen=True)
class Sized:
    """A photograph and how large to show it, in CSS pixels. Not ``to_scale``: only as wide as the widest."""

    photograph: Photograph
    width: int
    height: int
    to_scale: bool


@dataclass(frozen=True)
class Comparison:
    """Photographs at the same scale; ``bar_px`` is the length of 10 mm, ``None`` where no scale is known."""

    photographs: tuple[Sized, ...]
    bar_px: int | None
    lost: int = 0
    """So many more there were, whose files are gone or damaged."""

    @property
    def all_to_scale(self) -> bool:
        """Whether sizes may be compared by eye."""
        return all(each.to_scale for each in self.photographs)


def same_scale(photographs: Sequence[Photograph], lost: int = 0) -> Comparison:
    """Size photographs so that a millimetre is as long on each; one without a scale gets the full width."""
    widths_mm = [each.size_px[0] * each.mm_per_pixel for each in photographs if each.mm_per_pixel]
    px_per_mm = WIDEST_PX / max(widths_mm) if widths_mm else None
    sized = tuple(_sized(each, px_per_mm) for each in photographs)
    return Comparison(sized, None if px_per_mm is None else round(BAR_MM * px_per_mm), lost)


def _sized(each: Photograph, px_per_mm: float | None) -> Sized:
    width, height = each.size_px
    if each.mm_per_pixel and px_per_mm:
        factor = each.mm_per_pixel * px_per_mm
        return Sized(each, round(width * factor), round(height * factor), to_scale=True)
    return Sized(each, WIDEST_PX, round(WIDEST_PX * height / width), to_scale=False)
