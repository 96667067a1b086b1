"""The manifest of photographs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from appliance.errors import PhotoRefused
from appliance.vision.classes import CLASSES
from appliance.vision.photo import Pixels, decode
from training.errors import PhotographGone, PhotographUnusable, StepRefused
from training.tables import read_texts

ALONE: Final = "alone:"
"""Begins the group of a photograph that is of no known patient or group, before its name."""

Box = tuple[float, float, float, float]
Split = Literal["train", "validation", "test"]
OTHER: Final = "other"
NO_SPLIT: Final = (
    "the manifest has no column split: nobody knows what to train on and what to judge on. "
    "Make one: dermkiosk-train split --data manifest.csv --out split.csv"
)


@dataclass(frozen=True)
class Photographs:
    """Rows of a manifest with the folder their paths are relative to."""

    folder: Path
    rows: pd.DataFrame

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def targets(self) -> NDArray[np.int64]:
        """Class index per photograph, −1 for ``other``."""
        index = {name: i for i, name in enumerate(CLASSES)}
        return np.array([index.get(label, -1) for label in self.rows["label"]], dtype=np.int64)

    def path(self, position: int) -> Path:
        """File of the photograph at ``position``."""
        return self.folder / str(self.rows["image"].iloc[position])

    def pixels(self, position: int) -> Pixels:
        """Decode the photograph at ``position`` as the box would.

        Raises :class:`training.errors.PhotographGone` or :class:`training.errors.PhotographUnusable`, which name it.
        """
        file = self.path(position)
        try:
            return decode(file.read_bytes())
        except OSError as gone:
            raise PhotographGone(str(gone.strerror), file=file) from gone
        except PhotoRefused as refused:
            raise PhotographUnusable(refused.key, file=file) from refused

    def box(self, position: int) -> Box | None:
        """The lesion's box (left, top, right, bottom, px), where the manifest has one."""
        row = self.rows.iloc[position]
        sides = [str(row.get(f"box_{side}", "")) for side in ("left", "top", "right", "bottom")]
        return (float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3])) if all(sides) else None

    def where(self, mask: NDArray[np.bool_]) -> "Photographs":
        """The photographs for which ``mask`` (length N) is true."""
        return Photographs(self.folder, self.rows[mask].reset_index(drop=True))

    def of(self, split: Split) -> "Photographs":
        """The photographs of one split. Raises ``StepRefused`` where the manifest has none."""
        if "split" not in self.rows:
            raise StepRefused(NO_SPLIT)
        return self.where((self.rows["split"] == split).to_numpy())

    def of_the_eight(self) -> "Photographs":
        """Without ``other``."""
        return self.where(self.targets >= 0)

    def all_there(self) -> "Photographs":
        """The same. Raises ``StepRefused`` that names photographs without a file: better now than hours later."""
        absent = [str(name) for name in self.rows["image"] if not (self.folder / str(name)).is_file()]
        if absent:
            raise StepRefused(
                f"{len(absent)} of {len(self)} photographs are not in {self.folder}: {', '.join(absent[:3])}"
                f"{' …' if len(absent) > 3 else ''}; paths are relative to the folder of --images, or else of --data"
            )
        return self


def read_manifest(path: Path, exclude_sources: tuple[str, ...] = ()) -> Photographs:
    """Read a manifest with at least the columns image, label, group, source.

    A photograph without a group is a group of its own. Raises ``StepRefused`` naming missing columns, unknown labels or
    a source to exclude that is not there.
    """
    rows = read_texts(path)
    missing = {"image", "label", "group", "source"} - set(rows.columns)
    if missing:
        raise StepRefused(f"{path} lacks the columns {sorted(missing)}")
    unknown = set(rows["label"]) - {*CLASSES, OTHER}
    if unknown:
        raise StepRefused(f"{path} has labels that are none of the eight nor '{OTHER}': {sorted(unknown)}")
    absent = set(exclude_sources) - set(rows["source"])
    if absent:
        raise StepRefused(f"{path} has no source {sorted(absent)}; it has {sorted(set(rows['source']))}")
    kept = rows[~rows["source"].isin(exclude_sources)].reset_index(drop=True)
    return Photographs(path.parent, each_in_a_group(kept))


def each_in_a_group(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with a group of its own for each that names none; all blanks together would be one huge patient."""
    blank = rows["group"].str.strip() == ""
    return rows.assign(group=rows["group"].mask(blank, ALONE + rows["image"]))


def read_split(run: Path, data: Path) -> Photographs:
    """The photographs of a run with the split they were given then; ``data`` is the manifest the run used."""
    return Photographs(data.parent, each_in_a_group(read_texts(run / "split.csv")))
