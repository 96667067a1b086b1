"""A photograph that the gate refused: what its page shows, and when it may be answered all the same."""

from typing import Final

from appliance.cases.store import Case, Document
from appliance.errors import PhotoLost
from appliance.vision import marks
from appliance.vision.hints import Hint
from appliance.vision.quality.gate import CHECKS
from appliance.web.result_view import ResultView
from appliance.web.services import Services

GATE: Final = frozenset(module.ID for module in CHECKS)
PATIENCE: Final = 2
"""After so many refused photographs of a spot one may go on with a reservation, or refer."""


DRAWN: Final[dict[Hint, str]] = {
    "dark": "exposure_dark",
    "glare": "exposure_bright",
    "no_skin": "not_skin",
    "far": "too_small",
    "still": "motion",
    "blurred": "focus",
    "ready": "ready",
}
"""The drawing of each hint of the live view: the same as of the refusal it prevents."""


def refused(document: Document | None) -> bool:
    """Whether the gate refused the photograph, which then may be answered with a reservation."""
    if document is None or document["outcome"] != "cannot_assess":
        return False
    return any(not check["ok"] and check["id"] in GATE for check in document["quality"]["checks"])


def offered(case: Case, document: Document | None) -> bool:
    """Whether retaking has been tried often enough to offer something else."""
    return refused(document) and case.refused_before + 1 >= PATIENCE


def marked(services: Services, case: Case, view: ResultView) -> bool:
    """Whether the fault can be shown on the photograph."""
    if view.outcome != "cannot_assess" or not view.reasons:
        return False
    try:
        return marks.has_mark(services.store.photo(case), view.reasons[0])
    except PhotoLost:
        return False
