"""What is wrong with a photograph, asked of readers by way of Label Studio: labels for ``dermkiosk-train gate``.

As :mod:`training.curation.labels`, but several choices may hold at once, and ``clear`` says that none of them does.
"""

from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import pandas as pd

from training.curation.labels import chosen_in, path_of, reader_of
from training.errors import StepRefused
from training.gate.samples import LABELS

FIELD: Final = "quality"
CLEAR: Final = "clear"
UNCERTAIN: Final = "uncertain"
ASKED: Final = {
    CLEAR: "nothing of what follows: can be judged",
    "residue": "cream, powder, dye or ink on or beside the lesion",
    "too_small": "the lesion is too small or unclear in the picture",
    "hair": "hair covers the lesion or much of the picture",
    "exudate": "wet, weeping or crusted",
    "blurred": "out of focus or moved",
    "exposure": "much too dark or too bright",
    UNCERTAIN: "hard to say",
}
"""Choice → what it means."""


def config() -> str:
    """Label Studio's labelling configuration: one photograph, one or several of :data:`ASKED`."""
    choices = "\n".join(f"    <Choice value={quoteattr(name)} hint={quoteattr(what)}/>" for name, what in ASKED.items())
    return (
        '<View>\n  <Image name="photo" value="$image" zoom="true"/>\n'
        f'  <Choices name="{FIELD}" toName="photo" choice="multiple" required="true">\n'
        f"{choices}\n  </Choices>\n</View>\n"
    )


def read_quality(exported: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row a photograph: image, and 0 or 1 for each label and ``uncertain``, of Label Studio's JSON export.

    A label holds where at least half of its readers say so; where they differ in one, or one is uncertain, the
    photograph is uncertain. Of several answers of one reader the last counts; skipped tasks say nothing. Raises
    ``StepRefused`` for ``clear`` beside a fault, for tasks that ``labels export`` did not write, and where nobody said
    anything of quality.
    """
    answers = [_answer(task, annotation) for task in exported for annotation in task.get("annotations", [])]
    said = [row for row in answers if row is not None]
    if not said:
        raise StepRefused(
            f"none of the {len(exported)} tasks has an answer about quality: are they of 'labels export --quality'?"
        )
    names = [*LABELS, UNCERTAIN]
    table = pd.DataFrame(said, columns=["image", "by", "when", *names])
    last = table.sort_values("when", kind="stable").drop_duplicates(["image", "by"], keep="last").groupby("image")
    share = last[names].mean()
    found = (share[list(LABELS)] >= 1 / 2).astype(int)
    differ = ((share[list(LABELS)] > 0) & (share[list(LABELS)] < 1)).any(axis=1)
    return found.assign(**{UNCERTAIN: (differ | (share[UNCERTAIN] > 0)).astype(int)}).reset_index()


def _answer(task: dict[str, Any], annotation: dict[str, Any]) -> dict[str, Any] | None:
    image, chosen = path_of(task), set(chosen_in(annotation, FIELD))
    if annotation.get("was_cancelled") or not chosen:
        return None
    if CLEAR in chosen and chosen & set(LABELS):
        raise StepRefused(f"{image} is called clear and {', '.join(sorted(chosen & set(LABELS)))}: which is it?")
    return {
        "image": image,
        "by": reader_of(annotation.get("completed_by", "")),
        "when": str(annotation.get("updated_at") or annotation.get("created_at") or ""),
        **{name: int(name in chosen) for name in (*LABELS, UNCERTAIN)},
    }
