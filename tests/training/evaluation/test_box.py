import numpy as np
import pytest

from appliance.vision.assessor import Assessor
from appliance.vision.bundle import Calibration
from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import preprocess
from training.evaluation.box import hear
from training.golden import draw
from training.predict import Predictions


def _sure_of(name: str, outlier: float) -> Predictions:
    logits = np.full((1, 8), -4.0)
    logits[0, [*CLASSES].index(name)] = 4.0
    return Predictions(logits, np.array([outlier]))


@pytest.mark.parametrize(
    ("name", "outlier", "referred", "none_of_these"),
    [
        ("normal_skin", -3.0, False, False),
        ("normal_skin", 0.6, True, False),  # in doubt
        ("normal_skin", 3.0, True, True),
        ("psoriasis", -3.0, True, False),
        ("basal_cell_carcinoma", -3.0, True, False),
        ("seborrheic_keratosis", -3.0, False, False),
    ],
)
def test_the_grade_is_the_boxs(
    calibration: Calibration, name: str, outlier: float, referred: bool, none_of_these: bool
) -> None:
    decisions = hear(_sure_of(name, outlier), calibration).decisions
    assert decisions.referred.tolist() == [referred]
    assert decisions.none_of_these.tolist() == [none_of_these]
    assert decisions.malignant.tolist() == [name == "basal_cell_carcinoma"]
    assert decisions.psoriasis.tolist() == [name == "psoriasis"]
    assert decisions.sets.sum() == 1


def test_pemphigus_is_urgent(calibration: Calibration) -> None:
    assert hear(_sure_of("pemphigus", -3.0), calibration).decisions.urgent.all()


def test_it_decides_what_the_box_decides(assessor: Assessor) -> None:
    """The same photographs through the assessor and through evaluation end alike."""
    for seed in range(4):
        pixels = draw(seed)
        answer = assessor.assess(pixels, use_gate=False)
        outputs = assessor.network.run(preprocess(pixels))
        heard = hear(
            Predictions(outputs["logits"][None].astype(np.float64), outputs["outlier"].reshape(1).astype(np.float64)),
            assessor.calibration,
        )
        assert answer.risk is not None
        assert heard.score[0] == pytest.approx(answer.none_of_these_score)
        assert bool(heard.decisions.none_of_these[0]) == (answer.outcome == "none_of_these")
        assert bool(heard.decisions.referred[0]) == (answer.risk.grade != "low")
        assert bool(heard.decisions.malignant[0]) == ("malignancy" in answer.above)
        assert bool(heard.decisions.psoriasis[0]) == ("psoriasis" in answer.above)
        chosen = [name for name, inside in zip(CLASSES, heard.decisions.sets[0], strict=True) if inside]
        assert sorted(chosen) == sorted(answer.prediction_set)
