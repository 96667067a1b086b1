"""From how much on a covering of the skin is refused: ``python benchmarks/bench_coverings.py [--bundle BUNDLE]``.

The synthetic camera's hair, ink, cream and wet film over skin of several tones, with and without a lesion, captured by
a station as it ships. ``--captures training/gate/simulated_skin`` writes instead what the photograph checks learn
from, other skin than is judged.
"""

import argparse
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import preprocess
from firmware.coverings import Coverings
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw

BUNDLE = Path(__file__).parents[1] / "models/skin8-inceptionv3"
SIZE = (768, 576)
SHARES: Final = (0.0, 0.08, 0.15, 0.3, 0.5, 0.8)
MEANT: Final = {"hair": "hair", "ink": "residue", "cream": "residue", "wet": "exudate"}
JUDGED: Final = (
    Skin(55, "scaly_plaque", 201),
    Skin(35, "pearly_nodule", 202),
    Skin(15, "pigmented_plaque", 203),
    Skin(0, "none", 204),
    Skin(-20, "scaly_plaque", 205),
    Skin(-35, "pearly_nodule", 206),
    Skin(-45, "none", 207),
    Skin(-55, "pigmented_plaque", 208),
)
LEARNED_FROM: Final = (
    Skin(60, "pearly_nodule", 101),
    Skin(45, "none", 102),
    Skin(40, "scaly_plaque", 103),
    Skin(25, "pigmented_plaque", 104),
    Skin(10, "pearly_nodule", 105),
    Skin(-10, "none", 106),
    Skin(-25, "pigmented_plaque", 107),
    Skin(-30, "scaly_plaque", 108),
    Skin(-50, "pearly_nodule", 109),
    Skin(-58, "scaly_plaque", 110),
)
SHOWN: Final = (0.12, 0.2, 0.35, 0.6)
"""Shares of what is learned from, in turn."""


def main() -> None:
    """Print the table, or write the captures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--captures", type=Path)
    asked.add_argument("--bundle", type=Path, default=BUNDLE)
    given = asked.parse_args()
    if given.captures is not None:
        write_captures(given.captures)
        return
    assessor = Assessor.open(given.bundle, threads=2)
    print(f"| covering | {' | '.join(f'{share:.2f}' for share in SHARES)} |\n{'| --- ' * (1 + len(SHARES))}|")
    for covering in (field.name for field in fields(Coverings)):
        cells = (_said(assessor, covering, share) for share in SHARES)
        print(f"| {covering} | {' | '.join(cells)} |", flush=True)


def _said(assessor: Assessor, covering: str, share: float) -> str:
    """Of the :data:`JUDGED`, how many the check that is meant refuses, and in brackets how many the gate does."""
    each = [assessor.assess(view, use_gate=False).quality for view in captures(JUDGED, covering, (share,))]
    meant = sum(not check.ok for quality in each for check in quality.checks if check.id == MEANT[covering])
    return f"{meant} ({sum(not quality.accepted for quality in each)})"


def write_captures(folder: Path) -> None:
    """Bare skin, and the same skin in a folder for each covering that a head is shown."""
    for covering in ("", "cream", "wet"):
        (folder / covering).mkdir(exist_ok=True)
        shares = SHOWN if covering else (0.0,)
        for skin, view in zip(LEARNED_FROM, captures(LEARNED_FROM, covering or "wet", shares), strict=True):
            Image.fromarray(preprocess(view)).save(folder / covering / f"{skin.seed}-{skin.lesion}.jpg", quality=90)


def captures(skins: tuple[Skin, ...], covering: str, shares: tuple[float, ...]) -> Iterator[Pixels]:
    """What a station makes of each of the skins, under so much of the covering, the shares in turn."""
    for number, skin in enumerate(skins):
        covered = replace(skin, coverings=Coverings(**{covering: shares[number % len(shares)]}))
        light = SimulatedLight()
        with SyntheticCamera(light, draw(covered, SIZE), skin.seed, SIZE) as camera:
            station = Station(camera, light, SimulatedIndicator(), SimulatedButton(), 60, clock=lambda: 0.0)
            yield np.asarray(station.capture().frame.pixels)


if __name__ == "__main__":
    main()
