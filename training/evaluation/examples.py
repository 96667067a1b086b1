"""Examples right and wrong, for the report alone: photographs may not travel with the bundle.

No faces: a photograph is shown only where its source says which part of the body it is, and that is not on the head or
neck. The atlases do not say, so none of their pictures is shown, and so none of the classes that exist only there.
"""

import io
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from appliance.vision.classes import CLASSES
from appliance.vision.overlay import overlay, positive_share
from appliance.vision.preprocess import preprocess
from training.dataset import Photographs
from training.evaluation.faithfulness import Looker
from training.evaluation.metrics import Answers, right
from training.evaluation.plot_style import english

SHOWN_SITES: Final = (
    "abdomen",
    "arm",
    "back",
    "chest",
    "foot",
    "forearm",
    "hand",
    "thigh",
)
"""First words of the body sites that are shown."""
EACH: Final = 6
SIDE_PX: Final = 220


def showable(photographs: Photographs) -> NDArray[np.bool_]:
    """Which photographs may be shown: the source names a site that is not on the head or neck."""
    rows = photographs.rows
    if "body_site" not in rows:
        return np.zeros(len(rows), bool)
    return np.array([str(site).lower().split(" ")[0] in SHOWN_SITES for site in rows["body_site"]], dtype=bool)


def choose(answers: Answers, photographs: Photographs, seed: int = 8) -> dict[str, list[int]]:
    """Row numbers of examples named right and wrong, drawn at random, the classes in turn."""
    may = showable(photographs) & (answers.targets >= 0)
    correct = right(answers)
    rng = np.random.default_rng(seed)
    return {
        title: _in_turn(rng.permutation(np.flatnonzero(may & chosen)), answers.targets)
        for title, chosen in (("named right", correct), ("named wrong", ~correct))
    }


def _in_turn(rows: NDArray[np.int64], targets: NDArray[np.int64]) -> list[int]:
    """The first of each class, then the second of each, and so on."""
    turn = [int((targets[rows[:place]] == targets[row]).sum()) for place, row in enumerate(rows)]
    return [int(rows[place]) for place in np.argsort(turn, kind="stable")[:EACH]]


def write(looker: Looker, answers: Answers, photographs: Photographs, folder: Path) -> list[dict[str, str]]:
    """Each example as a PNG in ``folder``, photograph and map side by side; returns file, title and caption of each."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for title, rows in choose(answers, photographs).items():
        for number, row in enumerate(rows):
            file = folder / f"example-{title.replace(' ', '-')}-{number}.png"
            file.write_bytes(_pair(looker, photographs, row))
            found.append({"file": file.name, "title": title, "caption": _caption(answers, photographs, row)})
    return found


def _pair(looker: Looker, photographs: Photographs, row: int) -> bytes:
    pixels = photographs.pixels(row)
    view = preprocess(pixels)
    _, grid = looker.likeliest_map(view)
    size = (SIDE_PX, SIDE_PX)
    heat = Image.open(io.BytesIO(overlay(pixels, positive_share(grid)))).resize(size)
    both = Image.new("RGB", (2 * SIDE_PX + 6, SIDE_PX), "white")
    both.paste(Image.fromarray(view).resize(size), (0, 0))
    both.paste(heat, (SIDE_PX + 6, 0))
    file = io.BytesIO()
    both.save(file, "PNG", optimize=True)
    return file.getvalue()


def _caption(answers: Answers, photographs: Photographs, row: int) -> str:
    said = int(answers.probability[row].argmax())
    truth, source = int(answers.targets[row]), photographs.rows["source"].iloc[row]
    site = photographs.rows["body_site"].iloc[row]
    return (
        f"{english(CLASSES[truth])} ({source}, {site}). Said: {english(CLASSES[said])} "
        f"{answers.probability[row, said]:.0%}, the truth {answers.probability[row, truth]:.0%}."
    )
