"""Two ways to learn from one set of photographs and answer for another, behind one interface.

``FullRecipe`` fine-tunes the whole network: hours a fold on a processor, minutes on a GPU. ``FrozenFeatures`` puts a
logistic head on the pooled features of the frozen starting weights: seconds a fold once the features are in the cache,
and good enough to compare what goes in (sources, colours, weights, views), though not to say how good the product is.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from appliance.vision.classes import CLASSES
from appliance.vision.photo import Pixels
from training.augment import augment
from training.blocks import normalisation_for
from training.curation.split import bundles
from training.dataset import Photographs
from training.errors import StepRefused
from training.evaluation.stepped import Steps, stepped
from training.features import Frozen, extract
from training.predict import Floats, Predictions, floating
from training.recipe import Recipe

WIDTHS: Final = {"mixed5": 768, "mixed8": 1280, "mixed10": 2048}
"""Channels of the blocks that frozen features are pooled from."""
COMPONENTS: Final = 256
STRENGTH: Final = 0.003
"""Inverse of the head's L2 penalty."""
MINKOWSKI: Final = 6
ANSWERS: Final = "answers.npz"
"""In a fold's folder, when it is done: what is said of the photographs that were held back."""
WATCHED: Final = 8
"""One in so many groups of the learning photographs chooses the epoch of the full recipe; no judged one does."""


class Learner(Protocol):
    """Learns from ``train`` and answers for ``held``."""

    def answer(self, train: Photographs, held: Photographs, fold: str) -> Predictions:
        """Logits and outlier logits for ``held``, in its order; ``fold`` names the work."""
        ...


@dataclass(frozen=True)
class Switches:
    """What frozen features can be compared by."""

    layers: tuple[str, ...] = ("mixed5", "mixed8", "mixed10")
    views: int = 0
    """Augmented views of each learning photograph beside the plain one."""
    constancy: bool = False
    """Colours as under a white light, by shades of grey."""
    balanced: bool = True
    """Weigh the classes alike; a head that is learned in steps weighs them by the square root of how rare they are."""
    steps: Steps | None = None
    """Learn the head of the eight in steps, as fine-tuning does; ``None``: to the optimum, by logistic regression."""


@dataclass(frozen=True)
class FrozenFeatures:
    """A logistic head on cached features; ``frozen`` pools the blocks of ``WIDTHS`` in their order."""

    frozen: Frozen
    cache: Path
    switches: Switches = Switches()

    def answer(self, train: Photographs, held: Photographs, fold: str) -> Predictions:  # noqa: ARG002  # as asked
        """Fit both heads on ``train``, answer for ``held``."""
        views = [self._features(train, view) for view in range(self.switches.views + 1)]
        known, asked = np.concatenate(views), self._features(held, 0)
        reduce = make_pipeline(StandardScaler(), _principal(known))
        targets = np.tile(train.targets, len(views))
        known, asked = reduce.fit_transform(known), reduce.transform(asked)
        return Predictions(self._classes(known, targets, asked), self._outlier(known, targets, asked))

    def _features(self, photographs: Photographs, view: int) -> Floats:
        seen: Photographs = Constant(photographs.folder, photographs.rows) if self.switches.constancy else photographs
        colours = "-grey" if self.switches.constancy else ""
        if view:
            seen = Varied(seen.folder, seen.rows, view, seen)
        name = f"{self.frozen.name}{colours}{f'-view{view}' if view else ''}"
        found = extract(replace(self.frozen, name=name), seen, self.cache)
        return found[:, columns(self.switches.layers)].astype(np.float64)

    def _classes(self, known: Floats, targets: NDArray[np.int64], asked: Floats) -> Floats:
        if self.switches.steps is not None:
            return np.asarray(stepped(known, targets, len(CLASSES), self.switches.steps).predict(asked, verbose=0))
        head = self._head().fit(known[targets >= 0], targets[targets >= 0])
        # A class without learning photographs is never said.
        logits = np.full((len(asked), len(CLASSES)), -30.0)
        logits[:, head.classes_] = head.predict_log_proba(asked)
        return logits

    def _outlier(self, known: Floats, targets: NDArray[np.int64], asked: Floats) -> Floats:
        if (targets >= 0).all():
            return np.zeros(len(asked))
        return np.asarray(self._head().fit(known, targets < 0).decision_function(asked))

    def _head(self) -> LogisticRegression:
        return LogisticRegression(
            C=STRENGTH, max_iter=2000, class_weight="balanced" if self.switches.balanced else None
        )


def _principal(known: Floats) -> PCA:
    """A few hundred axes hold nearly all that thousands of pooled channels say, and a head on them is quick to fit."""
    return PCA(min(COMPONENTS, *known.shape), svd_solver="randomized", random_state=8)


def columns(layers: Sequence[str]) -> NDArray[np.int64]:
    """Columns of the pooled features that belong to the layers. Raises ``StepRefused`` for an unknown one."""
    unknown = set(layers) - set(WIDTHS)
    if unknown or not layers:
        raise StepRefused(
            f"features can come from {', '.join(WIDTHS)}, not from {', '.join(sorted(unknown)) or 'none'}"
        )
    ends = np.cumsum(list(WIDTHS.values()))
    spans = {name: np.arange(end - WIDTHS[name], end) for name, end in zip(WIDTHS, ends, strict=True)}
    return np.concatenate([spans[name] for name in WIDTHS if name in layers])


@dataclass(frozen=True)
class Constant(Photographs):
    """The photographs with their colours as under a white light."""

    def pixels(self, position: int) -> Pixels:
        """Decoded and corrected."""
        return shades_of_grey(super().pixels(position))


