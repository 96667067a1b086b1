"""Who is trained on, who is chosen on, who is judged on; nothing that belongs together stands on both sides.

What belongs together: photographs of one group (a patient), and near-duplicates (column ``near_duplicates``, the same
name for all of a cluster), directly or through others. Such a bundle goes into one split as a whole, and into one fold.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from training.curation.duplicates import clusters, near_duplicates_of
from training.dataset import NO_SPLIT, Photographs, Split, each_in_a_group, read_manifest
from training.errors import StepRefused
from training.tables import read_texts

SPLITS: Final[tuple[Split, ...]] = get_args(Split)
FOLDS: Final = 8
"""Of the shares of a new split, one is the test set, one the validation set, the others train."""
CROSS_FOLDS: Final = 5
PRECEDENCE: Final[tuple[Split, ...]] = ("train", "validation", "test")
"""A bundle with photographs in several splits goes to the first of these: what was trained on can never be held back
again, and what was chosen on can never be judged on."""
NO_FOLD: Final = ""
RARE: Final = "rare"
NEAR: Final = "near_duplicates"


def assign_splits(
    photographs: Photographs,
    seed: int,
    *,
    earlier: pd.DataFrame | None = None,
    train_only: tuple[str, ...] = (),
    shares: int = FOLDS,
) -> Photographs:
    """Add the columns ``split`` and ``fold`` (0 … 4; empty for test and for what is always trained on).

    Stratified by label and source; one of ``shares`` is held back for test, one for validation. Photographs that
    ``earlier`` (a split) knows, by image, original or sha256, stay where they were. Those of the sources ``train_only``
    are trained on in every fold.
    """
    rows = each_in_a_group(photographs.rows)
    fixed = _earlier_splits(rows, earlier)
    fixed[rows["source"].isin(train_only)] = "train"
    rows["split"] = _fresh_splits(rows, fixed, seed, shares)
    rows["split"] = _first_in_bundle(rows["split"], bundles(rows))
    rows["fold"] = _cross_folds(rows, train_only, seed)
    return Photographs(photographs.folder, rows)


def split_file(
    data: Path,
    out: Path,
    *,
    seed: int = 8,
    earlier: pd.DataFrame | None = None,
    test_share: float = 1 / FOLDS,
    train_only: tuple[str, ...] = (),
    workers: int = 1,
) -> pd.DataFrame:
    """Write the manifest ``data`` with splits and folds to ``out``; returns its rows.

    A manifest that says nothing of near-duplicates is searched for them first. ``test_share`` is rounded to one part
    of a whole number; ``earlier`` as in :func:`assign_splits`. Raises ``StepRefused``.
    """
    rows = read_texts(data)
    if lacks := {"image", "label", "group", "source"} - set(rows.columns):
        raise StepRefused(f"{data} lacks the columns {sorted(lacks)}")
    if absent := set(train_only) - set(rows["source"]):
        raise StepRefused(f"{data} has no source {sorted(absent)}; it has {sorted(set(rows['source']))}")
    if NEAR not in rows:
        rows = rows.assign(**{NEAR: near_duplicates_of([data.parent / image for image in rows["image"]], workers)})
        names = dict(zip((str(data.parent / image) for image in rows["image"]), rows["image"], strict=True))
        rows[NEAR] = rows[NEAR].map({**names, "": ""})
    told = assign_splits(
        Photographs(data.parent, rows), seed, earlier=earlier, train_only=train_only, shares=round(1 / test_share)
    ).rows
    check(told)
    told.to_csv(out, index=False)
    return told


def read_earlier(keep: Path | None) -> pd.DataFrame | None:
    """The split to keep, read before the new one is written: both may be one file. Raises ``StepRefused``."""
    if keep is None:
        return None
    rows = read_texts(keep)
    if lacks := {"image", "split"} - set(rows.columns):
        raise StepRefused(f"{keep} is no split to keep: it lacks the columns {sorted(lacks)}")
    return rows


def stayed(rows: pd.DataFrame, earlier: pd.DataFrame) -> tuple[dict[str, int], int]:
    """How many photographs of each split are where the split ``earlier`` had them, and how many had to move."""
    was = _earlier_splits(rows, earlier)
    counts = rows["split"][was == rows["split"]].value_counts()
    return {name: int(counts.get(name, 0)) for name in SPLITS}, int(((was != "") & (was != rows["split"])).sum())


def bundles(rows: pd.DataFrame) -> NDArray[np.int64]:
    """A number per photograph, the same for all that belongs together."""
    positions = pd.Series(np.arange(len(rows)))
    pairs = [_with_first(positions, name) for name in _names(rows)]
    return clusters(len(rows), np.concatenate(pairs))


def check(rows: pd.DataFrame) -> None:
    """Raise ``StepRefused`` that names what stands on both sides of a split or a fold: groups, near-duplicates."""
    if "split" not in rows:
        raise StepRefused(NO_SPLIT)
    sides = rows["split"] + "/" + rows["fold"] if "fold" in rows else rows["split"]
    leaks = [_leak(rows["image"], sides, name) for name in _names(rows)]
    for what, leak in zip(("group", "near-duplicates"), leaks, strict=False):
        if not leak.empty:
            examples = "; ".join(f"{name}: {', '.join(images)}" for name, images in leak.head(3).items())
            raise StepRefused(f"{len(leak)} × {what} on both sides of the split ({examples})")
    strange = set(rows["split"]) - set(SPLITS)
    if strange:
        raise StepRefused(f"the column split holds {sorted(strange)}; it may hold {', '.join(SPLITS)}")


def ready(data: Path, images: Path, exclude_sources: tuple[str, ...] = ()) -> Photographs:
    """The photographs of the split ``data``, below the folder of ``images``, once it is sure they can be trained on.

    Raises ``StepRefused`` where the split leaks, trains or validates on nothing, or names photographs that are not
    there. Says so where near-duplicates were never looked for.
    """
    photographs = Photographs(images.parent, read_manifest(data, exclude_sources).rows)
    check(photographs.rows)
    for split in ("train", "validation"):
        if not len(photographs.of(split).of_the_eight()):
            raise StepRefused(
                f"{data} has no photographs of the eight whose split is {split}; "
                "dermkiosk-train split --data manifest.csv --out split.csv makes a split of every class"
            )
    if NEAR not in photographs.rows:
        logging.getLogger(__name__).warning(
            "%s has no column %s: copies of what is trained on may be judged on, and figures too good; "
            "dermkiosk-train split looks for them",
            data,
            NEAR,
        )
    return photographs.all_there()


def _leak(images: "pd.Series[str]", sides: "pd.Series[str]", names: "pd.Series[str]") -> "pd.Series[Any]":
    """Images of each name that has several sides, one per side."""
    named = pd.DataFrame({"name": names, "side": sides, "image": images})[names != ""]
    one_each = named.drop_duplicates(["name", "side"]).groupby("name")["image"].agg(list)
    return one_each[one_each.map(len) > 1]


def _names(rows: pd.DataFrame) -> "list[pd.Series[str]]":
    return [rows[column].reset_index(drop=True) for column in ("group", NEAR) if column in rows]


def _with_first(positions: "pd.Series[int]", names: "pd.Series[str]") -> NDArray[np.int64]:
    """Pairs of each named photograph with the first of its name."""
    named = positions[names != ""]
    first = named.groupby(names[names != ""]).transform("first")
    return np.stack([first, named], axis=1).astype(np.int64)


def _earlier_splits(rows: pd.DataFrame, earlier: pd.DataFrame | None) -> "pd.Series[str]":
    """The split each photograph had, by image or else by content; empty for new ones."""
    known = pd.Series("", index=rows.index)
    if earlier is None:
        return known
    for column in ("sha256", "original", "image"):
        if column in rows and column in earlier:
            had = earlier[earlier[column] != ""].drop_duplicates(column).set_index(column)["split"]
            known = rows[column].map(had).fillna(known)
    return known


def _fresh_splits(rows: pd.DataFrame, fixed: "pd.Series[str]", seed: int, shares: int) -> "pd.Series[str]":
    """Where nothing is fixed, a share of the groups each for test and validation."""
    new = (fixed == "").to_numpy()
    splits = fixed.copy()
    fold = _folds(rows[new], rows["group"].to_numpy()[new], shares, seed)
    splits[new] = np.select([fold == 0, fold == 1], ["test", "validation"], default="train")
    return splits


def _first_in_bundle(splits: "pd.Series[str]", bundle: NDArray[np.int64]) -> "pd.Series[str]":
    rank = splits.map({name: place for place, name in enumerate(PRECEDENCE)})
    return rank.groupby(bundle).transform("min").map(dict(enumerate(PRECEDENCE)))


def _cross_folds(rows: pd.DataFrame, train_only: tuple[str, ...], seed: int) -> "pd.Series[str]":
    """Five folds over whole bundles, apart from test and from bundles with a photograph of a train-only source."""
    bundle = bundles(rows)
    always = rows["source"].isin(train_only).groupby(bundle).transform("max")
    inside = ((rows["split"] != "test") & ~always).to_numpy()
    fold = pd.Series(NO_FOLD, index=rows.index)
    fold[inside] = _folds(rows[inside], bundle[inside], CROSS_FOLDS, seed).astype(str)
    return fold


def _folds(rows: pd.DataFrame, groups: NDArray[np.generic], count: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row; −1 for all where there are fewer groups than folds."""
    fold_of = np.full(len(rows), -1)
    if len(set(groups.tolist())) < count:
        return fold_of
    folds = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(folds.split(rows, _strata(rows, count), groups)):
        fold_of[held] = number
    return fold_of


def _strata(rows: pd.DataFrame, count: int) -> "pd.Series[str]":
    """Label and source; the label alone where one of its sources has fewer photographs than there are folds.

    Labels with too few photographs for that make one stratum together.
    """
    both = rows["label"] + "/" + rows["source"]
    fewest = both.map(both.value_counts()).groupby(rows["label"]).transform("min")
    strata = both.where(fewest >= count, rows["label"])
    return _merged(_merged(strata, count, lambda _: RARE), count, lambda sizes: str(sizes.idxmax()))


def _merged(strata: "pd.Series[str]", count: int, into: "Callable[[pd.Series[int]], str]") -> "pd.Series[str]":
    sizes = strata.value_counts()
    return strata.where(strata.map(sizes) >= count, into(sizes))
