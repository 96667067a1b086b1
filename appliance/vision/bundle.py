"""A model bundle: one folder with the network and everything that must be known to trust its answer."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from appliance.errors import BundleAltered, BundleInvalid, BundleMissing
from appliance.vision.assessment import Evidence
from appliance.vision.classes import CLASSES, ClassId
from appliance.vision.part import Part
from appliance.vision.photo import Pixels, decode
from appliance.vision.skin_tone import TYPES, Tone, Types

FILE: Final = "bundle.json"


class ClassCard(Part):
    """One of the eight, with how much evidence stands behind it."""

    id: ClassId
    zh: str
    en: str
    group: str
    evidence: Evidence


class InputCard(Part):
    """What the network is fed."""

    side_px: Literal[299]
    scaling: Literal["x/255"]


class OutputsCard(Part):
    """Names in the signature. ``outlier`` is the logit of "none of the eight"."""

    logits: str
    class_maps: str
    outlier: str


class Conformal(Part):
    """Largest 1 − probability with which a class is still in the prediction set."""

    level: float = Field(gt=0, lt=1)
    thresholds: dict[ClassId, float]
    pooled: tuple[ClassId, ...]
    """Classes with too few validation photographs for a threshold of their own: no guarantee for them."""

    @field_validator("thresholds")
    @classmethod
    def _one_for_each_class(cls, thresholds: dict[ClassId, float]) -> dict[ClassId, float]:
        missing = set(CLASSES) - set(thresholds)
        if missing:
            raise ValueError(f"no threshold for {sorted(missing)}")
        return thresholds


class NoneOfThese(Part):
    """How unlike the eight a photograph is: sigmoid(bias + Σ weight · signal), and from where on that is said.

    The signals are those of :func:`appliance.vision.calibration.unlikeness`; one that is not used has weight 0.
    """

    method: Literal["outlier", "energy", "max_logit", "combined"]
    outlier: float
    energy: float
    max_logit: float
    bias: float
    threshold: float = Field(ge=0, le=1)
    """Above it the outcome is ``none_of_these``."""
    refer_threshold: float = Field(ge=0, le=1)
    """Above it a photograph is in doubt, and nothing is graded low. Not above ``threshold``."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.refer_threshold > self.threshold:
            raise ValueError("refer_threshold is above threshold")
        return self


class Calibration(Part):
    """Fitted on the INT8 outputs of validation photographs."""

    temperature: float = Field(gt=0)
    conformal: Conformal
    none_of_these: NoneOfThese
    malignancy_threshold: float = Field(ge=0, le=1)
    """Summed probability of the malignant classes from which on the grade is at least refer."""
    psoriasis_threshold: float = Field(ge=0, le=1)
    """Probability from which on a photograph counts as psoriasis, also where another class is likelier."""
    fitted_on: str


class Golden(Part):
    """A picture drawn by the training code, and what the shipped file says of it. Tolerances in the outputs' units."""

    file: str
    logits: tuple[float, ...] = Field(min_length=len(CLASSES), max_length=len(CLASSES))
    logits_tolerance: float = Field(gt=0)
    outlier: float
    outlier_tolerance: float = Field(gt=0)


class SkinTones(Part):
    """Training photographs by skin tone: as their sources state it, and as it was measured in whatever light."""

    stated: dict[Types, int]
    """By Fitzpatrick types."""
    unstated: int
    """Photographs whose source states no type."""
    measured: dict[Tone, int]
    """By group of the Individual Typology Angle."""

    def like(self, tone: Tone) -> int | None:
        """How many are stated to be of skin like this; ``None`` where no source states any type."""
        return self.stated.get(TYPES[tone], 0) if any(self.stated.values()) else None

    def fewest(self) -> int | None:
        """The same of the tone of which there are fewest: for skin whose tone the light does not tell."""
        counts = [self.like(tone) for tone in TYPES]
        return min((count for count in counts if count is not None), default=None)


class Card(Part):
    """bundle.json."""

    format: Literal["dermkiosk.bundle/1"] = Field(alias="schema")
    name: str
    model: str
    signature: str
    classes: tuple[ClassCard, ...]
    input: InputCard
    outputs: OutputsCard
    golden: Golden
    calibration: Calibration | None
    parity: dict[str, float]
    skin_tones: SkinTones | None = None
    """None where nobody counted them."""
    provenance: dict[str, object]
    licence: str
    sha256: dict[str, str]

    def evidence(self, class_id: ClassId) -> Evidence:
        """How much evidence stands behind a class."""
        return next(card.evidence for card in self.classes if card.id == class_id)


@dataclass(frozen=True)
class Bundle:
    """A bundle whose every file has the hash that bundle.json states."""

    card: Card
    model: bytes
    golden: Pixels

    @property
    def model_sha256(self) -> str:
        """Hash of the network's file."""
        return self.card.sha256[self.card.model]


def load(folder: Path) -> Bundle:
    """Read and verify a bundle. Raises :class:`BundleMissing`, :class:`BundleInvalid` or :class:`BundleAltered`."""
    card = read_card(folder)
    contents = {name: _verified(folder, name, digest) for name, digest in card.sha256.items()}
    for needed in (card.model, card.golden.file):
        if needed not in contents:
            raise BundleInvalid(f"{FILE} states no hash for {needed}", problem=needed)
    return Bundle(card, contents[card.model], decode(contents[card.golden.file]))


def read_card(folder: Path) -> Card:
    """bundle.json alone, checked for form and for the order of the classes."""
    try:
        card = Card.model_validate(json.loads((folder / FILE).read_bytes()))
    except FileNotFoundError as missing:
        raise BundleMissing(str(folder), folder=folder) from missing
    except (OSError, ValueError) as unreadable:  # JSON and pydantic errors are ValueErrors
        raise BundleInvalid(str(unreadable), problem=f"{FILE}: {_first_line(unreadable)}") from unreadable
    if tuple(entry.id for entry in card.classes) != CLASSES:
        raise BundleInvalid("classes differ from the eight, or in their order", problem="classes")
    return card


def _verified(folder: Path, name: str, digest: str) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as unreadable:
        raise BundleAltered(str(unreadable), file=name) from unreadable
    if hashlib.sha256(content).hexdigest() != digest:
        raise BundleAltered(f"{folder / name} has another hash than {FILE} states", file=name)
    return content


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).splitlines()[0]
