"""The figures on the photographs that were held back: float and INT8 side by side, pooled and within each source."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.vision.bundle import Calibration, read_card
from appliance.vision.calibration import prediction_set
from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import preprocess
from appliance.vision.quality import gate
from appliance.vision.risk import BY_LIKELIEST
from appliance.vision.runtime import Network
from training.dataset import Photographs, Split
from training.metrics import (
    FIGURES,
    Answers,
    balanced,
    interval,
    malignancy,
    malignant_indices,
    none_of_these_auroc,
    there,
    top1,
)
from training.model_card import write_model_card
from training.predict import Predictions, floating, int8
from training.quantise import Run, seal

Report = dict[str, Any]


def evaluate(run_folder: Path, bundle: Path, split: Split) -> Report:
    """Judge the bundle on one split; writes evaluation/<split>.json and MODEL_CARD.md into it.

    Raises ``ValueError`` where the bundle is not calibrated.
    """
    card = read_card(bundle)
    if card.calibration is None:
        raise ValueError(f"{bundle} is not calibrated: dermkiosk-train calibrate comes first")
    run = Run.open(run_folder)
    photographs = run.photographs.of(split)
    small = Network((bundle / card.model).read_bytes(), threads=2)
    said = {"float": floating(run.network(), photographs), "int8": int8(small, photographs)}
    report = judge(said, photographs, card.calibration)
    report["gate"] = gate_acceptance(photographs)
    folder = bundle / "evaluation"
    folder.mkdir(exist_ok=True)
    (folder / f"{split}.json").write_text(json.dumps({"split": split, **report}, indent=2) + "\n")
    write_model_card(bundle, run.photographs)
    seal(bundle)
    return report


def judge(said: dict[str, Predictions], photographs: Photographs, calibration: Calibration) -> Report:
    """All figures; ``said`` holds the predictions of ``float`` and ``int8`` in the order of the photographs."""
    groups = photographs.rows["group"].to_numpy(dtype=object)
    answers = {
        name: Answers.of(each.logits, each.outlier, photographs.targets, groups, calibration.temperature)
        for name, each in said.items()
    }
    shipped = answers["int8"]
    return {
        "photographs": {"eight": int((shipped.targets >= 0).sum()), "other": int((shipped.targets < 0).sum())},
        "groups": len(set(groups)),
        "classes": [CLASSES[index] for index in there(shipped)],
        "figures": {name: _side_by_side(name, answers) for name in FIGURES},
        "agreement": float(
            (answers["float"].eight.probability.argmax(1) == shipped.eight.probability.argmax(1)).mean()
        ),
        "by_class": _by_class(shipped, calibration),
        "by_source": _by_source(shipped, photographs),
        "confusion": _confusion(shipped),
        "operating_points": _operating_points(shipped, calibration),
        "melanoma": _melanoma(shipped, photographs, calibration),
    }


def _side_by_side(name: str, answers: dict[str, Answers]) -> Report:
    low, high = interval(FIGURES[name], answers["int8"])
    return {**{which: FIGURES[name](each) for which, each in answers.items()}, "int8_95": [low, high]}


def _by_class(answers: Answers, calibration: Calibration) -> dict[str, Report]:
    eight = answers.eight
    right = eight.probability.argmax(axis=1) == eight.targets
    covered = _covered(eight, calibration)
    return {
        name: {
            "photographs": int((eight.targets == index).sum()),
            "recall": _mean(right[eight.targets == index]),
            "set_coverage": _mean(covered[eight.targets == index]),
        }
        for index, name in enumerate(CLASSES)
    }


def _covered(eight: Answers, calibration: Calibration) -> NDArray[np.bool_]:
    """Whether each photograph's prediction set holds its class."""
    sets = [prediction_set(row, calibration.conformal.thresholds) for row in eight.probability]
    return np.array([CLASSES[target] in chosen for target, chosen in zip(eight.targets, sets, strict=True)], dtype=bool)


def _melanoma(answers: Answers, photographs: Photographs, calibration: Calibration) -> Report:
    """What becomes of melanomas, the danger none_of_these exists for: how many are sent to a doctor at all."""
    if "condition" not in photographs.rows:
        return {"photographs": 0, "none_of_these": None, "referred": None}
    melanoma = answers.at(photographs.rows["condition"].str.contains("melanoma").to_numpy(dtype=bool))
    outlying = melanoma.outlier > calibration.none_of_these_threshold
    likeliest = [CLASSES[index] for index in melanoma.probability.argmax(axis=1)]
    low = np.array([BY_LIKELIEST[name][0] == "low" for name in likeliest], dtype=bool)
    suspicious = malignancy(melanoma) >= calibration.malignancy_threshold
    return {
        "photographs": len(melanoma.targets),
        "none_of_these": _mean(outlying),
        "referred": _mean(outlying | suspicious | ~low),
    }


def _by_source(answers: Answers, photographs: Photographs) -> dict[str, Report]:
    sources = photographs.rows["source"].to_numpy(dtype=str)
    return {source: _within(answers.at(sources == source)) for source in sorted(set(sources))}


def _within(answers: Answers) -> Report:
    """Figures that make sense inside one source: some have one class only, some no others."""
    eight, others = int((answers.targets >= 0).sum()), int((answers.targets < 0).sum())
    return {
        "eight": eight,
        "other": others,
        "top-1": top1(answers) if eight else None,
        "balanced accuracy": balanced(answers) if eight else None,
        "none_of_these AUROC": none_of_these_auroc(answers) if eight and others else None,
    }


def _confusion(answers: Answers) -> list[list[int]]:
    """Row: truth (the eight, then other); column: likeliest class."""
    table = np.zeros((len(CLASSES) + 1, len(CLASSES)), int)
    truth = np.where(answers.targets < 0, len(CLASSES), answers.targets)
    np.add.at(table, (truth, answers.probability.argmax(axis=1)), 1)
    return [[int(count) for count in row] for row in table]


def _operating_points(answers: Answers, calibration: Calibration) -> Report:
    eight, others = answers.eight, answers.at(answers.targets < 0)
    malignant = np.isin(eight.targets, malignant_indices())
    flagged = malignancy(eight) >= calibration.malignancy_threshold
    sizes = [len(prediction_set(row, calibration.conformal.thresholds)) for row in eight.probability]
    return {
        "malignancy_sensitivity": _mean(flagged[malignant]),
        "malignancy_specificity": _mean(~flagged[~malignant]),
        "none_of_these_of_others": _mean(others.outlier > calibration.none_of_these_threshold),
        "none_of_these_of_the_eight": _mean(eight.outlier > calibration.none_of_these_threshold),
        "set_coverage": _mean(_covered(eight, calibration)),
        "set_size": float(np.mean(sizes)),
    }


def gate_acceptance(photographs: Photographs) -> dict[str, float]:
    """Share of the photographs each check of the gate lets pass, and all of them together (``accepted``)."""
    verdicts = [gate.judge(preprocess(photographs.pixels(position))) for position in range(len(photographs))]
    checks = {check.id: float(np.mean([_ok(v.checks, check.id) for v in verdicts])) for check in verdicts[0].checks}
    return {**checks, "accepted": float(np.mean([verdict.accepted for verdict in verdicts]))}


def _ok(checks: Any, name: str) -> bool:
    return next(bool(check.ok) for check in checks if check.id == name)


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None
