"""A folder per class: the folder's name is the label."""

from collections.abc import Iterator
from pathlib import Path

from training.curation.collections.record import Options, Record, spelled
from training.errors import StepRefused


def read(path: Path, options: Options) -> Iterator[Record]:
    """``path`` holds the class folders; a folder inside one of them is a group, usually a patient."""
    classes = sorted(folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    if not classes:
        raise StepRefused(f"{path} holds no folders; a folder per class is expected")
    for folder in classes:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.name.startswith("."):
                yield _record(path, folder, file, options)


def _record(path: Path, folder: Path, file: Path, options: Options) -> Record:
    inside = file.relative_to(folder).parent.as_posix()
    return Record(
        image=file.relative_to(path).as_posix(),
        label=spelled(folder.name),
        condition=folder.name,
        group="" if inside == "." else inside,
        source=options.source or path.name,
        label_by=options.label_by,
        label_when=options.label_when,
        label_evidence=options.label_evidence,
    )
