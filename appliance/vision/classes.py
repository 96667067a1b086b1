"""The eight conditions, in the order of the network's channels."""

from typing import Final, Literal

ClassId = Literal[
    "lichen_planus",
    "lupus_erythematosus",
    "basal_cell_carcinoma",
    "squamous_cell_carcinoma",
    "normal_skin",
    "pemphigus",
    "psoriasis",
    "seborrheic_keratosis",
]

CLASSES: Final[tuple[ClassId, ...]] = (
    "lichen_planus",
    "lupus_erythematosus",
    "basal_cell_carcinoma",
    "squamous_cell_carcinoma",
    "normal_skin",
    "pemphigus",
    "psoriasis",
    "seborrheic_keratosis",
)
MALIGNANT: Final[frozenset[ClassId]] = frozenset({"basal_cell_carcinoma", "squamous_cell_carcinoma"})
URGENT: Final[frozenset[ClassId]] = frozenset({"pemphigus"})
