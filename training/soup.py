"""Between the weights a run started from and those it ended with: often better than either.

Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv 2109.01903. The share is chosen on validation
photographs, by the log-likelihood after temperature scaling and the none-of-these AUROC together.
"""

import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from appliance.vision.calibration import probabilities
from training.backend import keras
from training.calibration.calibrate import temperature
from training.errors import StepRefused
from training.keeper import BEST
from training.network import build, load_starting_weights
from training.predict import Predictions, floating
from training.run import Run

SHARES: Final = (0.0, 0.3, 0.5, 0.7, 1.0)
"""Of the weights the run ended with."""
TUNED: Final = "tuned.weights.h5"
Weights = list[Any]


def soup(run_folder: Path, shares: tuple[float, ...] = SHARES) -> pd.DataFrame:
    """Put the best mixture into ``best.weights.h5``; what the run ended with stays in ``tuned.weights.h5``.

    Returns a row per share with its figures, also written to soup.csv. Raises ``StepRefused`` where the run started
    without a head of its own, so that there is nothing to mix.
    """
    run = Run.open(run_folder)
    if not run.recipe["weights"].endswith(".tflite"):
        raise StepRefused("only a run that started from a bundle has weights to mix with")
    network = build(run.recipe["scaling"], normalisation=run.recipe["normalisation"])
    load_starting_weights(network, run.recipe["weights"])
    start = network.get_weights()
    if not (run_folder / TUNED).exists():
        _keep(run_folder)
    network.load_weights(run_folder / TUNED)
    end = network.get_weights()
    rows = pd.DataFrame([_judged(network, start, end, share, run) for share in shares])
    best = float(rows["share"].iloc[rows["loss"].to_numpy().argmin()])
    network.set_weights(mixed(start, end, best))
    network.save_weights(run_folder / f"unfinished-{BEST}")
    (run_folder / f"unfinished-{BEST}").replace(run_folder / BEST)
    rows.to_csv(run_folder / "soup.csv", index=False)
    return rows


def _keep(run_folder: Path) -> None:
    """A copy, for a kill must not leave the run without its best weights."""
    unfinished = run_folder / f"unfinished-{TUNED}"
    shutil.copyfile(run_folder / BEST, unfinished)
    unfinished.replace(run_folder / TUNED)


def mixed(start: Weights, end: Weights, share: float) -> Weights:
    """``share`` of ``end``, the rest of ``start``."""
    return [before * (1 - share) + after * share for before, after in zip(start, end, strict=True)]


def _judged(network: keras.Model, start: Weights, end: Weights, share: float, run: Run) -> dict[str, float]:
    network.set_weights(mixed(start, end, share))
    validation = run.photographs.of("validation")
    return {"share": share, **figures(floating(network, validation), validation.targets)}


def figures(said: Predictions, targets: "np.ndarray[Any, np.dtype[np.int64]]") -> dict[str, float]:
    """Top-1, balanced accuracy, log loss after temperature scaling, none-of-these AUROC, and the loss to choose by."""
    known = targets >= 0
    logits, truth = said.logits[known], targets[known]
    right = logits.argmax(axis=1) == truth
    chance = probabilities(logits, temperature(logits, truth))[np.arange(len(truth)), truth]
    area = float(roc_auc_score(~known, said.outlier)) if not known.all() else 1.0
    log_loss = float(-np.log(chance).mean())
    return {
        "top-1": float(right.mean()),
        "balanced": float(np.mean([right[truth == index].mean() for index in np.unique(truth)])),
        "log loss": log_loss,
        "none_of_these AUROC": area,
        "loss": log_loss + (1 - area),
    }