@dataclass(frozen=True)
class Varied(Photographs):
    """The photographs as training varies them, the same variant for the same ``view``."""

    view: int
    plain: Photographs

    def pixels(self, position: int) -> Pixels:
        """One variant, uint8 RGB 299×299×3."""
        # From the name, not the position: the variant must not depend on who else is asked for.
        name = str(self.rows["image"].iloc[position])
        rng = np.random.default_rng([self.view, *name.encode()])
        return augment(self.plain.pixels(position), rng, self.box(position))


def shades_of_grey(pixels: Pixels) -> Pixels:
    """Divide the light's colour out, as the Minkowski norm (p = 6) sees it (Finlayson and Trezzi 2004).

    uint8 RGB, any size.
    """
    values = pixels.astype(np.float64) / 255
    light = np.maximum((values**MINKOWSKI).mean(axis=(0, 1)) ** (1 / MINKOWSKI), 1e-3)
    white = light / np.sqrt((light**2).mean())
    return np.asarray(np.clip(values / white * 255, 0, 255).round(), np.uint8)


@dataclass(frozen=True)
class FullRecipe:
    """Fine-tuning by a recipe, a run folder a fold below ``folder``; the recipe's own split is not used."""

    recipe: Recipe
    folder: Path
    workers: int = 0
    """Further processes that make the batches."""

    def answer(self, train: Photographs, held: Photographs, fold: str) -> Predictions:
        """Fine-tune on ``train`` (or go on with a run that was cut) and answer for ``held`` in float; done once, kept.

        Sources that the recipe leaves out teach nothing, though they may be asked about. Raises ``StepRefused``, before
        anything is trained, where photographs are not there, none are left to learn from, or the folder holds what
        another recipe or split made.
        """
        from training.finetune import claim, finetune
        from training.network import build

        folder = self.folder / fold
        train = self._allowed(train).all_there()
        split = write_split(folder / "folds.csv", train, held.all_there(), self.recipe.seed)
        # Only its folder counts: the one that ``held`` is read from, too.
        images = str(train.folder / "manifest.csv")
        recipe = replace(self.recipe, data=str(split), images=images, exclude_sources=())
        if (folder / ANSWERS).is_file():
            claim(folder / "run", recipe)
            return Predictions.read(folder / ANSWERS, held)
        finetune(recipe, folder / "run", self.workers)
        network = build(recipe.scaling, recipe.dropout, recipe.normalisation)
        network.load_weights(folder / "run" / "best.weights.h5")
        said = floating(network, held)
        said.write(folder / ANSWERS, held)
        _tidy(folder / "run")
        return said

    def _allowed(self, train: Photographs) -> Photographs:
        left_out = self.recipe.exclude_sources
        allowed = train.where(~train.rows["source"].isin(left_out).to_numpy())
        if not (allowed.targets >= 0).any():
            raise StepRefused(f"the recipe leaves out {', '.join(left_out)}: there is nothing else to learn from")
        return allowed


def write_split(file: Path, train: Photographs, held: Photographs, seed: int) -> Path:
    """A split for one fold: ``held`` is the test, an eighth of the learning groups the validation, the rest trains."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = train.rows.copy()
    splitter = StratifiedGroupKFold(WATCHED, shuffle=True, random_state=seed)
    _, watched = next(iter(splitter.split(rows, rows["label"], bundles(rows))))
    rows["split"] = "train"
    rows.loc[rows.index[watched], "split"] = "validation"
    # The folds of the whole are not those of this one.
    both = pd.concat([rows, held.rows.assign(split="test")]).drop(columns=["fold", "together"], errors="ignore")
    both.to_csv(file, index=False)
    return file


def _tidy(run: Path) -> None:
    """Optimiser states are as large as three networks, and a finished fold needs none."""
    for kept in run.glob("*.keras"):
        kept.unlink()
    shutil.rmtree(run / "tensorboard", ignore_errors=True)


def read_recipe(file: Path) -> Recipe:
    """The recipe of an earlier run: its config.json.

    Raises ``StepRefused`` where it starts from a bundle, or listens to a teacher: those have learned from photographs
    which a fold, or a collection, would be held back from in vain. And where it is no recipe.
    """
    from training.recipe import Phase, read_config

    stated = read_config(file)
    stated.pop("manifest_sha256", None)
    normalisation = stated.pop("normalisation")
    known = {each.name for each in fields(Recipe)}
    if not {"data", "weights", "phases"} <= set(stated) <= known:
        raise StepRefused(f"{file} is no config.json of a fine-tuning run of this version")
    if normalisation != normalisation_for(str(stated["weights"])):
        raise StepRefused(
            f"{file} is of a run whose batch normalisation was {normalisation}: train by this version first"
        )
    if str(stated["weights"]).endswith(".tflite"):
        raise StepRefused(
            f"{file} starts from {stated['weights']}, a network that was trained on photographs already, perhaps on "
            "those that are to be judged; take a recipe that starts from imagenet or other weights of no skin"
        )
    if stated.get("teaching"):
        raise StepRefused(
            f"{file} mixes a teacher's answers into the targets, and the teacher has seen the photographs of every "
            "fold; take a recipe whose teaching is 0"
        )
    phases = tuple(Phase(**phase) for phase in stated.pop("phases"))
    lists = {name: tuple(value) for name, value in stated.items() if isinstance(value, list)}
    return Recipe(**{**stated, **lists, "phases": phases})
