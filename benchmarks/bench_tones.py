"""Whom the exposure check refuses, and what tone of skin is measured: rendered skin of every tone, with and without
bright lesions, and photographs.

``python benchmarks/bench_tones.py [PHOTOS/manifest.csv]``. Rendered: captured by a station without a calibration, and
with its settings locked to a grey card; and exposed by an automatic that spares nothing that burns, as a phone's. Of
photographs, by the Fitzpatrick type that the manifest states, and by the tone that the picture shows.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from appliance.vision.photo import Pixels, decode
from appliance.vision.preprocess import preprocess
from appliance.vision.quality import exposure
from appliance.vision.quality.limits import FILE, GateLimits
from appliance.vision.quality.scene import Scene
from appliance.vision.skin_tone import ita, tone_of
from firmware import card
from firmware.calibrating import Bench, calibrated
from firmware.calibration import Calibration
from firmware.frames import Frames
from firmware.lesions import Lesion
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw, with_margin

BUNDLE = Path(__file__).parents[1] / "models/skin8-inceptionv3"
TONES = (60, 30, 0, -30, -45, -60)
SEEDS = (1, 2, 3)
SIZE = (768, 576)
WAYS = ("uncalibrated", "calibrated", "automatic alone")


def main() -> None:
    """Print the tables."""
    limits = GateLimits.model_validate_json((BUNDLE / FILE).read_bytes())
    grey = _calibration()
    print(f"| rendered, ITA | {' | '.join(f'{lesion}: {way}' for lesion in get_args(Lesion) for way in WAYS)} |")
    print("| --- " * (1 + len(get_args(Lesion)) * len(WAYS)) + "|")
    for angle in TONES:
        cells = []
        for lesion in get_args(Lesion):
            seen = [[Scene(view) for view in _views(Skin(angle, lesion, seed), grey)] for seed in SEEDS]
            cells += [_said(list(way), limits) for way in zip(*seen, strict=True)]
        print(f"| {angle}° | {' | '.join(cells)} |", flush=True)
    for manifest in sys.argv[1:]:
        _photographs(Path(manifest), limits)


def _said(scenes: list[Scene], limits: GateLimits) -> str:
    """How many are refused, the highest value, and the median tone that is measured."""
    values = [exposure.check(scene, limits).value for scene in scenes]
    angle = np.median([ita(scene.lesion.skin) for scene in scenes if scene.lesion.skin is not None])
    return f"{sum(value > limits.exposure for value in values)} ({max(values):.2f}), {angle:.0f}°"


def _calibration() -> Calibration:
    """Exposure and white balance of a grey card."""
    lamp, calibration = SimulatedLight(), Calibration("synthetic")
    with SyntheticCamera(lamp, card.grey_scene(*with_margin(SIZE)), size=SIZE) as camera:
        camera.physics.ambient_level = 0.01  # in a dark room, as the steps ask for
        bench = Bench(Frames(camera, 60), lamp)
        for step in ("exposure", "white_balance"):
            calibration = calibrated(bench, calibration, step, datetime.now(UTC))
    return calibration


def _views(skin: Skin, grey: Calibration) -> Iterator[Pixels]:
    """The network's view of each of the :data:`WAYS`."""
    light = SimulatedLight()
    with SyntheticCamera(light, draw(skin, SIZE), size=SIZE) as camera:
        for calibration in (None, grey):
            station = Station(
                camera, light, SimulatedIndicator(), SimulatedButton(), 60, calibration, clock=lambda: 0.0
            )
            yield preprocess(station.capture().frame.pixels)
        light.on()
        yield preprocess([camera.preview(60).pixels for _ in range(12)][-1])


def _photographs(manifest: Path, limits: GateLimits) -> None:
    rows = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    scenes = [Scene(preprocess(decode((manifest.parent / name).read_bytes()))) for name in rows["image"]]
    refused = np.array([exposure.check(scene, limits).value > limits.exposure for scene in scenes])
    tones = [("none" if scene.lesion.skin is None else tone_of(ita(scene.lesion.skin))) for scene in scenes]
    print("\n| photographs | refused | of |\n| --- | --- | --- |")
    for title, of in (("type", rows["fitzpatrick"]), ("tone", pd.Series(tones))):
        for name in sorted(set(of)):
            print(f"| {title} {name or 'not stated'} | {refused[of == name].sum()} | {(of == name).sum()} |")


if __name__ == "__main__":
    main()
