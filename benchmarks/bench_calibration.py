"""The same card twenty times: how far the colours lie apart, before and after the light is worn.

``python benchmarks/bench_calibration.py``. With a real camera: ``dermkiosk calibrate --repeat``.
"""

import logging
import time
from datetime import UTC, datetime

import numpy as np

from firmware import calibrating, card
from firmware.calibrating import Bench, calibrated
from firmware.calibration import STEPS, Calibration
from firmware.frames import Frames
from firmware.simulated import SimulatedLight
from firmware.synthetic import SIZE, Physics, SyntheticCamera, with_margin

MIXING = np.array([[0.80, 0.17, 0.03], [0.10, 0.78, 0.12], [0.02, 0.20, 0.78]], np.float32)
WORLDS = {
    "as new": Physics(ambient_level=0.01),
    "worn": Physics(0.01, 0.8, (1.1, 1.0, 0.85), MIXING, (0.20, 0.25, 0.30)),
}


def main() -> None:
    """Print one line for each world."""
    logging.basicConfig(level=logging.ERROR)
    grey, patches = card.grey_scene(*with_margin(SIZE)), card.card_scene(*with_margin(SIZE))
    print("| light and lens | ΔE2000 before | after | worst patch | repeats | spread: median | 95 % | worst | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, physics in WORLDS.items():
        lamp = SimulatedLight()
        started_s = time.monotonic()
        with SyntheticCamera(lamp, grey) as camera:
            camera.physics = physics
            bench, calibration = Bench(Frames(camera, 60), lamp), Calibration("synthetic")
            for step in STEPS:
                camera.scene = grey if step in calibrating.GREY_STEPS else patches
                calibration = calibrated(bench, calibration, step, datetime.now(UTC))
            spread = calibrating.spread(bench, calibration)
        checks = calibration.steps["colour"].checks
        figures = [checks["delta_e_before"], checks["delta_e_after"], checks["delta_e_worst"], len(spread)]
        figures += [round(float(value), 3) for value in np.quantile(spread, (0.5, 0.95, 1))]
        print("|", " | ".join(str(each) for each in (name, *figures, round(time.monotonic() - started_s))), "|")


if __name__ == "__main__":
    main()
