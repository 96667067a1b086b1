"""How many photographs of which skin tone were trained on, for the bundle: what its answers may claim for such skin."""

from collections import Counter
from pathlib import Path
from typing import Final

from appliance.vision import lesion
from appliance.vision.bundle import SkinTones, read_card
from appliance.vision.preprocess import preprocess
from appliance.vision.skin_tone import LOWEST, TYPES, Tone, ita, tone_of
from training.bundle_files import write_card
from training.dataset import Photographs
from training.evaluation.judge import tones

UNSTATED: Final = "unknown"


def count(photographs: Photographs) -> SkinTones:
    """By the Fitzpatrick type that the manifest states, and by the angle measured on the skin in the photograph."""
    stated, measured = Counter(tones(photographs).tolist()), measured_tones(photographs)
    return SkinTones(
        stated={types: stated[types] for types in dict.fromkeys(TYPES.values())},
        unstated=stated[UNSTATED],
        measured={tone: measured[tone] for tone in LOWEST},
    )


def measured_tones(photographs: Photographs) -> Counter[Tone]:
    """Photographs by group of their skin's Individual Typology Angle; those without skin are left out."""
    skins = (lesion.find(preprocess(photographs.pixels(position))).skin for position in range(len(photographs)))
    return Counter(tone_of(ita(skin)) for skin in skins if skin is not None)


def write_skin_tones(bundle: Path, photographs: Photographs) -> SkinTones:
    """Count the training photographs of a split and state it in bundle.json; the hashes of other files stay."""
    counted = count(photographs.of("train"))
    write_card(bundle, read_card(bundle).model_copy(update={"skin_tones": counted}))
    return counted
