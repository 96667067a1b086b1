"""dermkiosk-train crossvalidate and cross-collection."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from training.errors import StepRefused
from training.plainly import said_plainly

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(exists=True, dir_okay=False, path_type=Path)
DATA = click.option("--data", required=True, type=PATH, help="the split: a manifest with a column split, perhaps fold")
IMAGES = click.option("--images", type=PATH, help="manifest in the folder the image paths are relative to")
OUT = click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="folder of runs and figures"
)
RECIPE = click.option("--recipe", type=PATH, help="config.json of a run: fine-tune as that one did")
FROZEN = click.option("--frozen", type=PATH, help="no-top InceptionV3 .weights.h5: a head on its frozen features")
CACHE = click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="folder of frozen features")
LAYERS = click.option(
    "--layers", default="mixed5,mixed8,mixed10", show_default=True, help="blocks of the frozen features"
)
VIEWS = click.option("--views", default=0, show_default=True, type=click.IntRange(0), help="augmented views, frozen")
CONSTANCY = click.option("--constancy", is_flag=True, help="shades of grey, frozen")
UNBALANCED = click.option("--unbalanced", is_flag=True, help="do not weigh the classes alike, frozen")


WORKERS = click.option(
    "--workers", default=0, show_default=True, type=click.IntRange(0), help="processes that make batches, recipe"
)

LEARNER = (DATA, IMAGES, OUT, RECIPE, WORKERS, FROZEN, CACHE, LAYERS, VIEWS, CONSTANCY, UNBALANCED)


def _asking(command: Command) -> Command:
    """The command with the options that say how is learned."""
    for option in reversed(LEARNER):
        command = option(command)
    return command


@click.command()
@_asking
@click.option("--taught-only", multiple=True, help="source that teaches but is not judged; may be repeated")
@click.option("--exclude-source", "excluded", multiple=True, help="leave out a source; may be repeated")
@click.option("--fold", type=click.IntRange(0), help="this fold alone, so that several processes share them, recipe")
@click.option(
    "--ablation", is_flag=True, help="compare choices one at a time: of frozen features, and of a head's steps"
)
def crossvalidate(
    data: Path,
    images: Path | None,
    out: Path,
    taught_only: tuple[str, ...],
    excluded: tuple[str, ...],
    fold: int | None,
    ablation: bool,
    **how: Any,
) -> None:
    """Five folds by group, pooled out-of-fold figures with intervals; the split's test photographs take no part.

    \b
    Example, minutes on a processor:
      dermkiosk-train crossvalidate --data split.csv --images skin8/manifest.csv --frozen inception.weights.h5 \\
          --cache cache --out runs/cv --taught-only dermnet_com
    Example, the whole recipe, for a GPU; goes on after a kill:
      dermkiosk-train crossvalidate --data split.csv --recipe runs/first/config.json --out runs/cv
    The same, each fold in a process of its own (--fold 0 to --fold 4), and then once without --fold for the figures.
    """
    from training.evaluation import ablation as comparison
    from training.evaluation import crossvalidate as folds

    with said_plainly():
        if fold is not None and (ablation or how["recipe"] is None):
            raise StepRefused("--fold is for --recipe alone: folds of frozen features take seconds, and are not kept")
        photographs, learner = _photographs(data, images, excluded), _learner(out, **how)
        if fold is not None:
            answers = folds.crossvalidate(photographs, learner, taught_only, fold)
            click.echo(f"Fold {fold} is done: {len(answers.targets)} photographs")
            return
        if ablation:
            compared = {
                "ablation": comparison.variants(learner.switches, how["views"]),
                "ablation-steps": comparison.variants_of_steps(learner.switches),
            }
            for name, chosen in compared.items():
                report = comparison.ablate(photographs, learner, chosen, click.echo)
                click.echo(comparison.table(report))
                folds.write(report, out, name)
            return
        answers = folds.crossvalidate(photographs, learner, taught_only)
        report = folds.report_of(answers, folds.judged(photographs, taught_only))
        folds.table(report, click.echo)
        click.echo(f"\nWritten to {folds.write(report, out, 'crossvalidation')}")


@click.command(name="cross-collection")
@_asking
@click.option("--without", "sources", multiple=True, required=True, help="source to hold out; may be repeated")
@click.option("--exclude-source", "excluded", multiple=True, help="leave out a source everywhere; may be repeated")
def cross_collection(
    data: Path, images: Path | None, out: Path, sources: tuple[str, ...], excluded: tuple[str, ...], **how: Any
) -> None:
    """Train without one source and test on it: the nearest thing to another clinic.

    \b
    Example:
      dermkiosk-train cross-collection --data split.csv --images skin8/manifest.csv --frozen inception.weights.h5 \\
          --cache cache --out runs/cross --without dermnet_nz --without sd198
    """
    from training.evaluation import crossvalidate as folds
    from training.evaluation.cross_collection import cross_collection as judge

    with said_plainly():
        photographs, learner = _photographs(data, images, excluded), _learner(out, **how)
        for source in sources:
            report = judge(source, photographs, learner)
            click.echo(f"\nWithout {source}; of its labels the others have {', '.join(report['classes_elsewhere'])}")
            folds.table(report, click.echo)
            folds.write(report, out, f"without-{source}")


def _photographs(data: Path, images: Path | None, excluded: tuple[str, ...]) -> Any:
    from training.dataset import Photographs, read_manifest

    return Photographs((images or data).parent, read_manifest(data, excluded).rows)


def _learner(
    out: Path, recipe: Path | None, workers: int, frozen: Path | None, cache: Path | None, **switches: Any
) -> Any:
    """Raises ``StepRefused`` unless exactly one of the two ways is asked for."""
    from training.evaluation.learners import FrozenFeatures, FullRecipe, Switches, read_recipe
    from training.features import inception

    if (recipe is None) == (frozen is None):
        raise StepRefused("say either --recipe, to fine-tune, or --frozen, for a head on frozen features")
    if frozen is not None and workers:
        raise StepRefused("--workers make the batches of --recipe; --frozen has none")
    if recipe is not None:
        return FullRecipe(read_recipe(recipe), out, workers)
    chosen = Switches(
        tuple(switches["layers"].split(",")), switches["views"], switches["constancy"], not switches["unbalanced"]
    )
    return FrozenFeatures(inception(str(frozen)), cache or out / "features", chosen)
