import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from training.curation.commands import labels
from training.curation.quality_labels import ASKED, FIELD, config, read_quality
from training.gate.samples import LABELS


def _task(image: str, *answers: tuple[str, str, list[str]]) -> dict[str, Any]:
    """As Label Studio exports it: reader, when, choices."""
    return {
        "data": {"path": image, "image": image},
        "annotations": [
            {
                "completed_by": int(by),
                "updated_at": when,
                "result": [{"from_name": FIELD, "type": "choices", "value": {"choices": chosen}}] if chosen else [],
            }
            for by, when, chosen in answers
        ],
    }


def _row(table: pd.DataFrame, image: str) -> set[str]:
    row = table.set_index("image").loc[image]
    return {str(name) for name, value in row.items() if value}


def test_the_configuration_asks_for_every_label() -> None:
    assert re.findall(r'<Choice value="(\w+)" hint="[^"]+"/>', config()) == list(ASKED)
    assert set(LABELS) < set(ASKED)


def test_readers_words_become_labels() -> None:
    table = read_quality(
        [
            _task("clear.jpg", ("1", "2025-01-01", ["clear"])),
            _task("hairy.jpg", ("1", "2025-01-01", ["hair", "exudate"])),
            _task("better.jpg", ("1", "2025-01-01", ["hair"]), ("1", "2025-01-02", ["clear"])),
            _task("two.jpg", ("1", "2025-01-01", ["residue"]), ("2", "2025-01-01", ["clear"])),
            _task("three.jpg", *((str(by), "2025-01-01", ["residue" if by == 1 else "clear"]) for by in (1, 2, 3))),
            _task("unsure.jpg", ("1", "2025-01-01", ["clear", "uncertain"])),
            _task("skipped.jpg", ("1", "2025-01-01", [])),
        ]
    )
    assert set(table["image"]) == {f"{n}.jpg" for n in ("clear", "hairy", "better", "two", "three", "unsure")}
    assert _row(table, "clear.jpg") == _row(table, "better.jpg") == set()
    assert _row(table, "hairy.jpg") == {"hair", "exudate"}
    assert _row(table, "two.jpg") == {"residue", "uncertain"}
    assert _row(table, "three.jpg") == _row(table, "unsure.jpg") == {"uncertain"}


def test_answers_to_another_question_are_none() -> None:
    with pytest.raises(ValueError, match="none of the 1 tasks has an answer about quality"):
        read_quality([_task("a.jpg", ("1", "2025-01-01", []))])


def test_clear_and_a_fault_is_no_answer() -> None:
    with pytest.raises(ValueError, match=r"a\.jpg is called clear and hair"):
        read_quality([_task("a.jpg", ("1", "2025-01-01", ["clear", "hair"]))])


def test_there_and_back_by_the_command_line(tmp_path: Path) -> None:
    pd.DataFrame({"image": ["a.jpg"], "label": ["psoriasis"]}).to_csv(tmp_path / "manifest.csv", index=False)
    sent = ["export", "--data", str(tmp_path / "manifest.csv"), "--quality", "--out", str(tmp_path / "tasks.json")]
    asked = CliRunner().invoke(labels, sent)
    assert "too_small" in asked.stdout
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    answered = [{**tasks[0], "annotations": _task("", ("1", "2025-01-01", ["hair"]))["annotations"]}]
    (tmp_path / "export.json").write_text(json.dumps(answered))
    came = ["quality", "--answers", str(tmp_path / "export.json"), "--out", str(tmp_path / "quality.csv")]
    told = CliRunner().invoke(labels, came)
    assert "1 photographs: residue 0, too_small 0, hair 1" in told.stdout
    assert _row(pd.read_csv(tmp_path / "quality.csv"), "a.jpg") == {"hair"}
