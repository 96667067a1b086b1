from dataclasses import replace

import numpy as np
import pytest

from appliance.vision.classes import CLASSES
from training.evaluation import metrics
from training.evaluation.box import Decisions
from training.evaluation.metrics import Answers


def _answers(targets: list[int], likeliest: list[int], confidence: float = 0.9) -> Answers:
    probability = np.full((len(targets), 8), (1 - confidence) / 7)
    probability[np.arange(len(targets)), likeliest] = confidence
    outlier = np.where(np.array(targets) < 0, 0.8, 0.2)
    names = np.arange(len(targets)).astype(object)
    return Answers(probability, outlier, np.array(targets), names, np.array(["melanoma"] * len(targets), object))


def _decided(answers: Answers, **flags: list[bool]) -> Answers:
    none = np.zeros(len(answers.targets), bool)
    named = {name: np.array(flags.get(name, none)) for name in Decisions.__dataclass_fields__ if name != "sets"}
    return replace(answers, decisions=Decisions(**named, sets=answers.probability > 0.5))


def test_top1_counts_the_eight_alone() -> None:
    assert metrics.top1(_answers([0, 1, 2, -1], [0, 1, 3, 0])) == pytest.approx(2 / 3)


def test_balanced_accuracy_weighs_classes_alike() -> None:
    assert metrics.balanced(_answers([0, 0, 0, 1], [0, 0, 0, 0])) == pytest.approx(0.5)


def test_top3_looks_at_three() -> None:
    answers = _answers([7, 7], [0, 7])
    answers.probability[0] = [0.4, 0.3, 0, 0, 0, 0, 0.1, 0.2]
    assert metrics.top3(answers) == 1.0


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    assert metrics.calibration_error(_answers([0, 0, 1, 1], [0, 0, 0, 0], 0.9)) == pytest.approx(0.4)


def test_areas_under_the_curve() -> None:
    answers = _answers([2, 3, 4, -1], [2, 3, 4, 0])
    assert metrics.none_of_these_auroc(answers) == 1.0
    assert metrics.malignant_auroc(answers) == 1.0
    assert metrics.macro_auroc(answers) == 1.0


def test_the_area_counts_pairs_in_the_right_order_and_ties_by_half() -> None:
    positive = np.array([True, True, False, False])
    assert metrics.area(positive, np.array([3.0, 1.0, 2.0, 1.0])) == pytest.approx((1 + 1 + 0 + 0.5) / 4)


def test_the_area_of_one_kind_alone_is_not_a_number() -> None:
    assert np.isnan(metrics.area(np.array([True, True]), np.array([0.1, 0.2])))


def test_melanoma_is_seen_when_any_rule_sends_it_on() -> None:
    answers = _decided(
        _answers([-1, -1, -1, 4], [7, 7, 7, 4]),
        none_of_these=[True, False, False, False],
        referred=[True, True, False, False],
    )
    answers.conditions[3] = "normal_skin"
    assert metrics.melanoma_noticed(answers) == pytest.approx(1 / 3)
    assert metrics.melanoma_seen(answers) == pytest.approx(2 / 3)
    assert metrics.normal_seen(answers) == 0.0


def test_a_melanoma_is_found_however_its_name_is_written() -> None:
    names = ["Melanoma", "MALIGNANT MELANOMA", "lentigo_maligna_melanoma", "恶性黑色素瘤", "melasma", "", None]
    assert metrics.melanomas(names).tolist() == [True, True, True, True, False, False, False]
    answers = replace(_answers([-1, 4], [4, 4]), conditions=np.array(["Nodular Melanoma", "normal_skin"], object))
    assert metrics.melanoma_auroc(answers) == 1.0


def test_malignant_operating_point_and_grade_are_told_apart() -> None:
    answers = _decided(
        _answers([2, 3, 6, 7], [2, 3, 6, 7]),
        malignant=[True, False, False, True],
        referred=[True, True, True, False],
    )
    assert metrics.malignant_sensitivity(answers) == 0.5
    assert metrics.malignant_specificity(answers) == 0.5
    assert metrics.graded_sensitivity(answers) == 1.0
    assert metrics.graded_specificity(answers) == 0.5
    assert metrics.harmless_left_alone(answers) == 1.0


def test_sets_are_judged_by_the_true_class_and_by_their_size() -> None:
    answers = _decided(_answers([0, 1], [0, 0]))
    assert metrics.set_coverage(answers) == 0.5
    assert metrics.set_size(answers) == 1.0


def test_a_decision_without_calibration_is_an_error_and_not_a_figure() -> None:
    with pytest.raises(ValueError, match="not calibrated"):
        metrics.set_size(_answers([0], [0]))


def test_figures_on_photographs_of_others_alone_are_not_numbers() -> None:
    answers = _decided(_answers([-1, -1], [CLASSES.index("psoriasis"), 0]))
    unknown = ("top-1", "balanced accuracy", "top-3", "macro AUROC", "calibration error", "set coverage", "set size")
    assert all(np.isnan(metrics.FIGURES[name](answers)) for name in unknown)
