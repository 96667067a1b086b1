"""What the calibration error would be of a model whose stated confidence is exactly true, on as many photographs.

The expected calibration error is a sum of absolute gaps, so on few photographs it is above zero by chance alone, also
where nothing is wrong (Kumar et al. 2019, arXiv 1909.10155; Roelofs et al. 2022, arXiv 2012.08668). The figure is to be
read against this one.
"""

from typing import Any, Final

import numpy as np

from training.evaluation.bootstrap import LEVELS, known
from training.evaluation.metrics import Answers, calibration_bins, calibration_error

DRAWS: Final = 2000


def if_perfect(networks: dict[str, Answers], count: int = DRAWS, seed: int = 8) -> dict[str, Any]:
    """{network: {mean, range_95, as_large}}; ``None`` for each where none of the eight has a photograph.

    Labels are drawn from the network's own calibrated probabilities, so that they are true by construction; the bins
    are those of the figure. ``range_95`` holds 95 % of the draws, ``as_large`` is the share of them with an error at
    least that of the photographs. Labels are drawn one by one, though pictures of one patient err together: the
    truth is rather wider and higher.
    """
    return {name: _of(answers, count, np.random.default_rng(seed)) for name, answers in networks.items()}


def _of(answers: Answers, count: int, rng: np.random.Generator) -> dict[str, Any]:
    confidence = answers.eight.probability.max(axis=1)
    if not len(confidence):
        return {"mean": None, "range_95": None, "as_large": None}
    # A label drawn from the probabilities is the likeliest class as often as that class's probability says.
    right = rng.random((count, len(confidence))) < confidence
    _, member = np.unique(calibration_bins(confidence), return_inverse=True)
    inside = np.eye(member.max() + 1)[member]
    errors = np.abs((right - confidence) @ inside).sum(axis=1) / len(confidence)
    # The same number summed in another order may differ in its last bit.
    as_large = errors >= calibration_error(answers) - 1e-12
    return {
        "mean": known(float(errors.mean())),
        "range_95": [float(end) for end in np.quantile(errors, LEVELS)],
        "as_large": float(as_large.mean()),
    }
