"""dermkiosk-train: from photographs to a bundle the box can load."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from appliance.errors import DermkioskError

# TensorFlow reads this once, when it is first imported; its start-up chatter helps nobody.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "GRPC_VERBOSITY": "ERROR", "ABSL_MIN_LOG_LEVEL": "2"}


@click.group(context_settings={"max_content_width": 100})
def main() -> None:
    """Train, quantise, calibrate and judge the classifier.

    Example, in this order:

    \b
      dermkiosk-train finetune  --data skin8/manifest.csv --weights inception.weights.h5 --run runs/first
      dermkiosk-train quantise  --run runs/first --bundle models/skin8-inceptionv3
      dermkiosk-train calibrate --run runs/first --bundle models/skin8-inceptionv3
      dermkiosk-train evaluate  --run runs/first --bundle models/skin8-inceptionv3
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


@main.command()
@click.option(
    "--data", required=True, type=click.Path(exists=True, dir_okay=False), help="manifest.csv of the photographs"
)
@click.option(
    "--weights", required=True, help="imagenet (Keras downloads it), none, or a no-top InceptionV3 .weights.h5"
)
@click.option(
    "--scaling",
    type=click.Choice(["unit", "symmetric"]),
    default="unit",
    show_default=True,
    help="input range the starting weights expect: [0, 1] or [-1, 1]",
)
@click.option("--exclude-source", "exclude_sources", multiple=True, help="leave out a source; may be repeated")
@click.option("--run", required=True, type=click.Path(file_okay=False, path_type=Path), help="folder for checkpoints")
@click.option("--epochs", default=16, show_default=True, type=click.IntRange(1), help="whole network")
@click.option("--head-epochs", default=2, show_default=True, type=click.IntRange(1), help="head alone, first")
@click.option("--batch", default=16, show_default=True, type=click.IntRange(1))
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_bfloat16"]),
    default="float32",
    show_default=True,
    help="mixed_bfloat16 is faster where the processor has it",
)
@click.option("--seed", default=8, show_default=True)
def finetune(run: Path, **recipe: object) -> None:
    """Fine-tune InceptionV3; the same command goes on after a kill.

    \b
    Example:
      dermkiosk-train finetune --data skin8/manifest.csv --weights inception.weights.h5 --run runs/first
    """
    from training.finetune import Recipe
    from training.finetune import finetune as train

    with _said_plainly():
        train(Recipe(**recipe), run)  # type: ignore[arg-type]  # click has checked the types


RUN = click.option(
    "--run",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="folder of a finished run",
)
BUNDLE = click.option(
    "--bundle", required=True, type=click.Path(file_okay=False, path_type=Path), help="folder of the model bundle"
)


@main.command()
@RUN
@BUNDLE
@click.option("--representatives", default=240, show_default=True, type=click.IntRange(20), help="training photographs")
@click.option("--seed", default=8, show_default=True)
def quantise(run: Path, bundle: Path, representatives: int, seed: int) -> None:
    """Make the full-INT8 .tflite and its bundle.

    \b
    Example:
      dermkiosk-train quantise --run runs/first --bundle models/skin8-inceptionv3
    """
    from training.quantise import quantise as convert

    with _said_plainly():
        _print_figures(convert(run, bundle, representatives, seed))


@main.command()
@RUN
@BUNDLE
def calibrate(run: Path, bundle: Path) -> None:
    """Fit temperature, conformal sets and thresholds on the INT8 file and the validation photographs.

    \b
    Example:
      dermkiosk-train calibrate --run runs/first --bundle models/skin8-inceptionv3
    """
    from training.calibrate import calibrate as fit

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
def evaluate(run: Path, bundle: Path, split: Any) -> None:
    """Judge float and INT8 side by side; writes evaluation/ and MODEL_CARD.md into the bundle.

    \b
    Example:
      dermkiosk-train evaluate --run runs/first --bundle models/skin8-inceptionv3
    """
    from training.evaluate import evaluate as judge

    with _said_plainly():
        report = judge(run, bundle, split)
    click.echo(f"{'figure':<22}{'float':>8}{'INT8':>8}   95 % interval of INT8")
    for name, values in report["figures"].items():
        low, high = values["int8_95"]
        click.echo(f"{name:<22}{values['float']:>8.3f}{values['int8']:>8.3f}   {low:.3f} to {high:.3f}")


@main.command()
@RUN
def gate(run: Path) -> None:
    """Print what the gate's checks refuse of training and validation photographs, sharp and blurred.

    \b
    Example:
      dermkiosk-train gate --run runs/first
    """
    from training.gate_limits import table

    with _said_plainly():
        click.echo(table(run))


def _print_figures(figures: dict[str, float]) -> None:
    for name, value in figures.items():
        click.echo(f"{name:<24}{value:.4g}")


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Wrong folders and files as one sentence and exit status 1, not as a traceback."""
    try:
        yield
    except (FileNotFoundError, ValueError, DermkioskError) as wrong:
        raise click.ClickException(str(wrong)) from wrong
