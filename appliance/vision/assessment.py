"""What the vision part says of one photograph: plain data, no pixels but the class maps."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from appliance.vision.classes import ClassId

Outcome = Literal["findings", "none_of_these", "cannot_assess"]
Grade = Literal["low", "refer", "urgent"]
OperatingPoint = Literal["malignancy", "psoriasis"]
Evidence = Literal["moderate", "limited", "insufficient"]


@dataclass(frozen=True)
class Check:
    """One question of the quality gate. ``advice`` is a message key (``advice.<id>…``), also where ``ok``."""

    id: str
    ok: bool
    value: float
    limit: float
    advice: str


@dataclass(frozen=True)
class Quality:
    """The gate's verdict: accepted when every check is ok."""

    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        """True if no check objects."""
        return all(check.ok for check in self.checks)

    @property
    def reasons(self) -> tuple[Check, ...]:
        """The checks that object."""
        return tuple(check for check in self.checks if not check.ok)


@dataclass(frozen=True)
class Finding:
    """A class with its calibrated probability and how much evidence stands behind the class."""

    class_id: ClassId
    probability: float
    evidence: Evidence


@dataclass(frozen=True)
class Risk:
    """How soon somebody should look at it, and the rule that said so (message key ``rule.<rule>``)."""

    grade: Grade
    malignancy_probability: float
    rule: str


@dataclass(frozen=True)
class Seen:
    """What stands out in the view, and the skin around it."""

    lesion_share: float
    """Of the view's area; 0 where nothing stands out."""
    lesion_box: tuple[float, float, float, float] | None
    """Left, top, right, bottom, as shares of the view's side."""
    ita: float | None
    """Individual Typology Angle of the skin in degrees; none where no skin was found."""
    training_photographs: int | None = None
    """How many are known to be of skin like this; none where nobody counted."""
    fewest_photographs: int | None = None
    """The same of the tone of skin of which there are fewest: what applies where the light is unknown."""


@dataclass(frozen=True)
class Assessment:
    """The whole answer. Where the gate refused, there are no findings, no risk and no maps."""

    outcome: Outcome
    quality: Quality
    findings: tuple[Finding, ...] = ()
    """All eight, highest probability first."""
    none_of_these_score: float | None = None
    prediction_set: tuple[ClassId, ...] = ()
    risk: Risk | None = None
    class_maps: NDArray[np.float32] | None = None
    """8×8×classes, the share of each place in each class's logit."""
    above: tuple[OperatingPoint, ...] = ()
    """The operating points whose threshold the answer reaches."""
    timing_ms: dict[str, float] = field(default_factory=dict)
    seen: Seen | None = None
