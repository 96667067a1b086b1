"""dermkiosk-train: from photographs to a bundle the box can load."""

import os
from pathlib import Path
from typing import Any

import click

from training.cli_compare import BUNDLE, RUN
from training.cli_compare import COMMANDS as COMPARISONS
from training.curation.commands import COMMANDS as DATA_COMMANDS
from training.evaluation.commands import cross_collection, crossvalidate
from training.gate.commands import gate
from training.plainly import said_plainly as _said_plainly

# TensorFlow reads this once, when it is first imported; its start-up chatter helps nobody.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "GRPC_VERBOSITY": "ERROR", "ABSL_MIN_LOG_LEVEL": "2"}


@click.group(context_settings={"max_content_width": 100})
def main() -> None:
    """Train, quantise, calibrate and judge the classifier.

    Example, in this order:

    \b
      dermkiosk-train curate    --help
      dermkiosk-train split     --data curated/manifest.csv --out curated/split.csv
      dermkiosk-train finetune  --data curated/split.csv --weights inception.weights.h5 --run runs/first
      dermkiosk-train quantise  --run runs/first --bundle models/skin8-inceptionv3 --about training/skin8-about.toml
      dermkiosk-train calibrate --run runs/first --bundle models/skin8-inceptionv3
      dermkiosk-train evaluate  --run runs/first --bundle models/skin8-inceptionv3
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


@main.command(name="all")
@click.option(
    "--config", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="TOML of every step"
)
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="what curate reads: a folder per class, or a CSV; a folder with a manifest.csv stands for that",
)
@click.option(
    "--weights",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="folder of the starting weights that the TOML names",
)
@click.option("--final", is_flag=True, help="look at the test photographs, too: once, when all is chosen")
def everything(config: Path, data: Path, weights: Path, final: bool) -> None:
    """From photographs to a bundle: every step of a TOML file, one after the other; goes on after a kill.

    \b
    Example:
      dermkiosk-train all --config training/skin8.toml --data PHOTOS --weights WEIGHTS --final
    """
    from training.everything import run_all

    with _said_plainly():
        run_all(config, data, weights, click.echo, final=final)


@main.command()
@click.option(
    "--data", required=True, type=click.Path(exists=True, dir_okay=False), help="manifest with a column split"
)
@click.option("--images", default="", help="manifest in the folder the image paths are relative to, if not --data")
@click.option(
    "--weights",
    required=True,
    help="imagenet (Keras downloads it), none, a no-top InceptionV3 .weights.h5, or the .tflite of a bundle",
)
@click.option(
    "--scaling",
    type=click.Choice(["unit", "symmetric"]),
    help="input range of the weights: [0, 1] or [-1, 1]  [default: symmetric for imagenet, else unit]",
)
@click.option(
    "--phase",
    "phases",
    multiple=True,
    metavar="BLOCK:EPOCHS:RATE",
    help="train from BLOCK on (head, mixed10, mixed9 … mixed0, all), for at most EPOCHS, at a peak learning rate of "
    "RATE; repeated: one phase after the other  [default: head:2:1e-3, mixed8:4:3e-4, all:16:2e-4]",
)
@click.option("--exclude-source", "exclude_sources", multiple=True, help="leave out a source; may be repeated")
@click.option("--marked-source", "marked_sources", multiple=True, help="hide the mark across its pictures' middle")
@click.option("--run", required=True, type=click.Path(file_okay=False, path_type=Path), help="folder for checkpoints")
@click.option("--exposure", default=0.0, show_default=True, help="weight of the uniform answer for other conditions")
@click.option("--mixing", default=0.0, show_default=True, help="share of photographs mixed (mixup, CutMix)")
@click.option("--teaching", default=0.0, show_default=True, help="share of each target from RUN/teacher.npz")
@click.option("--averaging", default=0.0, show_default=True, help="momentum of the averaged weights; 0: none")
@click.option("--batch", default=16, show_default=True, type=click.IntRange(1), help="over all workers together")
@click.option("--patience", default=6, show_default=True, type=click.IntRange(1), help="epochs without a gain")
@click.option("--workers", default=0, show_default=True, type=click.IntRange(0), help="processes that make batches")
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_bfloat16"]),
    default="float32",
    show_default=True,
    help="mixed_bfloat16 is faster where the processor has it",
)
@click.option("--seed", default=8, show_default=True)
def finetune(run: Path, workers: int, phases: tuple[str, ...], scaling: str | None, **recipe: Any) -> None:
    """Fine-tune InceptionV3; the same command goes on after a kill. With TF_CONFIG set, on several machines.

    \b
    Examples, the second with phases of one's own, the head first and then the last blocks:
      dermkiosk-train finetune --data split.csv --weights inception.weights.h5 --run runs/first
      dermkiosk-train finetune --data curated/split.csv --weights models/skin8-inceptionv3/model.tflite \\
          --phase head:2:1e-3 --phase mixed8:3:3e-5 --run runs/ours
    """
    from training.finetune import finetune as train
    from training.recipe import Phase, Recipe, scaling_for

    with _said_plainly():
        if phases:
            recipe["phases"] = tuple(Phase.parse(text) for text in phases)
        train(Recipe(scaling=scaling_for(recipe["weights"], scaling), **recipe), run, workers)


@main.command()
@click.option("--data", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="the split")
@click.option("--images", type=click.Path(exists=True, path_type=Path), help="manifest beside the images")
@click.option("--inception", required=True, type=click.Path(exists=True), help="a no-top InceptionV3 .weights.h5")
@click.option("--lite0", required=True, type=click.Path(exists=True), help="EfficientNet-Lite0 .weights.h5")
@click.option("--cache", required=True, type=click.Path(file_okay=False, path_type=Path), help="folder of features")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="RUN/teacher.npz")
def teacher(data: Path, images: Path | None, inception: str, lite0: str, cache: Path, out: Path) -> None:
    """Ask an ensemble of frozen networks, out of fold, what finetune --teaching mixes into the targets.

    \b
    Example:
      dermkiosk-train teacher --data split.csv --inception i.weights.h5 --lite0 l.weights.h5 --cache c \\
          --out runs/first/teacher.npz
    """
    from training import features
    from training.dataset import Photographs, read_manifest
    from training.teacher import teach

    with _said_plainly():
        photographs = Photographs((images or data).parent, read_manifest(data).rows)
        networks = [features.inception(inception), features.efficientnet_lite0(lite0)]
        _print_figures(teach(photographs, networks, cache, out))


@main.command()
@click.option("--data", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="the split")
@click.option("--images", type=click.Path(exists=True, path_type=Path), help="manifest beside the images")
@click.option("--backbone", "backbones", multiple=True, required=True, help="NAME=WEIGHTS; may be repeated")
@click.option("--side", default=299, show_default=True, type=click.IntRange(75), help="input, px")
@click.option("--head-epochs", default=2, show_default=True, type=click.IntRange(0))
@click.option("--epochs", default=16, show_default=True, type=click.IntRange(0), help="of the whole network")
@click.option("--run", required=True, type=click.Path(file_okay=False, path_type=Path), help="folder of the table")
def backbones(
    data: Path,
    images: Path | None,
    backbones: tuple[str, ...],
    side: int,
    head_epochs: int,
    epochs: int,
    run: Path,
) -> None:
    """Compare backbones on one split: accuracy, size and latency, float and INT8.

    \b
    Example, from given weights, from nothing, and a name of keras.applications:
      dermkiosk-train backbones --data split.csv --run runs/backbones \\
          --backbone inception_v3=inception.weights.h5 --backbone inception_v3=none \\
          --backbone efficientnet_lite0=lite0.weights.h5 --backbone MobileNetV3Large=imagenet
    """
    from training.backbones import Contender, Trial, as_table, compare
    from training.dataset import Photographs, read_manifest

    with _said_plainly():
        photographs = Photographs((images or data).parent, read_manifest(data).rows)
        trial = Trial(photographs, side, head_epochs, epochs)
        click.echo(as_table(compare([Contender.parse(text) for text in backbones], trial, run)))


@main.command()
@RUN
def soup(run: Path) -> None:
    """Mix what a run ended with and the bundle it started from, in the share that validation likes best.

    \b
    Example:
      dermkiosk-train soup --run runs/first
    """
    from training.soup import soup as mix

    with _said_plainly():
        click.echo(mix(run).round(3).to_string(index=False))


@main.command()
@RUN
@BUNDLE
@click.option(
    "--about",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML of what is said of the photographs by hand, as training/skin8-about.toml",
)
@click.option("--representatives", default=240, show_default=True, type=click.IntRange(20), help="training photographs")
@click.option(
    "--way",
    type=click.Choice(["tensorflow", "tensorflow-pools", "litert-quantizer"]),
    default="tensorflow",
    show_default=True,
    help="converter; tensorflow-pools has average pools that XNNPACK takes",
)
@click.option("--seed", default=8, show_default=True)
def quantise(run: Path, bundle: Path, about: Path, representatives: int, way: Any, seed: int) -> None:
    """Make the full-INT8 .tflite and its bundle, unless it strays too far from the float network.

    \b
    Example:
      dermkiosk-train quantise --run runs/first --bundle models/skin8-inceptionv3 --about training/skin8-about.toml
    """
    from training.about import About
    from training.quantisation.quantise import quantise as convert

    with _said_plainly():
        _print_figures(convert(run, bundle, About.read(about), representatives, seed, way).figures)


@main.command()
@RUN
@BUNDLE
def calibrate(run: Path, bundle: Path) -> None:
    """Fit temperature, conformal sets and thresholds on the INT8 file and the validation photographs.

    \b
    Example:
      dermkiosk-train calibrate --run runs/first --bundle models/skin8-inceptionv3
    """
    from training.calibration.calibrate import calibrate as fit

    with _said_plainly():
        click.echo(fit(run, bundle).model_dump_json(indent=2))


@main.command()
@RUN
@BUNDLE
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    default="test",
    show_default=True,
    help="choose on validation; look at test once, at the end",
)
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), help="folder of the HTML  [default: RUN/report]"
)
@click.option("--sample", default=48, show_default=True, type=click.IntRange(1), help="photographs to test the maps on")
def evaluate(run: Path, bundle: Path, split: Any, report: Path | None, sample: int) -> None:
    """Judge float and INT8 side by side; writes evaluation/ and MODEL_CARD.md into the bundle, and a report in HTML.

    \b
    Example:
      dermkiosk-train evaluate --run runs/first --bundle models/skin8-inceptionv3 --split validation
    """
    from training.evaluation.evaluate import evaluate as judge
    from training.evaluation.words import change, number

    with _said_plainly():
        found = judge(run, bundle, split, report, sample)
    if found["warning"]:
        click.echo(found["warning"], err=True)
    click.echo(f"{'figure':<32}{'float':>8}{'INT8':>8}   95 % interval of INT8 − float")
    for name, values in found["figures"].items():
        apart = change(values.get("difference_95"))
        click.echo(f"{name:<32}{number(values['float']):>8}{number(values['int8']):>8}   {apart}")
    click.echo(f"\nThe report is {found['report']}")


main.add_command(crossvalidate)
main.add_command(cross_collection)
for _command in (*DATA_COMMANDS, *COMPARISONS):
    main.add_command(_command)


main.add_command(gate)


@main.command(name="skin-tones")
@RUN
@BUNDLE
def skin_tones(run: Path, bundle: Path) -> None:
    """Count the training photographs by skin tone, for the bundle and its card; evaluate does it where it is missing.

    \b
    Example:
      dermkiosk-train skin-tones --run runs/first --bundle models/skin8-inceptionv3
    """
    from training.bundle_files import seal
    from training.evaluation.model_card import write_model_card
    from training.evaluation.skin_tones import write_skin_tones
    from training.run import Run

    with _said_plainly():
        photographs = Run.open(run).photographs
        click.echo(write_skin_tones(bundle, photographs).model_dump_json(indent=2))
        write_model_card(bundle, photographs)
        seal(bundle)


@main.command()
@click.option(
    "--data", required=True, type=click.Path(exists=True, path_type=Path), help="manifest.csv with a column mask"
)
def lesion(data: Path) -> None:
    """Measure how well the lesion is found, against drawn masks.

    \b
    Example:
      dermkiosk-train lesion --data photos/manifest.csv
    """
    from training.evaluation.lesion_masks import against_masks, read

    with _said_plainly():
        _print_figures(against_masks(read(data)))


def _print_figures(figures: dict[str, float]) -> None:
    for name, value in figures.items():
        click.echo(f"{name:<48}{value:.4g}")
