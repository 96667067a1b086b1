"""Fitzpatrick17k (Groh et al. 2021): fitzpatrick17k.csv, pictures named by their MD5."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from training.collections.record import Options, Record, file_of, read_table, spelled

NEEDS: Final = frozenset({"md5hash", "fitzpatrick_scale", "label", "url", "qc"})
FOLDERS: Final = ("images", "data/finalfitz17k", "finalfitz17k", "")
WRONG: Final = ("3 Wrongly labelled",)
"""What two dermatologists marked of the 504 pictures they looked at (column qc)."""
ATLASES: Final = {"atlasdermatologico": "fitzpatrick17k_atlasderm", "dermaamin": "fitzpatrick17k_dermaamin"}


def read(path: Path, options: Options) -> Iterator[Record]:
    """``path`` is fitzpatrick17k.csv. A wrong label that its reviewers marked is left out."""
    for row in read_table(path, NEEDS).to_dict("records"):
        if row["qc"] in WRONG:
            continue
        yield Record(
            image=file_of(path.parent, f"{row['md5hash']}.jpg", FOLDERS),
            label=spelled(row["label"]),
            condition=row["label"],
            group="",
            source=options.source or _source(row["url"]),
            label_by=options.label_by,
            label_when=options.label_when,
            label_evidence="consensus" if row["qc"].startswith("1") else "atlas",
            more={
                "source_id": row["md5hash"],
                "licence": "research only (annotations CC BY-NC-SA)",
                "fitzpatrick": row["fitzpatrick_scale"].removesuffix(".0").replace("-1", ""),
            },
        )


def _source(url: str) -> str:
    host = urlsplit(url).netloc
    return next((name for word, name in ATLASES.items() if word in host), "fitzpatrick17k")
