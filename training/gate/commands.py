"""dermkiosk-train gate."""

from pathlib import Path

import click

from training.errors import StepRefused
from training.plainly import said_plainly

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--bundle", required=True, type=FOLDER, help="folder of the model bundle")
@click.option("--data", required=True, type=FILE, help="manifest or split: groups and sources of the photographs")
@click.option("--images", type=FILE, help="manifest in the folder the image paths are relative to, if not --data")
@click.option("--labels", type=FILE, help="labels of quality, see below  [default: quality.csv beside --data]")
@click.option("--originals", type=FOLDER, help="folder of the photographs that were curated, where --data has crops")
@click.option("--keep-limits-of", "keep_of", type=FOLDER, help="do not fit: keep the limits of this bundle")
@click.option("--cache", type=FOLDER, help="folder to keep the measures in, to fit again")
def gate(
    bundle: Path,
    data: Path,
    images: Path | None,
    labels: Path | None,
    originals: Path | None,
    keep_of: Path | None,
    cache: Path | None,
) -> None:
    """Fit the photograph checks on labels of quality and rendered faults, and put their limits into the bundle.

    The last step but evaluation: after quantise and calibrate, whose outputs it leaves as they are. The labels are a
    CSV: image, and 0 or 1 for residue, too_small, hair, exudate; perhaps blurred, exposure, uncertain. Label Studio
    makes one: labels export --quality, then labels quality. Who has none may keep the limits of the bundle that
    training started from; the bundle and its card then say that they were not fitted.

    \b
    Examples:
      dermkiosk-train gate --bundle models/skin8-inceptionv3 --data photos/manifest.csv
      dermkiosk-train gate --bundle models/ours --data curated/split.csv --labels quality.csv
      dermkiosk-train gate --bundle models/ours --data curated/split.csv --keep-limits-of models/skin8-inceptionv3
    """
    from training.dataset import Photographs, read_manifest
    from training.gate import kept, limits
    from training.gate.labels import read

    with said_plainly():
        if keep_of is None:
            labelled = read(data, labels, images, originals)
            click.echo(labelled.said())
            click.echo(limits.said(limits.fit_gate(bundle, labelled, cache)))
            return
        if labels is not None:
            raise StepRefused("either --labels, to fit, or --keep-limits-of, not to")
        photographs = Photographs((images or data).parent, read_manifest(data).rows)
        click.echo(kept.said(kept.keep_limits(bundle, keep_of, photographs)))
