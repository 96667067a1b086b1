"""dermkiosk-train curate, split and labels."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from training.errors import StepRefused
from training.plainly import said_plainly

if TYPE_CHECKING:
    import pandas as pd

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
READER = click.option(
    "--reader", "readers", multiple=True, metavar="NUMBER=NAME", help="who a reader of the export is; repeatable"
)
EVIDENCE = click.Choice(["pathology", "consensus", "record", "atlas"])
COLLECTIONS = click.Choice(["skin8", "folders", "csv", "pad_ufes_20", "fitzpatrick17k", "scin"])


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path), help="CSV, or folder of folders")
@click.option("--out", required=True, type=FOLDER, help="folder for manifest.csv, refused.csv and report.html")
@click.option("--collection", type=COLLECTIONS, default=None, help="what --data is; recognised where not given")
@click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS", help="name of a CSV's column; repeatable")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="THEIRS=OURS",
    help="which of the eight a condition is, or other; '*=other': all that are not named; repeatable",
)
@click.option("--source", default="", help="name of the source, where the collection does not say")
@click.option("--label-by", default="", help="who labelled, where the collection does not say")
@click.option("--label-when", default="", help="when, where the collection does not say")
@click.option("--label-evidence", type=EVIDENCE, help="on what evidence, where the collection does not say")
@click.option("--crop/--no-crop", default=True, show_default=True, help="crop to the lesion's box, where there is one")
@click.option("--margin", default=0.25, show_default=True, type=click.FloatRange(0), help="of its longer side")
@click.option("--drop", multiple=True, metavar="REASON", help="drop what is only flagged, e.g. hair; repeatable")
@click.option("--keep", multiple=True, metavar="REASON", help="flag what is dropped, e.g. conflict; repeatable")
@click.option(
    "--bundle",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="model whose photograph checks are asked  [default: the one that ships]",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="processes")
def curate(
    data: Path,
    out: Path,
    collection: str | None,
    columns: tuple[str, ...],
    labels: tuple[str, ...],
    crop: bool,
    margin: float,
    drop: tuple[str, ...],
    keep: tuple[str, ...],
    bundle: Path | None,
    workers: int,
    **said: str,
) -> None:
    """Read any collection; drop or flag with a reason; write a manifest and a report to look at.

    \b
    Examples:
      dermkiosk-train curate --data skin8/manifest.csv --no-crop --out curated
      dermkiosk-train curate --data photographs/ --label-evidence record --out curated --workers 16
      dermkiosk-train curate --data photographs/ --label "SCC=squamous_cell_carcinoma" --label "*=other" --out curated
      dermkiosk-train curate --data cases.csv --column group=mrn --column label=icd --drop hair --out curated
    """
    from training.curation.collections.record import Options
    from training.curation.curate import SHIPPED, Wishes
    from training.curation.curate import curate as curate_it

    with said_plainly():
        options = Options(columns=pairs("--column", columns, "group=patient_id"), **said)  # type: ignore[arg-type]  # click has checked the choice
        wishes = Wishes(
            collection or "",
            options,
            pairs("--label", labels, "SCC=squamous_cell_carcinoma"),
            crop=crop,
            margin=margin,
            drop=drop,
            keep=keep,
            bundle=bundle or SHIPPED,
            workers=workers,
        )
        for line in curate_it(data, out, wishes).lines(out):
            click.echo(line)


@click.command()
@click.option("--data", required=True, type=FILE, help="manifest.csv, best of 'curate'")
@click.option("--out", required=True, type=NEW_FILE, help="CSV to write: the manifest with columns split and fold")
@click.option("--seed", default=8, show_default=True)
@click.option("--keep", type=FILE, help="an earlier split: what it held back stays held back")
@click.option(
    "--test-share",
    default=0.125,
    show_default=True,
    type=click.FloatRange(0.01, 0.34),
    help="for test, and as much for validation; rounded to one part of a whole number",
)
@click.option("--train-only", multiple=True, help="source that is trained on and judges nothing; repeatable")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="processes")
def split(
    data: Path, out: Path, seed: int, keep: Path | None, test_share: float, train_only: tuple[str, ...], workers: int
) -> None:
    """Assign train, validation, test and five folds; no group and no near-duplicates on both sides.

    \b
    Example:
      dermkiosk-train split --data curated/manifest.csv --out curated/split.csv --keep last-year/split.csv
    """
    from training.curation.split import SPLITS, read_earlier, split_file, stayed

    with said_plainly():
        earlier = read_earlier(keep)
        rows = split_file(
            data, out, seed=seed, earlier=earlier, test_share=test_share, train_only=train_only, workers=workers
        )
        kept, moved = stayed(rows, earlier) if earlier is not None else ({}, 0)
    if keep is not None:
        had = ", ".join(f"{name} {count}" for name, count in kept.items())
        click.echo(f"Kept as in {keep}: {had}; new: {len(rows) - sum(kept.values()) - moved}")
    if moved:
        click.echo(f"Moved, as they now belong together with others or to a train-only source: {moved}")
    for name in SPLITS:
        part = rows[rows["split"] == name]
        click.echo(f"{name:<12}{len(part):>8} photographs{part['group'].nunique():>8} groups")
    if empty := [name for name in SPLITS if not (rows["split"] == name).any()]:
        click.echo(f"Nothing is left for {' and '.join(empty)}: too few groups that belong to no other.", err=True)


@click.group()
def labels() -> None:
    """The dermatologists' work, to Label Studio and back.

    \b
    Example, in this order:
      dermkiosk-train labels export    --data curated/manifest.csv --out tasks.json
      dermkiosk-train labels agreement --answers export.json
      dermkiosk-train labels import    --data curated/manifest.csv --answers export.json \\
          --out curated/labelled.csv --adjudicate adjudicate.csv
    and after the readers have talked, those alone:
      dermkiosk-train labels export    --data curated/manifest.csv --only adjudicate.csv --out again.json
      dermkiosk-train labels import    --data curated/manifest.csv --answers export.json --settled talked.json \\
          --out curated/labelled.csv --adjudicate adjudicate.csv
    """


@labels.command(name="export")
@click.option("--data", required=True, type=FILE, help="manifest.csv")
@click.option("--out", required=True, type=NEW_FILE, help="JSON to import into Label Studio")
@click.option("--prefix", default=None, help="before each path: where Label Studio finds the photographs")
@click.option("--show-labels", is_flag=True, help="give the label there is as a prediction to correct")
@click.option("--only", type=FILE, help="CSV with a column image: export these alone, e.g. those to adjudicate")
@click.option("--quality", is_flag=True, help="ask what is wrong with the photograph, not what it shows: for gate")
def export_tasks(
    data: Path, out: Path, prefix: str | None, show_labels: bool, only: Path | None, quality: bool
) -> None:
    """Write tasks for Label Studio and print its labelling configuration.

    \b
    Examples, for the diagnosis, and for the photograph checks:
      dermkiosk-train labels export --data curated/manifest.csv --out tasks.json > labelling.xml
      dermkiosk-train labels export --data curated/manifest.csv --quality --out quality.json > quality.xml
    """
    from training.curation import quality_labels
    from training.curation.labels import LOCAL, config, tasks

    with said_plainly():
        rows = _table(data, "image", "label")
        chosen = rows[rows["image"].isin(_table(only, "image")["image"])] if only else rows
        told = tasks(chosen, LOCAL if prefix is None else prefix, show_labels=show_labels)
        out.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        click.echo(quality_labels.config() if quality else config(sorted(set(rows["label"]))), nl=False)


@labels.command(name="agreement")
@click.option("--answers", required=True, type=FILE, help="Label Studio's export as JSON")
@READER
def print_agreement(answers: Path, readers: tuple[str, ...]) -> None:
    """Print Cohen's kappa of each two readers, and Fleiss' kappa of all.

    \b
    Example:
      dermkiosk-train labels agreement --answers export.json
    """
    from training.curation.labels import agreement, named, read_annotations, read_export

    with said_plainly():
        (said,) = named([read_annotations(read_export(answers))], pairs("--reader", readers, "1=Dr. Li"))
        found = agreement(said)
    if not found.photographs:
        there = ", ".join(sorted(set(said["label_by"]))) or "none"
        click.echo(f"No photograph was read by two. Readers: {there}")
        return
    for (one, other), (kappa, count) in found.cohen.items():
        click.echo(f"Cohen   {kappa:6.3f}  {count:>6} photographs  {one} and {other}")
    click.echo(f"Fleiss  {found.fleiss:6.3f}  {found.photographs:>6} photographs  all readers")


@labels.command(name="import")
@click.option("--data", required=True, type=FILE, help="the manifest that was exported")
@click.option("--answers", required=True, type=FILE, help="Label Studio's export as JSON")
@click.option("--out", required=True, type=NEW_FILE, help="manifest to write: who labelled, when, on what")
@click.option("--adjudicate", required=True, type=NEW_FILE, help="CSV to write: photographs to talk about")
@click.option("--settled", type=FILE, help="export of those that were talked about: its answers overrule the others")
@READER
def import_answers(
    data: Path, answers: Path, out: Path, adjudicate: Path, settled: Path | None, readers: tuple[str, ...]
) -> None:
    """Take the readers' labels into the manifest, and list what they must talk about.

    \b
    Example:
      dermkiosk-train labels import --data curated/manifest.csv --answers export.json \\
          --reader "1=Dr. Li" --reader "2=Dr. Wang" --out curated/labelled.csv --adjudicate adjudicate.csv
    """
    from training.curation.labels import merge, named, read_annotations, read_export

    with said_plainly():
        files = [answers] if settled is None else [answers, settled]
        tables = [read_annotations(read_export(file)) for file in files]
        said, *talked = named(tables, pairs("--reader", readers, "1=Dr. Li"))
        before = _table(data, "image", "label")
        rows, disputes = merge(before, said, talked[0] if talked else None)
        rows.to_csv(out, index=False)
        disputes.to_csv(adjudicate, index=False)
    changed = int((rows["label"] != before["label"]).sum())
    click.echo(f"{said['image'].nunique()} photographs read, {changed} labels changed, {len(disputes)} to adjudicate")


@labels.command(name="quality")
@click.option("--answers", required=True, type=FILE, help="Label Studio's export as JSON of the --quality tasks")
@click.option("--out", required=True, type=NEW_FILE, help="CSV to write: quality.csv, for gate --labels")
def quality(answers: Path, out: Path) -> None:
    """Take the readers' words on photograph quality into a CSV that gate is fitted on.

    \b
    Example:
      dermkiosk-train labels quality --answers export.json --out quality.csv
    """
    from training.curation.labels import read_export
    from training.curation.quality_labels import ASKED, read_quality

    with said_plainly():
        table = read_quality(read_export(answers))
        table.to_csv(out, index=False)
    counts = ", ".join(f"{name} {int(table[name].sum())}" for name in ASKED if name in table)
    click.echo(f"{len(table)} photographs: {counts}")


COMMANDS = (curate, split, labels)


def pairs(option: str, said: tuple[str, ...], example: str) -> dict[str, str]:
    """What stands left and right of the ``=`` of an option that may be repeated, each left side once."""
    parts = [one.partition("=") for one in said]
    if wrong := [one for one, (_, equals, _) in zip(said, parts, strict=True) if not equals]:
        raise StepRefused(f"{option} {wrong[0]}: there is no '=' in it; for example {example}")
    told: dict[str, str] = {}
    for left, _, right in parts:
        if told.setdefault(left, right) != right:
            raise StepRefused(f"{option} {left} is given as {told[left]} and as {right}: which is it?")
    return told


def _table(path: Path, *needed: str) -> "pd.DataFrame":
    """A CSV as text. Raises ``StepRefused`` where a column is missing."""
    from training.tables import read_texts

    rows = read_texts(path)
    if missing := [name for name in needed if name not in rows]:
        raise StepRefused(f"{path} has no column {', '.join(missing)}; it has {', '.join(rows.columns)}")
    return rows
