"""The whole answer to one photograph: gate, preprocess, classify, calibrate, grade."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.errors import BundleInvalid, GateMissing, GoldenMismatch
from appliance.vision import bundle
from appliance.vision.assessment import Assessment, Finding, OperatingPoint, Quality, Seen
from appliance.vision.bundle import Bundle, Calibration, SkinTones
from appliance.vision.calibration import Floats, prediction_set, probabilities, unlikeness
from appliance.vision.classes import CLASSES, MALIGNANT
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from appliance.vision.quality import gate
from appliance.vision.quality import limits as gate_limits
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene
from appliance.vision.risk import grade
from appliance.vision.runtime import Network, Outputs
from appliance.vision.skin_tone import ita, tone_of


class Assessor:
    """A calibrated bundle, loaded and ready."""

    def __init__(self, verified: Bundle, threads: int, limits: GateLimits | None) -> None:
        """Load the network; without ``limits`` it answers only who asks for no gate.

        Raises a :class:`appliance.errors.ModelError` where the bundle cannot be trusted or run.
        """
        if verified.card.calibration is None:
            raise BundleInvalid("the bundle is not calibrated", problem="calibration")
        self.bundle, self.limits = verified, limits
        self.calibration: Calibration = verified.card.calibration
        self.network = Network(verified.model, threads, verified.card.signature)

    @classmethod
    def open(cls, folder: Path, threads: int, use_gate: bool = True) -> "Assessor":
        """Verify the bundle in ``folder``, load it, and have it answer its golden picture before anyone else's.

        Raises a :class:`appliance.errors.ModelError`; without ``use_gate`` a bundle may lack its gate.
        """
        verified = bundle.load(folder)
        gated = use_gate or gate_limits.FILE in verified.card.sha256
        limits = gate_limits.limits_of(folder, verified.card.sha256) if gated else None
        assessor = cls(verified, threads, limits)
        assessor.self_test()
        return assessor

    def self_test(self) -> float:
        """Run the golden picture; returns the largest difference in logits. Raises :class:`GoldenMismatch`."""
        golden, names = self.bundle.card.golden, self.bundle.card.outputs
        outputs = self.network.run(preprocess(self.bundle.golden))
        if self.limits is not None and not set(self.limits.features) <= set(outputs):
            raise BundleInvalid(f"the network has not all outputs {self.limits.features}", problem="gate")
        off = _largest(outputs[names.logits] - np.array(golden.logits))
        off_outlier = _largest(outputs[names.outlier] - golden.outlier)
        off_maps = _largest(outputs[names.class_maps].mean(axis=(0, 1)) - outputs[names.logits])
        within = (off <= golden.logits_tolerance, off_outlier <= golden.outlier_tolerance)
        if not all(within) or not off_maps <= golden.logits_tolerance:
            raise GoldenMismatch(f"logits off by {off:.3f}, outlier by {off_outlier:.3f}, class maps by {off_maps:.3f}")
        return off

    def assess(self, pixels: Pixels, use_gate: bool = True, mm_per_pixel: float | None = None) -> Assessment:
        """Assess uint8 RGB pixels (H×W×3, upright). Without the gate it answers what the gate would refuse, too.

        ``mm_per_pixel``: what a pixel of the photograph measures on the skin, where the scale is known. Raises
        :class:`appliance.errors.GateMissing` where the gate is wanted and the bundle has none.
        """
        if use_gate and self.limits is None:
            raise GateMissing(self.bundle.card.name, file=gate_limits.FILE)
        timing: dict[str, float] = {}
        with _timed(timing, "preprocess"):
            view = preprocess(pixels)
        with _timed(timing, "network"):
            outputs = self.network.run(view)
        with _timed(timing, "gate"):
            side_mm = None if mm_per_pixel is None else mm_per_pixel * min(pixels.shape[:2])
            scene, quality = self._judged(view, outputs, side_mm)
        if use_gate and not quality.accepted:
            return Assessment("cannot_assess", quality, timing_ms=timing, seen=seen(scene, self.bundle.card.skin_tones))
        names = self.bundle.card.outputs
        probability = probabilities(outputs[names.logits], self.calibration.temperature)
        how = self.calibration.none_of_these
        score = float(unlikeness(outputs[names.logits][None], outputs[names.outlier].reshape(1), how).item())
        none_of_these = score > how.threshold
        findings = self._findings(probability)
        return Assessment(
            outcome="none_of_these" if none_of_these else "findings",
            quality=quality,
            findings=findings,
            none_of_these_score=score,
            prediction_set=prediction_set(probability, self.calibration.conformal.thresholds),
            risk=grade(
                findings, none_of_these, self.calibration.malignancy_threshold, in_doubt=score > how.refer_threshold
            ),
            above=self._above(findings),
            class_maps=outputs[names.class_maps],
            timing_ms=timing,
            seen=seen(scene, self.bundle.card.skin_tones),
        )

    def _judged(self, view: Pixels, outputs: Outputs, side_mm: float | None) -> tuple[Scene, Quality]:
        """What the gate says. What it uses of the network is computed anyway, never by a second pass."""
        limits = self.limits
        if limits is None:
            return Scene(view, side_mm=side_mm), Quality(())
        scene = gate.scene_of(view, outputs, limits, side_mm)
        return scene, gate.examine(scene, limits)

    def _above(self, findings: tuple[Finding, ...]) -> tuple[OperatingPoint, ...]:
        """Which of the operating points the answer lies above."""
        probability = {finding.class_id: finding.probability for finding in findings}
        malignant = sum(probability[name] for name in MALIGNANT)
        points: tuple[tuple[OperatingPoint, bool], ...] = (
            ("malignancy", malignant >= self.calibration.malignancy_threshold),
            ("psoriasis", probability["psoriasis"] >= self.calibration.psoriasis_threshold),
        )
        return tuple(name for name, reached in points if reached)

    def _findings(self, probability: Floats) -> tuple[Finding, ...]:
        order = np.argsort(-probability, kind="stable")
        return tuple(Finding(CLASSES[i], float(probability[i]), self.bundle.card.evidence(CLASSES[i])) for i in order)


def seen(scene: Scene, trained: SkinTones | None) -> Seen:
    """What was measured of lesion and skin, with how many of the ``trained`` photographs show skin like it."""
    found, skin = scene.lesion, scene.lesion.skin
    if skin is None:
        return Seen(found.share, found.box, None)
    angle = ita(skin)
    if trained is None:
        return Seen(found.share, found.box, angle)
    return Seen(found.share, found.box, angle, trained.like(tone_of(angle)), trained.fewest())


def _largest(difference: NDArray[np.floating]) -> float:
    return float(np.abs(difference).max())


@contextmanager
def _timed(timing_ms: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timing_ms[step] = round((time.perf_counter() - start) * 1000, 2)
