"""What a bundle's card says of its photographs that cannot be counted: licences, evidence, where the weights come from.

Read from a TOML file that a person wrote, see training/skin8-about.toml, and kept in the bundle's provenance.
"""

import tomllib
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.vision.assessment import Evidence
from appliance.vision.bundle import Card
from appliance.vision.classes import CLASSES, ClassId
from training.errors import StepRefused

KEY: Final = "about"
"""Its place in the provenance of bundle.json."""


class About(BaseModel):
    """Sentences and judgements by hand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    """What the collection is called."""
    configuration: str
    """The file that ``dermkiosk-train all`` makes the bundle by."""
    licence: str
    """Of the bundle."""
    starting_weights: str
    """What they had learned from before."""
    groups: str
    """What a group of photographs is, after "A group is"."""
    evidence: dict[ClassId, Evidence]
    sources: dict[str, str]
    """Licence of each source."""

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises ``StepRefused`` naming what is missing, unknown or not one of the words there are."""
        try:
            about = cls.model_validate(tomllib.loads(file.read_text()))
        except FileNotFoundError as wrong:
            raise StepRefused(
                f"there is no {file}, which 'about' names: write it as training/skin8-about.toml is"
            ) from wrong
        except tomllib.TOMLDecodeError as wrong:
            raise StepRefused(f"{file}: {wrong}") from wrong
        except ValidationError as wrong:
            found = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in wrong.errors()]
            raise StepRefused(f"{file}: {'; '.join(found)} (see training/skin8-about.toml)") from wrong
        if unjudged := set(CLASSES) - set(about.evidence):
            raise StepRefused(f"{file} says nothing of the evidence of {', '.join(sorted(unjudged))}")
        return about

    @classmethod
    def of(cls, card: Card) -> Self:
        """As a bundle keeps it. Raises ``StepRefused`` for one from before it was kept."""
        if KEY not in card.provenance:
            raise StepRefused(f"the bundle {card.name} does not say what its photographs are: quantise it again")
        return cls.model_validate(card.provenance[KEY])
