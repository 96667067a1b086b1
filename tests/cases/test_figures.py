"""How often the box was right: counted by hand, and against a published table."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cases.figures import TOO_FEW, Share, figures, wilson
from appliance.cases.reviews import Judged


def said(
    diagnosis: str, answer: str, probability: float = 0.9, sets: tuple[str, ...] = (), grade: str | None = "refer"
) -> Judged:
    findings: list[dict[str, Any]] = []
    outcome = answer
    if answer not in ("none_of_these", "cannot_assess"):
        findings, outcome = [{"class": answer, "probability": probability}], "findings"
    document = {
        "outcome": outcome,
        "findings": findings,
        "prediction_set": sets or (answer,),
        "risk": grade and {"grade": grade},
    }
    return Judged(diagnosis, "pathology", document)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, table I
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(right: int, total: int, low: float, high: float) -> None:
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share_and_stays_between_0_and_1(right: int, wrong: int) -> None:
    low, high = wilson(right, right + wrong)
    assert 0 <= low <= high <= 1
    if right + wrong:
        assert low - 1e-9 <= right / (right + wrong) <= high + 1e-9


def test_of_nothing_nothing_is_said() -> None:
    found = figures([])
    assert (found.judged, found.bins, dict(found.confusion)) == (0, (), {})
    assert found.coverage.too_few
    assert found.coverage.interval == (0.0, 1.0)


def test_each_figure_counts_what_it_says() -> None:
    found = figures(
        [
            said("psoriasis", "psoriasis"),
            said("psoriasis", "lichen_planus", sets=("lichen_planus", "psoriasis")),
            said("basal_cell_carcinoma", "seborrheic_keratosis", grade="low"),
            said("squamous_cell_carcinoma", "cannot_assess", grade=None),
            said("other.melanoma", "none_of_these"),
            said("other.eczema", "psoriasis"),
        ]
    )
    assert found.first_right == Share(1, 3)
    assert found.coverage == Share(2, 3)
    assert found.sent_on == Share(1, 3)
    assert found.confusion == {
        ("psoriasis", "psoriasis"): 1,
        ("psoriasis", "lichen_planus"): 1,
        ("basal_cell_carcinoma", "seborrheic_keratosis"): 1,
        ("squamous_cell_carcinoma", "cannot_assess"): 1,
        ("other", "none_of_these"): 1,
        ("other", "psoriasis"): 1,
    }


def test_what_was_said_is_held_against_how_often_it_was_so() -> None:
    sure = [
        said("psoriasis", "psoriasis", 1.0),
        said("psoriasis", "psoriasis", 0.9),
        said("other.scar", "psoriasis", 0.8),
    ]
    unsure = [said("psoriasis", "psoriasis", 0.3)]
    low, high = figures([*sure, *unsure]).bins
    assert (low.low, low.high, low.share) == (0.2, 0.4, Share(1, 1))
    assert (high.low, high.high, high.share) == (0.8, 1.0, Share(2, 3))
    assert high.said == pytest.approx(0.9)


def test_few_are_called_too_few() -> None:
    assert Share(TOO_FEW - 1, TOO_FEW - 1).too_few
    assert not Share(0, TOO_FEW).too_few
