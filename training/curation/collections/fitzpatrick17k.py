"""Fitzpatrick17k (Groh et al. 2021, arXiv 2104.09957): fitzpatrick17k.csv, pictures named by their MD5.

Columns and addresses as in the file itself: github.com/mattgroh/fitzpatrick17k, fitzpatrick17k.csv. Of the values of
``qc``, "1 Diagnostic" was seen there and "3 Wrongly labelled" in several public programs that read it; the others they
name ("2 Characteristic", "4 Other", "5 Potentially") change nothing here. The folder data/finalfitz17k is what its
authors' archive unpacks to, by the same programs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from training.curation.collections.record import Options, Record, file_of, read_table, spelled

NEEDS: Final = frozenset({"md5hash", "fitzpatrick_scale", "label", "url", "qc"})
FOLDERS: Final = ("images", "data/finalfitz17k", "finalfitz17k", "")
WRONG: Final = ("3 Wrongly labelled",)
"""What reviewing dermatologists marked of the few hundred pictures they looked at (column qc)."""
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
            # The atlas and a reviewing dermatologist agree, and that is what a consensus is.
            label_evidence="consensus" if row["qc"].startswith("1") else "atlas",
            more={
                "source_id": row["md5hash"],
                "licence": "research only (annotations CC BY-NC-SA)",
                "fitzpatrick": _tone(row["fitzpatrick_scale"]),
            },
        )


def _source(url: str) -> str:
    host = urlsplit(url).netloc
    return next((name for word, name in ATLASES.items() if word in host), "fitzpatrick17k")


def _tone(told: str) -> str:
    """Types 1 to 6; the file writes −1 where nobody could say."""
    return "" if told.startswith("-") else told.removesuffix(".0")
