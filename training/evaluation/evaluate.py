"""The figures on photographs that were held back: float and INT8 side by side, with plots, a report and the model card.

Into the bundle go the counts of skin tones, ``evaluation/<split>.json``, plots without photographs,
``evaluation/looked.csv`` and ``MODEL_CARD.md``. The report with example photographs goes into a folder outside, for
their licences.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.assessment import Assessment
from appliance.vision.assessor import Assessor
from appliance.vision.bundle import Calibration, Card, read_card
from appliance.vision.quality.limits import FILE as GATE_FILE
from appliance.vision.skin_tone import tone_of
from training.bundle_files import seal, sha256_of
from training.dataset import Photographs, Split
from training.errors import StepRefused
from training.evaluation import looked
from training.evaluation.bootstrap import PART_RESAMPLES
from training.evaluation.draw import draw_all
from training.evaluation.failures import failures
from training.evaluation.faithfulness import SAMPLE, Looker, deletion_insertion, inside_masks
from training.evaluation.judge import figures_of, judge, within
from training.evaluation.metrics import FIGURES, Answers
from training.evaluation.model_card import FORMAT, write_model_card
from training.evaluation.report import write_report
from training.evaluation.skin_tones import write_skin_tones
from training.evaluation.source_probe import source_probe
from training.predict import floating, int8, pooled_features
from training.run import Run

__all__ = ["Report", "evaluate", "gate_acceptance", "judge"]

Report = dict[str, Any]
FOLDER: Final = "evaluation"


@dataclass(frozen=True)
class Asked:
    """What is judged, on what, and where the report goes."""

    run: Run
    bundle: Path
    card: Card
    calibration: Calibration
    split: Split
    photographs: Photographs

    @classmethod
    def open(cls, run_folder: Path, bundle: Path, split: Split) -> "Asked":
        """Raises ``StepRefused`` where the bundle is not calibrated or the split is empty."""
        card = read_card(bundle)
        if card.calibration is None:
            raise StepRefused(f"{bundle} is not calibrated: dermkiosk-train calibrate comes first")
        run = Run.open(run_folder)
        photographs = run.photographs.of(split)
        if not len(photographs):
            raise StepRefused(f"{run_folder} holds no {split} photographs")
        return cls(run, bundle, card, card.calibration, split, photographs)

    @property
    def model_sha256(self) -> str:
        """Hash of the INT8 file that ships."""
        return sha256_of(self.bundle / self.card.model)

    @property
    def folder(self) -> Path:
        """Where the figures go."""
        return self.bundle / FOLDER


def evaluate(
    run_folder: Path, bundle: Path, split: Split, report_folder: Path | None = None, sample: int = SAMPLE
) -> Report:
    """Judge the bundle on one split; ``sample``: photographs that the class maps are tested on.

    Writes the evaluation, the plots and the card into the bundle, and the report into ``report_folder`` (by default
    ``report/`` of the run). Raises ``StepRefused`` where the bundle is not calibrated.
    """
    asked = Asked.open(run_folder, bundle, split)
    asked.folder.mkdir(exist_ok=True)
    # What an evaluation that was cut left behind has no hash yet, and the box would not take the bundle.
    seal(bundle)
    box = Assessor.open(bundle, threads=2, use_gate=False)
    warning = _look(asked, run_folder)
    looker = Looker(box.network, asked.card, asked.calibration)
    networks, report = _measure(asked, looker, sample)
    answers = [
        box.assess(asked.photographs.pixels(position), use_gate=False) for position in range(len(asked.photographs))
    ]
    report["gate"] = gate_acceptance(answers)
    report["gate_sha256"] = sha256_of(bundle / GATE_FILE)
    report["by_measured_tone"] = within(networks, measured_tones(answers), FIGURES, PART_RESAMPLES)
    report["warning"] = warning
    (asked.folder / f"{split}.json").write_text(json.dumps({"split": split, **report}, indent=2) + "\n")
    plots = draw_all(networks, report, asked.folder, split)
    outside = report_folder or run_folder / "report"
    write_report(outside, {"split": split, **report}, asked.card, plots, (looker, networks["int8"], asked.photographs))
    if asked.card.skin_tones is None:
        write_skin_tones(bundle, asked.run.photographs)
    write_model_card(bundle, asked.run.photographs)
    seal(bundle)
    return {**report, "report": str(outside / f"{split}.html")}


def _look(asked: Asked, run_folder: Path) -> str | None:
    """Write the look down before it is taken; returns what has to be said about earlier ones."""
    places = (asked.folder, run_folder)
    look = looked.look_now(asked.split, asked.photographs, asked.model_sha256)
    before = looked.earlier(look, asked.photographs, places)
    looked.write_down(look, asked.photographs, places)
    return looked.warning(look, asked.photographs, before)


def _measure(asked: Asked, looker: Looker, sample: int) -> tuple[dict[str, Answers], Report]:
    network = asked.run.network()
    said = {"float": floating(network, asked.photographs), "int8": int8(looker.network, asked.photographs)}
    networks = {name: Answers.of(each, asked.photographs, asked.calibration) for name, each in said.items()}
    report = {
        "format": FORMAT,
        "model_sha256": asked.model_sha256,
        **figures_of(networks, asked.photographs),
        "source": source_probe(pooled_features(network, asked.photographs), asked.photographs),
        "faithfulness": deletion_insertion(looker, asked.photographs, sample=sample),
        "masks": inside_masks(looker, _may_be_seen(asked)),
    }
    return networks, {**report, "failures": failures(report)}


def _may_be_seen(asked: Asked) -> Photographs:
    """All photographs of the run for the outlines, but the test ones only when the test is looked at anyway."""
    photographs = asked.run.photographs
    if asked.split == "test":
        return photographs
    return photographs.where((photographs.rows["split"] != "test").to_numpy())


def gate_acceptance(answers: list[Assessment]) -> dict[str, float]:
    """Share of the photographs each check of the box's gate lets pass, and all of them together (``accepted``).

    Empty for a bundle without a gate.
    """
    verdicts = [answer.quality for answer in answers]
    checks = {check.id: float(np.mean([_ok(v.checks, check.id) for v in verdicts])) for check in verdicts[0].checks}
    if not checks:
        return {}
    return {**checks, "accepted": float(np.mean([verdict.accepted for verdict in verdicts]))}


def measured_tones(answers: list[Assessment]) -> NDArray[np.str_]:
    """Group of each photograph's Individual Typology Angle as the box measured it, ``unknown`` where it found no skin.

    The light of these photographs is unknown, so their angles are guesses.
    """
    angles = [None if answer.seen is None else answer.seen.ita for answer in answers]
    return np.array(["unknown" if angle is None else tone_of(angle) for angle in angles])


def _ok(checks: Any, name: str) -> bool:
    return next(bool(check.ok) for check in checks if check.id == name)
