import numpy as np

from training.parity import compare
from training.predict import Predictions

COUNT = 400


def _said(noise: float = 0.0, wrong: float = 0.0, of: int | None = None) -> Predictions:
    """Eight classes in turn, mostly right; ``wrong`` of them (of class ``of``) named otherwise."""
    rng = np.random.default_rng(5)
    targets = _targets()
    logits = rng.normal(0, 1, (COUNT, 8))
    logits[np.arange(COUNT), targets] += 4
    logits += np.random.default_rng(6).normal(0, 1, logits.shape) * noise
    candidates = np.flatnonzero(np.ones(COUNT, bool) if of is None else targets == of)
    for row in candidates[: round(len(candidates) * wrong)]:
        logits[row] = np.roll(logits[row], 4)
    return Predictions(logits, np.zeros(COUNT))


def _targets() -> np.ndarray:
    return np.arange(COUNT) % 8


def _broken(rounded: Predictions) -> str:
    groups = np.array([f"g{number // 2}" for number in range(COUNT)])
    return "; ".join(compare(_said(), rounded, _targets(), groups).broken)


def test_the_rounding_of_int8_passes() -> None:
    assert _broken(_said(noise=0.02)) == ""


def test_names_another_class_too_often() -> None:
    assert "argmax agreement" in _broken(_said(wrong=0.04))
    assert "top-1 drop" in _broken(_said(wrong=0.04))


def test_loses_malignant_lesions() -> None:
    assert "malignant sensitivity" in _broken(_said(wrong=0.1, of=2))


def test_loses_one_class_though_the_rest_hides_it() -> None:
    assert "recall of psoriasis" in _broken(_said(wrong=0.2, of=6))
    assert "recall of lichen_planus" not in _broken(_said(wrong=0.2, of=6))


def test_is_less_well_calibrated() -> None:
    flat = _said()
    skewed = Predictions(np.where(flat.logits > 3, flat.logits * 30, flat.logits * 0.01), flat.outlier)
    assert "calibration error" in _broken(skewed)
