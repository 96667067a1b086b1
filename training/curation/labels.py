"""The dermatologists' work: tasks for Label Studio, their answers back, how far they agree, what to talk about.

Label Studio's JSON: https://labelstud.io/guide/task_format. A task's ``data`` carries the photograph and its place in
the manifest; each annotator's answer comes back as one annotation with ``choices``.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from training.errors import StepRefused

FIELD: Final = "label"
"""Name of the choices in the labelling configuration."""
LOCAL: Final = "/data/local-files/?d="
"""How Label Studio addresses a file of a local storage."""
CONSENSUS: Final = 2
"""Readers who must agree, and none object, for a label to count as a consensus."""
COLUMNS: Final = ("image", "sha256", "label", "label_by", "label_when")


@dataclass(frozen=True)
class Agreement:
    """Inter-rater agreement: 1 perfect, 0 as chance would, below 0 worse."""

    cohen: dict[tuple[str, str], tuple[float, int]]
    """Cohen's kappa (1960) of each two readers, and of how many photographs both read."""
    fleiss: float
    """Fleiss' kappa (1971) over the photographs that several read; NaN where there are none."""
    photographs: int


def config(labels: Sequence[str]) -> str:
    """Label Studio's labelling configuration: one photograph, one choice of ``labels``."""
    choices = "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in labels)
    return (
        '<View>\n  <Image name="photo" value="$image" zoom="true"/>\n'
        f'  <Choices name="{FIELD}" toName="photo" choice="single-radio" required="true">\n'
        f"{choices}\n  </Choices>\n</View>\n"
    )


def tasks(rows: pd.DataFrame, prefix: str = LOCAL, *, show_labels: bool = False) -> list[dict[str, Any]]:
    """A task per photograph to import into Label Studio; ``prefix`` and the path make its address.

    Readers do not see the label there is, unless ``show_labels`` gives it as a prediction to correct.
    """
    return [_task(row, prefix, show_labels) for row in rows.to_dict("records")]


