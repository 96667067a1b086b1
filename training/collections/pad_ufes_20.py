"""PAD-UFES-20 (Pacheco et al. 2020, doi 10.17632/zr7vgbcyr2.1): metadata.csv beside its image folders."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from training.collections.record import Options, Record, file_of, read_table

NEEDS: Final = frozenset({"patient_id", "lesion_id", "diagnostic", "img_id", "biopsed", "fitspatrick", "region"})
"""As the file spells them."""
LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "BCC": ("basal_cell_carcinoma", "basal_cell_carcinoma"),
    "SCC": ("squamous_cell_carcinoma", "squamous_cell_carcinoma"),
    "BOD": ("squamous_cell_carcinoma", "bowen_disease"),
    "SEK": ("seborrheic_keratosis", "seborrheic_keratosis"),
    "ACK": ("other", "actinic_keratosis"),
    "MEL": ("other", "melanoma"),
    "NEV": ("other", "melanocytic_naevus"),
}
"""Diagnostic → label and condition. Bowen's disease is squamous cell carcinoma in situ."""
FOLDERS: Final = ("images", "imgs_part_1", "imgs_part_2", "imgs_part_3", *(f"images/imgs_part_{n}" for n in (1, 2, 3)))


def read(path: Path, options: Options) -> Iterator[Record]:
    """``path`` is metadata.csv."""
    for row in read_table(path, NEEDS).to_dict("records"):
        cells = {str(name): str(value) for name, value in row.items()}
        label, condition = LABELS.get(cells["diagnostic"], ("other", cells["diagnostic"]))
        yield Record(
            image=file_of(path.parent, cells["img_id"], FOLDERS),
            label=label,
            condition=condition,
            group=cells["patient_id"],
            source=options.source or "pad_ufes_20",
            label_by=options.label_by,
            label_when=options.label_when,
            label_evidence="pathology" if cells["biopsed"].lower() == "true" else "consensus",
            more={
                "source_id": cells["img_id"].rsplit(".", 1)[0],
                "licence": "CC BY 4.0",
                "fitzpatrick": cells["fitspatrick"].removesuffix(".0"),
                "body_site": cells["region"].lower(),
                "biopsied": "yes" if cells["biopsed"].lower() == "true" else "no",
            },
        )
