"""PAD-UFES-20 (Pacheco et al. 2020, doi 10.17632/zr7vgbcyr2.1): metadata.csv beside its image folders.

Columns, values and folders as in a copy of the file: github.com/Med-AI-Lab/polygon,
polygon/data/PadUfes20/metadata.csv. What a label rests on: the data set's page,
data.mendeley.com/datasets/zr7vgbcyr2 (BCC, SCC and MEL all by biopsy, the rest partly, else by consensus; Bowen's
disease is filed under SCC).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from training.curation.collections.record import Options, Record, file_of, read_table
from training.errors import StepRefused

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
"""Diagnostic → label and condition. BOD, Bowen's disease, is named by the data set but written SCC in its file."""
FOLDERS: Final = ("images", "imgs_part_1", "imgs_part_2", "imgs_part_3", *(f"images/imgs_part_{n}" for n in (1, 2, 3)))


def read(path: Path, options: Options) -> Iterator[Record]:
    """``path`` is metadata.csv. Raises ``StepRefused`` for a diagnostic that the data set does not have."""
    for row in read_table(path, NEEDS).to_dict("records"):
        cells = {str(name): str(value) for name, value in row.items()}
        if cells["diagnostic"] not in LABELS:
            raise StepRefused(f"{path}: diagnostic {cells['diagnostic']!r} is none of {', '.join(LABELS)}")
        label, condition = LABELS[cells["diagnostic"]]
        proven = cells["biopsed"].lower() == "true"
        yield Record(
            image=file_of(path.parent, cells["img_id"], FOLDERS),
            label=label,
            condition=condition,
            group=cells["patient_id"],
            source=options.source or "pad_ufes_20",
            label_by=options.label_by,
            label_when=options.label_when,
            label_evidence="pathology" if proven else "consensus",
            more={
                "source_id": cells["img_id"].rsplit(".", 1)[0],
                "licence": "CC BY 4.0",
                "fitzpatrick": cells["fitspatrick"].removesuffix(".0"),
                "body_site": cells["region"].lower(),
                "biopsied": "yes" if proven else "no",
            },
        )
