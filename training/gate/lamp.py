"""What tells a coloured lamp from white light, learned from lamps rendered onto photographs; and how well, by lamp and
skin tone.

Learned on photographs of other groups than quality.csv has, judged on those of quality.csv. Learned from lamps of which
the camera's white balance has made up for half: what is asked to see these sees the whole ones as well, while one that
learns from whole lamps looks so far away from white that it passes weaker ones over.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision import lesion
from appliance.vision.colour import halved, halved_light
from appliance.vision.part import Part
from appliance.vision.photo import Pixels, decode
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.lamp import Lamp, colours, terms
from appliance.vision.skin_tone import ita, tone_of
from training.errors import StepRefused
from training.gate.faults import HALVED, LAMPS, under

Floats = NDArray[np.floating]
FILE: Final = "lamp.json"
REFUSED: Final = 0.01
"""Share of the photographs in the light in which they were taken."""
FEWEST: Final = 20
"""Photographs of a tone that has a say of its own in the limit: a single one in bad light must not lift it for all."""
NO_SKIN: Final = "no skin"
WAYS: Final = ("as it is", *(f"{name}, half" for name in HALVED), *LAMPS)
LEARNED_FROM: Final = 1 + len(HALVED)
"""Of the ways, the first."""
PENALTY: Final = 0.01
"""Share of the mean variance of the terms, each scaled to 1."""


class Light(Part):
    """What is measured of the light, and the limit of it."""

    lamp: Lamp
    limit: float


def light_of(files: Iterable[Path], cache: Path | None = None) -> Light:
    """Learned on photographs, of other groups than those that are judged.

    The limit is that which no more than :data:`REFUSED` of them exceed, of all and of any tone of skin: where the light
    is yellowish in more photographs of dark skin, it must not be refused more often for that. Kept in ``cache`` and
    read from there. Raises ``StepRefused`` where there is no photograph of skin.
    """
    kept = None if cache is None else cache / FILE
    if kept is not None and kept.is_file():
        return Light.model_validate_json(kept.read_bytes())
    tones, seen = _seen(preprocess(decode(file.read_bytes())) for file in files)
    lamp = learned(seen[:, :LEARNED_FROM])
    evidence = np.array([lamp.evidence(each[0]) for each in seen])
    skin = tones != NO_SKIN
    if not skin.any():
        raise StepRefused("no photograph shows skin to learn the colour of the light from")
    groups = [skin, *(among for tone in {*tones[skin].tolist()} if (among := tones == tone).sum() >= FEWEST)]
    light = Light(lamp=lamp, limit=round(max(float(np.quantile(evidence[among], 1 - REFUSED)) for among in groups), 4))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(light.model_dump_json() + "\n")
    return light


def learned(seen: Floats) -> Lamp:
    """Ridge regression of the terms of the colours to 0 as they are and to 1 under each lamp, both sides alike.

    ``seen``: photographs × (as it is, each of some lamps) × numbers.
    """
    each = seen.astype(np.float64)
    centre = each[:, 0].mean(axis=0)
    rows = terms((each - centre).reshape(-1, each.shape[-1]))
    coloured = np.tile(np.arange(each.shape[1]) > 0, len(each))
    share = np.where(coloured, 0.5 / coloured.sum(), 0.5 / (~coloured).sum())
    spread, mean = rows.std(axis=0), share @ rows
    scaled = (rows - mean) / spread
    products = (scaled * share[:, None]).T @ scaled
    products += PENALTY * np.trace(products) / len(products) * np.eye(len(products))
    weights = np.linalg.solve(products, (scaled * share[:, None]).T @ (coloured - 0.5)) / spread
    return Lamp(
        centre=tuple(np.round(centre, 6).tolist()),
        weights=tuple(np.round(weights, 6).tolist()),
        bias=round(float(0.5 - mean @ weights), 6),
    )


def by_lamp(views: Iterable[Pixels], light: Light) -> dict[str, Any]:
    """Share of the photographs that are refused as they are and under each lamp, by the tone of their skin.

    The tone is that of the photograph as it is, in whatever light that was.
    """
    tones, seen = _seen(views)
    above = np.array([[light.lamp.evidence(numbers) > light.limit for numbers in each] for each in seen])
    groups = {"all": np.ones(len(tones), np.bool_), **{tone: tones == tone for tone in sorted(set(tones.tolist()))}}
    return {
        "photographs": {name: int(among.sum()) for name, among in groups.items()},
        **{
            way: {name: round(float(refused[among].mean()), 3) for name, among in groups.items()}
            for way, refused in zip(WAYS, above.T, strict=True)
        },
    }


def _seen(views: Iterable[Pixels]) -> tuple[NDArray[np.str_], Floats]:
    """The tone of the skin, and the numbers in each of the :data:`WAYS`. Raises ``StepRefused``: no views."""
    found = [(_tone(view), [colours(each) for each in _under_each(view)]) for view in views]
    if not found:
        raise StepRefused("there is no photograph to learn the colour of the light from")
    tones, seen = zip(*found, strict=True)
    return np.array(tones), np.array(seen)


def _under_each(view: Pixels) -> list[Floats]:
    """Linear light of a quarter of the view's size (74×74×3) in each of the :data:`WAYS`."""
    light = halved(halved_light(view))
    return [light, *(np.minimum(under(light, lamp), 1) for lamp in (*HALVED.values(), *LAMPS.values()))]


def _tone(view: Pixels) -> str:
    skin = lesion.find(view).skin
    return NO_SKIN if skin is None else tone_of(ita(skin))
