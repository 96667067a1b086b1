"""Labels of quality, read from a CSV: who has which exclusion case; and the photographs that ink is drawn on.

A row a photograph: ``image`` (as the manifest's column ``image`` or ``original`` has it), and 0 or 1 (empty: 0) for
each of ``residue``, ``too_small``, ``hair``, ``exudate``; where somebody looked, also ``blurred``, ``exposure`` and
``uncertain``. A photograph with 0 throughout is clear: the gate is to accept it.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import pandas as pd

from appliance.vision.quality.limits import EXCLUSIONS
from training.dataset import each_in_a_group
from training.errors import StepRefused
from training.gate.samples import LABELS, clear
from training.tables import read_texts

FILE: Final = "quality.csv"
"""Looked for beside the manifest."""
UNMARKED: Final = Path(__file__).parents[1] / "skin8-unmarked.csv"
"""Photographs of the split ``train``, of groups that quality.csv lacks, on which neither ink nor much hair was seen by
eye; and the number that chance begins with."""
OPTIONAL: Final = (*(name for name in LABELS if name not in EXCLUSIONS), "uncertain")
FEWEST: Final = 10
"""Photographs with each exclusion case that limits can be chosen on …"""
FEWEST_CLEAR: Final = 40
"""… and clear ones."""
ASIDE: Final = 3
"""One of so many groups of clear photographs is drawn on and not judged, where no others are known to bear no ink."""
KEEP: Final = "--keep-limits-of BUNDLE"
Unmarked = list[tuple[Path, int]]


@dataclass(frozen=True)
class Labelled:
    """What the gate is fitted on."""

    folder: Path
    """The paths are relative to it."""
    labels: pd.DataFrame
    """``image``, the ``LABELS`` and ``uncertain``, 0 or 1; a row a photograph that is judged."""
    manifest: pd.DataFrame
    unmarked: Unmarked
    """Files of photographs without ink, of other groups, and the number that chance begins with for each."""
    strange: tuple[str, ...] = ()
    """Names that were labelled and are not in the manifest."""

    def said(self) -> str:
        """For a terminal, before the minutes that the fit takes."""
        told = f"{len(self.labels)} labelled photographs are judged, ink is drawn on {len(self.unmarked)} others"
        if not self.strange:
            return told
        return (
            f"{told}; {len(self.strange)} labelled ones are not in the manifest and passed over, "
            f"for example {self.strange[0]}"
        )

    def others(self) -> list[Path]:
        """Files of photographs of groups of which none is judged."""
        judged = self.manifest["group"][self.manifest["image"].isin(self.labels["image"])]
        names = self.manifest["image"][~self.manifest["group"].isin(judged)]
        return [file for name in names if (file := self.folder / str(name)).is_file()]


def read(
    manifest: Path, labels: Path | None = None, images: Path | None = None, originals: Path | None = None
) -> Labelled:
    """Labels of photographs of ``manifest``, by default quality.csv beside it; ``images``: a file in their folder.

    ``originals``: the folder of the collection that was curated, to measure its whole photographs. It is needed where
    the manifest has crops: the readers, like the box, saw the whole. Labels of photographs that are not in the manifest
    are passed over: curation may have dropped them. Raises ``StepRefused`` where it is needed and not given, there
    are no labels, too few of a kind, or a cell is neither 0 nor 1.
    """
    file = labels or manifest.parent / FILE
    if not file.is_file():
        raise StepRefused(
            f"there are no labels of quality at {file}: name a CSV of yours by --labels (docs/evaluation.md says how "
            f"to make one), or keep the limits of the bundle that training started from by {KEEP}"
        )
    rows = each_in_a_group(read_texts(manifest))
    if originals is None and (crop := _first_crop(rows)):
        raise StepRefused(
            f"{manifest} has crops, for example {crop}, but readers judge the whole photograph, as the box does: name "
            "the folder of the photographs that were curated by --originals"
        )
    whole = rows if originals is None else rows.assign(image=rows.get("original", rows["image"]))
    told = _table(file)
    names = _names(rows, whole["image"])
    strange = tuple(told["image"][~told["image"].isin(names)])
    known = told.assign(image=told["image"].map(names)).dropna(subset=["image"]).drop_duplicates("image")
    if known.empty:
        raise StepRefused(
            f"{file} names no photograph of the manifest{f', for example not {strange[0]}' if strange else ''}"
        )
    folder = originals or (images or manifest).parent
    rows = whole.drop_duplicates("image")  # a photograph with two lesions has two crops
    judged, unmarked = _apart(known.reset_index(drop=True), rows, folder)
    _enough(judged, file, len(strange))
    return Labelled(folder, judged, rows, unmarked, strange)


def _table(file: Path) -> pd.DataFrame:
    told = read_texts(file)
    if lacks := {"image", *EXCLUSIONS} - set(told):
        raise StepRefused(f"{file} lacks the columns {', '.join(sorted(lacks))}; it has {', '.join(told.columns)}")
    cells = told[[name for name in (*EXCLUSIONS, *OPTIONAL) if name in told]].replace("", "0")
    wrong = ~cells.isin(["0", "1"])
    if wrong.to_numpy().any():
        row, column = (int(each[0]) for each in np.nonzero(wrong.to_numpy()))
        raise StepRefused(
            f"{file}: {told['image'].iloc[row]} has {cells.iloc[row, column]!r} as {cells.columns[column]}, not 0 or 1"
        )
    numbers = cells.astype(int).reindex(columns=[*LABELS, "uncertain"], fill_value=0)
    return pd.concat([told["image"], numbers], axis=1)


def _first_crop(rows: pd.DataFrame) -> str:
    """A photograph of the manifest that is cut out of its original, which curation gives a name of its own; or none."""
    if "original" not in rows:
        return ""
    pairs = zip(rows["image"], rows["original"], strict=True)
    return next((image for image, whole in pairs if PurePosixPath(image).name != PurePosixPath(whole).name), "")


def _names(rows: pd.DataFrame, measured: "pd.Series[str]") -> dict[str, str]:
    """Each name that the manifest has for a photograph → that of the photograph to measure."""
    return {
        str(name): str(image)
        for column in ("original", "image")
        if column in rows
        for name, image in zip(rows[column], measured, strict=True)
    }


def _apart(labels: pd.DataFrame, rows: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, Unmarked]:
    """What is judged, and what is drawn on: skin8's list where it is there, else some groups of clear photographs."""
    listed = [(folder / str(name), int(number)) for name, number in pd.read_csv(UNMARKED).to_numpy()]
    if there := [(file, number) for file, number in listed if file.is_file()]:
        return labels, there
    group = labels["image"].map(rows.drop_duplicates("image").set_index("image")["group"])
    plain = pd.Series(clear(labels) & (labels["uncertain"] == 0).to_numpy(), index=labels.index)
    wholly = plain.groupby(group).transform("all")
    aside = group.isin(sorted(set(group[wholly]))[::ASIDE])
    drawn_on = [(folder / str(name), number) for number, name in enumerate(labels["image"][aside])]
    return labels[~aside].reset_index(drop=True), drawn_on


def _enough(labels: pd.DataFrame, file: Path, strange: int) -> None:
    counts = {**{case: int(labels[case].sum()) for case in EXCLUSIONS}, "clear": int(clear(labels).sum())}
    few = {name: count for name, count in counts.items() if count < (FEWEST_CLEAR if name == "clear" else FEWEST)}
    if few:
        said = ", ".join(f"{name} {count}" for name, count in few.items())
        said += f", without {strange} labelled ones that are not in the manifest" if strange else ""
        raise StepRefused(
            f"{file} has too few photographs to choose limits on: {said}; {FEWEST} of each case and {FEWEST_CLEAR} "
            f"clear ones are needed. Label more, or keep the limits of the bundle that training started from by {KEEP}"
        )