def read_annotations(exported: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row (image, sha256, label, label_by, label_when) per reader and photograph, of Label Studio's JSON export.

    Skipped tasks, withdrawn annotations and those without a choice are left out; of several of one reader for one
    photograph the last counts. Raises ``StepRefused`` where a task was not exported by ``labels export``.
    """
    rows = [_answer(task, annotation) for task in exported for annotation in task.get("annotations", [])]
    answers = pd.DataFrame([row for row in rows if row is not None], columns=list(COLUMNS))
    latest = answers.sort_values("label_when", kind="stable").drop_duplicates(["image", "label_by"], keep="last")
    return latest.sort_values(["image", "label_by"]).reset_index(drop=True)


def named(tables: Sequence[pd.DataFrame], names: Mapping[str, str]) -> list[pd.DataFrame]:
    """The answers with readers called by name; Label Studio's export often has a number alone.

    ``names``: what the export calls a reader → who that is. Raises ``StepRefused`` for one who answered nowhere.
    """
    there = {reader for table in tables for reader in table["label_by"]}
    if strangers := set(names) - there:
        raise StepRefused(f"no answer is by {_listed(strangers)}; the readers are {_listed(there)}")
    called = {reader: names.get(reader, _unnamed(reader)) for reader in there}
    if twice := {name for name, count in Counter(called.values()).items() if count > 1}:
        raise StepRefused(f"two readers would be called {_listed(twice)}: give each a name of their own by --reader")
    return [table.assign(label_by=table["label_by"].map(called)) for table in tables]


def _unnamed(reader: str) -> str:
    """A number is not a name: beside names it would be taken for a count."""
    return f"reader {reader}" if reader.isdecimal() else reader


def _listed(readers: Iterable[str]) -> str:
    return ", ".join(sorted(readers))


def agreement(answers: pd.DataFrame) -> Agreement:
    """Kappas of what several readers said."""
    table = answers.pivot(index="image", columns="label_by", values="label")
    pairs = {(str(a), str(b)): _cohen(table[a], table[b]) for a, b in combinations(table.columns, 2)}
    several = answers[answers.groupby("image")["label_by"].transform("size") > 1]
    counts = pd.crosstab(several["image"], several["label"]).to_numpy() if len(several) else np.zeros((0, 1), np.int64)
    return Agreement({pair: kappa for pair, kappa in pairs.items() if kappa[1]}, fleiss(counts), len(counts))


def fleiss(counts: NDArray[np.int64]) -> float:
    """Fleiss' kappa of N×C counts of readers per photograph and class; the number of readers may vary.

    Fleiss 1971, Measuring nominal scale agreement among many raters, eq. 2 to 7, each photograph's agreement by its own
    number of readers. NaN without photographs, 1 where all said the same of all.
    """
    if not len(counts):
        return float("nan")
    readers = counts.sum(axis=1)
    observed = float((((counts**2).sum(axis=1) - readers) / (readers * (readers - 1))).mean())
    chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return 1.0 if chance == 1 else (observed - chance) / (1 - chance)


def merge(
    rows: pd.DataFrame, answers: pd.DataFrame, settled: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest with the readers' labels, and the photographs to adjudicate.

    What all of at least two readers say is a consensus and becomes the label. What one reader says alone becomes the
    label of a photograph that rested on a record, an atlas or nothing. Pathology is never overruled: a reader who says
    otherwise brings the photograph to adjudication, as do readers who disagree; its label stays until then. What
    came of that talk is ``settled``, answers like the others: they overrule whoever said otherwise before, but not
    pathology. Raises ``StepRefused`` for a photograph that is not in the manifest.
    """
    if settled is not None:
        answers = _with_settled(answers, settled)
    rows, disputes = rows.copy(), []
    for name in ("label_by", "label_when", "label_evidence"):
        rows[name] = rows.get(name, "")
    position = {image: index for index, image in zip(rows.index, rows["image"], strict=True)}
    for image, said in answers.groupby("image"):
        if image not in position:
            raise StepRefused(f"{image} is not in the manifest; are these answers for another one?")
        row = rows.loc[position[image]]
        if why := _dispute(row, said):
            disputes.append({"image": image, "reason": why, "label": row["label"], **_told(said)})
        elif row["label_evidence"] != "pathology" and (row["label_evidence"] != "consensus" or len(said) >= CONSENSUS):
            rows.loc[position[image], list(_outcome(said))] = list(_outcome(said).values())
    disputes += _copies_apart(rows, {dispute["image"] for dispute in disputes})
    return rows, pd.DataFrame(disputes, columns=["image", "reason", "label", "readers", "votes"])


def _copies_apart(rows: pd.DataFrame, listed: set[str]) -> list[dict[str, str]]:
    """Near-duplicates whose labels differ: curation drops such pairs, and readers can make new ones."""
    if "near_duplicates" not in rows:
        return []
    copies = rows[(rows["near_duplicates"] != "") & ~rows["image"].isin(listed)]
    apart = rows.groupby("near_duplicates")["label"].transform("nunique").loc[copies.index] > 1
    return [
        {"image": str(image), "reason": "a near-duplicate has another label", "label": str(label)}
        for image, label in copies.loc[apart, ["image", "label"]].to_numpy()
    ]


def _with_settled(answers: pd.DataFrame, settled: pd.DataFrame) -> pd.DataFrame:
    """The answers that stand after the talk; where it ended in two opinions, all of them do."""
    everything = pd.concat([answers, settled]).drop_duplicates(["image", "label_by"], keep="last")
    agreed = settled.groupby("image")["label"].agg(lambda said: said.iloc[0] if said.nunique() == 1 else "")
    decided = everything["image"].map(agreed).fillna("")
    return everything[(decided == "") | (everything["label"] == decided)]


def read_export(path: Path) -> list[dict[str, Any]]:
    """Label Studio's JSON export. Raises ``StepRefused`` where it is something else."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as wrong:
        raise StepRefused(f"{path} is not JSON: {wrong}") from wrong
    if not isinstance(told, list) or not all(isinstance(task, dict) and "data" in task for task in told):
        raise StepRefused(f"{path} is not Label Studio's export as JSON (not JSON-MIN): a list of tasks with data")
    return told


def _task(row: dict[Any, Any], prefix: str, show_labels: bool) -> dict[str, Any]:
    # Readers see the whole photograph where the manifest has a crop; its path is also the one below the collection.
    path = str(row.get("original") or row["image"])
    address = prefix + (quote(path) if "?" in prefix or prefix.startswith("http") else path)
    task: dict[str, Any] = {"data": {"image": address, "path": row["image"], "sha256": row.get("sha256", "")}}
    if show_labels:
        choice = {"from_name": FIELD, "to_name": "photo", "type": "choices", "value": {"choices": [row["label"]]}}
        task["predictions"] = [{"model_version": "manifest", "result": [choice]}]
    return task


def _answer(task: dict[str, Any], annotation: dict[str, Any]) -> dict[str, str] | None:
    """What one annotation says; None where it says nothing."""
    path, chosen = path_of(task), chosen_in(annotation, FIELD)
    if annotation.get("was_cancelled") or not chosen:
        return None
    return {
        "image": path,
        "sha256": task["data"].get("sha256", ""),
        "label": chosen[0],
        "label_by": reader_of(annotation.get("completed_by", "")),
        "label_when": str(annotation.get("updated_at") or annotation.get("created_at") or ""),
    }


def path_of(task: dict[str, Any]) -> str:
    """The photograph's name in the manifest. Raises ``StepRefused`` where ``labels export`` did not write the task."""
    if "path" not in task["data"]:
        raise StepRefused(f"task {task.get('id')} has no path in its data; it was not exported by 'labels export'")
    return str(task["data"]["path"])


def chosen_in(annotation: dict[str, Any], field: str) -> list[str]:
    """What an annotation chose of the choices that the labelling configuration calls ``field``."""
    return [
        str(choice)
        for result in annotation.get("result", [])
        if result.get("from_name") == field and result.get("type") == "choices"
        for choice in result["value"]["choices"]
    ]


def reader_of(told: Any) -> str:
    """Label Studio gives a reader's number, or with them their address."""
    return str(told.get("email") or told.get("id")) if isinstance(told, dict) else str(told)


def _cohen(one: "pd.Series[str]", other: "pd.Series[str]") -> tuple[float, int]:
    """Kappa over what both read; 1 where both said one and the same label throughout."""
    both = one.notna() & other.notna()
    if not both.any():
        return float("nan"), 0
    mine, yours = one[both].tolist(), other[both].tolist()
    same = mine == yours and len(set(mine)) == 1
    return 1.0 if same else float(cohen_kappa_score(mine, yours)), len(mine)


def _dispute(row: "pd.Series[str]", said: pd.DataFrame) -> str:
    """Why a photograph must be talked about; empty where it need not."""
    if said["label"].nunique() > 1:
        return "readers disagree"
    if said["label"].iloc[0] == row["label"]:
        return ""
    if row["label_evidence"] == "pathology":
        return "readers contradict pathology"
    lonely = row["label_evidence"] == "consensus" and len(said) < CONSENSUS
    return "one reader contradicts a consensus" if lonely else ""


def _outcome(said: pd.DataFrame) -> dict[str, str]:
    return {
        "label": str(said["label"].iloc[0]),
        "label_by": "; ".join(said["label_by"]),
        "label_when": str(said["label_when"].max()),
        "label_evidence": "consensus" if len(said) >= CONSENSUS else "record",
    }


def _told(said: pd.DataFrame) -> dict[str, str]:
    votes = said["label"].value_counts()
    return {
        "readers": "; ".join(f"{row.label_by}: {row.label}" for row in said.itertuples()),
        "votes": "; ".join(f"{label} {count}" for label, count in votes.items()),
    }
