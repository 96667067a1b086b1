import pytest

from appliance.vision.assessment import Finding, Risk
from appliance.vision.classes import CLASSES, ClassId
from appliance.vision.risk import grade


def _findings(**probability: float) -> tuple[Finding, ...]:
    rest = (1 - sum(probability.values())) / (8 - len(probability))
    all_eight = [Finding(name, probability.get(name, rest), "moderate") for name in CLASSES]
    return tuple(sorted(all_eight, key=lambda finding: -finding.probability))


@pytest.mark.parametrize(
    ("likeliest", "expected"),
    [
        ("lichen_planus", ("refer", "inflammatory")),
        ("lupus_erythematosus", ("refer", "inflammatory")),
        ("basal_cell_carcinoma", ("refer", "malignancy_above_threshold")),
        ("squamous_cell_carcinoma", ("refer", "malignancy_above_threshold")),
        ("normal_skin", ("low", "normal")),
        ("pemphigus", ("urgent", "pemphigus_possible")),
        ("psoriasis", ("refer", "inflammatory")),
        ("seborrheic_keratosis", ("low", "benign")),
    ],
)
def test_the_likeliest_class_sets_the_grade(likeliest: ClassId, expected: tuple[str, str]) -> None:
    risk = grade(_findings(**{likeliest: 0.95}), none_of_these=False, malignancy_threshold=0.2)
    assert (risk.grade, risk.rule) == expected


def test_malignancy_counts_though_it_is_not_the_likeliest() -> None:
    findings = _findings(normal_skin=0.7, basal_cell_carcinoma=0.11, squamous_cell_carcinoma=0.11)
    risk = grade(findings, none_of_these=False, malignancy_threshold=0.2)
    assert risk == Risk("refer", pytest.approx(0.22), "malignancy_above_threshold")


def test_possible_pemphigus_is_urgent_whatever_else_is_likely() -> None:
    findings = _findings(basal_cell_carcinoma=0.5, pemphigus=0.35)
    assert grade(findings, none_of_these=True, malignancy_threshold=0.2).grade == "urgent"


def test_none_of_these_is_never_low() -> None:
    risk = grade(_findings(normal_skin=0.95), none_of_these=True, malignancy_threshold=0.2)
    assert (risk.grade, risk.rule) == ("refer", "none_of_these")


def test_in_doubt_nothing_is_low_and_the_reason_of_a_refer_stays() -> None:
    benign = grade(_findings(seborrheic_keratosis=0.95), none_of_these=False, malignancy_threshold=0.2, in_doubt=True)
    assert (benign.grade, benign.rule) == ("refer", "in_doubt")
    psoriasis = grade(_findings(psoriasis=0.95), none_of_these=False, malignancy_threshold=0.2, in_doubt=True)
    assert (psoriasis.grade, psoriasis.rule) == ("refer", "inflammatory")
