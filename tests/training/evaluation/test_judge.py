import copy
import json
from typing import Any

import numpy as np
import pytest

from appliance.vision.bundle import Calibration
from appliance.vision.classes import CLASSES
from training.dataset import Photographs
from training.evaluation import failures
from training.evaluation.judge import by_class, tones
from training.evaluation.metrics import FIGURES, Answers
from training.predict import Predictions


@pytest.fixture
def report(judged: dict[str, Any]) -> dict[str, Any]:
    return judged


def test_every_figure_stands_for_float_and_int8_with_intervals(report: dict[str, Any]) -> None:
    assert set(report["figures"]) == set(FIGURES)
    for name, each in report["figures"].items():
        assert each["int8_95"][0] <= each["int8"] <= each["int8_95"][1], name
        assert each["difference"] == pytest.approx(each["int8"] - each["float"])


def test_parts_are_judged_on_their_own_photographs(report: dict[str, Any], photographs: Photographs) -> None:
    assert sum(each["eight"] for each in report["by_source"].values()) == report["photographs"]["eight"]
    assert list(report["by_tone"]) == ["I-II", "III-IV", "V-VI", "unknown"]
    pooled = np.average(
        [each["figures"]["top-1"]["int8"] for each in report["by_source"].values()],
        weights=[each["eight"] for each in report["by_source"].values()],
    )
    assert pooled == pytest.approx(report["figures"]["top-1"]["int8"])


def test_tones_are_read_however_the_source_writes_them(photographs: Photographs) -> None:
    assert tones(photographs)[:4].tolist() == ["I-II", "III-IV", "V-VI", "unknown"]
    assert set(tones(Photographs(photographs.folder, photographs.rows.drop(columns="fitzpatrick")))) == {"unknown"}


def test_recall_of_a_class_is_its_row_of_the_confusion(report: dict[str, Any]) -> None:
    for index, name in enumerate(CLASSES):
        row = report["confusion"]["int8"][index]
        assert report["by_class"][name]["recall"]["int8"] == pytest.approx(row[index] / sum(row))


def test_other_conditions_are_named_with_what_becomes_of_them(report: dict[str, Any]) -> None:
    melanoma = report["by_condition"]["melanoma"]
    assert melanoma["photographs"] == 6
    assert sum(melanoma["called"].values()) == 6
    assert melanoma["none_of_these"] <= melanoma["sent to a doctor"]
    assert report["figures"]["melanoma sent to a doctor"]["int8"] == melanoma["sent to a doctor"]


def test_a_report_is_json_without_nan(report: dict[str, Any]) -> None:
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_failures_are_read_off_the_figures(report: dict[str, Any]) -> None:
    table = [[0] * 8 for _ in range(9)]
    table[0][0], table[0][6], table[1][1], table[1][0] = 6, 4, 30, 2
    assert failures.confusions(table) == [
        {"class": "lichen_planus", "called": "psoriasis", "photographs": 4, "of": 10},
    ]
    conditions = {
        "naevus": {"photographs": 10, "sent to a doctor": 0.4, "called": {"seborrheic_keratosis": 6}},
        "eczema": {"photographs": 10, "sent to a doctor": 0.95, "called": {}},
    }
    assert [each["condition"] for each in failures.missed(conditions)] == ["naevus"]
    worse = copy.deepcopy(report)
    worse["by_source"]["atlas"]["figures"]["top-1"]["int8"] = 0.1
    assert [each["part"] for each in failures.weak_parts(worse)] == ["atlas"]


def test_a_class_of_too_few_groups_has_no_interval(
    said: dict[str, Predictions], photographs: Photographs, calibration: Calibration
) -> None:
    rows = photographs.rows.copy()
    rows.loc[rows["label"] == "pemphigus", "group"] = "one patient"
    answers = Answers.of(said["int8"], Photographs(photographs.folder, rows), calibration)
    found = by_class({"int8": answers}, 60)
    assert found["pemphigus"]["recall"]["int8"] is not None
    assert found["pemphigus"]["recall"]["int8_95"] is None
    assert found["psoriasis"]["recall"]["int8_95"] is not None
