"""dermkiosk-train quantise-compare, quantise-sensitive and calibrate-compare: what could be done otherwise."""

from pathlib import Path

import click

from training.plainly import said_plainly

RUN = click.option(
    "--run",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="folder of a finished run",
)
BUNDLE = click.option(
    "--bundle", required=True, type=click.Path(file_okay=False, path_type=Path), help="folder of the model bundle"
)


@click.command(name="quantise-compare")
@RUN
@click.option("--representatives", default=240, show_default=True, type=click.IntRange(20))
@click.option("--also", default=60, show_default=True, type=click.IntRange(20), help="a second try with this many")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="CSV of the table")
def quantise_compare(run: Path, representatives: int, also: int, out: Path | None) -> None:
    """Compare the converters: parity with the float network on validation photographs, and latency.

    \b
    Example:
      dermkiosk-train quantise-compare --run runs/first
    """
    from training.quantisation.ways import compare_ways, trials

    with said_plainly():
        table = compare_ways(run, trials(representatives, also), say=click.echo)
        if out is not None:
            table.to_csv(out, index=False)
        click.echo(table.round(4).T.to_string(header=False))


@click.command(name="quantise-sensitive")
@RUN
@click.option("--representatives", default=240, show_default=True, type=click.IntRange(20))
@click.option("--worst", default=10, show_default=True, type=click.IntRange(1), help="operations to show")
@click.option("--answer", is_flag=True, help="instead: one block at a time in float, judged by the answers")
def quantise_sensitive(run: Path, representatives: int, worst: int, answer: bool) -> None:
    """Show which operations INT8 hurts most, in steps of their own output; 0.29 is rounding and nothing else.

    With --answer, show what the rounding of each block of the network does to the answer.

    \b
    Example:
      dermkiosk-train quantise-sensitive --run runs/first
      dermkiosk-train quantise-sensitive --run runs/first --answer
    """
    from training.quantisation.sensitive import by_block, sensitive

    with said_plainly():
        if answer:
            table = by_block(run, representatives, say=lambda block: click.echo(f"in float: {block}", err=True))
        else:
            table = sensitive(run, representatives).head(worst)
        click.echo(table.round(3).to_string(index=False))


@click.command(name="calibrate-compare")
@RUN
@BUNDLE
@click.option(
    "--folds",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="folder of crossvalidate --recipe: its out-of-fold answers may give a temperature, too",
)
def calibrate_compare(run: Path, bundle: Path, folds: Path | None) -> None:
    """Compare ways to calibrate on the validation photographs, each judged on groups it was not fitted on.

    \b
    Example:
      dermkiosk-train calibrate-compare --run runs/first --bundle models/skin8-inceptionv3 --folds runs/cv
    """
    from training.calibration.ways import compare_calibrations

    with said_plainly():
        click.echo(compare_calibrations(run, bundle, folds).round(4).to_string(index=False))


COMMANDS = (quantise_compare, quantise_sensitive, calibrate_compare)
