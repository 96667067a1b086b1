import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from training.curation.commands import labels
from training.curation.labels import agreement, config, fleiss, merge, named, read_annotations, tasks

ANNA, BO, CHEN = "anna@clinic.example", "bo@clinic.example", "chen@clinic.example"


@pytest.fixture
def rows() -> pd.DataFrame:
    """Six photographs: one label by pathology, one by consensus, the others by record or atlas."""
    evidence = ["pathology", "consensus", "record", "atlas", "record", ""]
    return pd.DataFrame(
        {
            "image": [f"images/{n}.jpg" for n in range(6)],
            "sha256": [f"{n:064x}" for n in range(6)],
            "label": ["basal_cell_carcinoma", "psoriasis", "psoriasis", "lichen_planus", "psoriasis", "psoriasis"],
            "label_by": "file",
            "label_when": "2019",
            "label_evidence": evidence,
        }
    )


def answered(rows: pd.DataFrame, answers: dict[int, dict[str, str]]) -> list[dict[str, Any]]:
    """Label Studio's export: its own fields round the tasks it was given, an annotation per reader."""
    exported = []
    for number, task in enumerate(tasks(rows)):
        annotations = [annotation(100 * number + k, *said) for k, said in enumerate(answers.get(number, {}).items())]
        exported.append(
            {
                "id": number + 1,
                "annotations": annotations,
                "file_upload": "1f0a-tasks.json",
                "drafts": [],
                "predictions": [],
                "data": task["data"],
                "meta": {},
                "created_at": "2025-03-09T21:52:49.513742Z",
                "updated_at": "2025-03-09T22:16:08.746926Z",
                "total_annotations": len(annotations),
                "cancelled_annotations": 0,
                "project": 83,
            }
        )
    return exported


def annotation(number: int, reader: str, label: str, when: str = "2025-03-10T08:00:00.000000Z") -> dict[str, Any]:
    choice = {
        "value": {"choices": [label]},
        "id": f"Dx_{number}",
        "from_name": "label",
        "to_name": "photo",
        "type": "choices",
        "origin": "manual",
    }
    return {
        "id": number,
        "completed_by": {"id": hash(reader) % 1000, "email": reader, "first_name": "", "last_name": ""},
        "result": [choice],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": when,
        "updated_at": when,
        "lead_time": 4.288,
        "result_count": 1,
        "prediction": {},
        "task": number,
    }


def test_the_configuration_offers_every_label_even_odd_ones() -> None:
    view = ElementTree.fromstring(config(["psoriasis", 'a "b" <c> & d', "银屑病"]))  # noqa: S314  # made here
    assert [choice.get("value") for choice in view.iter("Choice")] == ["psoriasis", 'a "b" <c> & d', "银屑病"]
    assert next(view.iter("Image")).get("value") == "$image"


def test_tasks_do_not_give_the_label_away_unless_asked(rows: pd.DataFrame) -> None:
    assert "carcinoma" not in json.dumps(tasks(rows))
    shown = tasks(rows, show_labels=True)[0]["predictions"][0]["result"][0]["value"]
    assert shown == {"choices": ["basal_cell_carcinoma"]}


def test_answers_come_back_with_who_and_when(rows: pd.DataFrame) -> None:
    answers = read_annotations(answered(rows, {2: {ANNA: "psoriasis", BO: "lichen_planus"}}))
    assert answers.to_dict("records") == [
        {
            "image": "images/2.jpg",
            "sha256": f"{2:064x}",
            "label": label,
            "label_by": reader,
            "label_when": "2025-03-10T08:00:00.000000Z",
        }
        for reader, label in ((ANNA, "psoriasis"), (BO, "lichen_planus"))
    ]


def test_skipped_and_empty_annotations_say_nothing(rows: pd.DataFrame) -> None:
    exported = answered(rows, {1: {ANNA: "psoriasis", BO: "psoriasis", CHEN: "psoriasis"}})
    exported[1]["annotations"][0]["was_cancelled"] = True
    exported[1]["annotations"][1]["result"] = []
    assert read_annotations(exported)["label_by"].tolist() == [CHEN]


def test_a_reader_may_think_again(rows: pd.DataFrame) -> None:
    exported = answered(rows, {1: {ANNA: "psoriasis"}})
    later = annotation(9, ANNA, "lichen_planus", when="2025-04-01T08:00:00.000000Z")
    exported[1]["annotations"].insert(0, later)
    assert read_annotations(exported)["label"].tolist() == ["lichen_planus"]


def test_readers_that_are_numbers_are_readers(rows: pd.DataFrame) -> None:
    exported = answered(rows, {1: {ANNA: "psoriasis"}})
    exported[1]["annotations"][0]["completed_by"] = 7
    assert read_annotations(exported)["label_by"].tolist() == ["7"]


def test_tasks_of_another_origin_are_refused(rows: pd.DataFrame) -> None:
    exported = answered(rows, {0: {ANNA: "psoriasis"}})
    del exported[0]["data"]["path"]
    with pytest.raises(ValueError, match="task 1"):
        read_annotations(exported)


def test_no_annotations_at_all(rows: pd.DataFrame) -> None:
    answers = read_annotations(answered(rows, {}))
    found = agreement(answers)
    assert found.cohen == {}
    assert np.isnan(found.fleiss)
    assert merge(rows, answers)[0]["label"].equals(rows["label"])


def test_cohen_by_hand(rows: pd.DataFrame) -> None:
    """Both read four, agree on three: observed 0.75, expected 0.5·0.75 + 0.5·0.25 = 0.5."""
    said = {0: ("a", "a"), 1: ("a", "a"), 2: ("b", "a"), 3: ("b", "b")}
    answers = answered(rows, {n: {ANNA: one, BO: other} for n, (one, other) in said.items()} | {4: {ANNA: "a"}})
    kappa, count = agreement(read_annotations(answers)).cohen[ANNA, BO]
    assert count == 4
    assert kappa == pytest.approx(0.5)


def test_fleiss_by_the_published_example() -> None:
    """The worked example with ten subjects, fourteen raters and five categories: κ = 0.210."""
    counts = np.array(
        [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ]
    )
    assert fleiss(counts) == pytest.approx(0.210, abs=0.0005)


def test_perfect_agreement_on_one_label_is_perfect(rows: pd.DataFrame) -> None:
    answers = answered(rows, {n: {ANNA: "psoriasis", BO: "psoriasis"} for n in range(3)})
    found = agreement(read_annotations(answers))
    assert found.cohen[ANNA, BO] == (1.0, 3)
    assert found.fleiss == 1.0


def test_two_who_agree_make_a_consensus_and_one_alone_a_record(rows: pd.DataFrame) -> None:
    answers = answered(rows, {2: {ANNA: "lichen_planus", BO: "lichen_planus"}, 3: {ANNA: "psoriasis"}})
    merged, disputes = merge(rows, read_annotations(answers))
    assert disputes.empty
    changed = merged.loc[[2, 3], ["label", "label_by", "label_evidence"]].to_numpy().tolist()
    assert changed == [["lichen_planus", f"{ANNA}; {BO}", "consensus"], ["psoriasis", ANNA, "record"]]
    assert merged.loc[2, "label_when"].startswith("2025-03-10")
    assert merged.drop([2, 3]).equals(rows.drop([2, 3]))


def test_what_must_be_talked_about_keeps_its_label(rows: pd.DataFrame) -> None:
    answers = answered(
        rows,
        {
            0: {ANNA: "psoriasis", BO: "psoriasis"},
            1: {ANNA: "lichen_planus"},
            4: {ANNA: "psoriasis", BO: "lichen_planus", CHEN: "psoriasis"},
        },
    )
    merged, disputes = merge(rows, read_annotations(answers))
    assert merged.equals(rows)
    assert disputes.set_index("image")["reason"].to_dict() == {
        "images/0.jpg": "readers contradict pathology",
        "images/1.jpg": "one reader contradicts a consensus",
        "images/4.jpg": "readers disagree",
    }
    assert disputes.set_index("image").loc["images/4.jpg", "votes"] == "psoriasis 2; lichen_planus 1"


def test_a_reader_who_confirms_pathology_leaves_it_pathology(rows: pd.DataFrame) -> None:
    answers = read_annotations(answered(rows, {0: {ANNA: "basal_cell_carcinoma", BO: "basal_cell_carcinoma"}}))
    merged, disputes = merge(rows, answers)
    assert disputes.empty
    assert merged.loc[0, "label_evidence"] == "pathology"


def test_an_address_is_one_whatever_the_folder_is_called(rows: pd.DataFrame) -> None:
    strange = rows.assign(original="a & b/#1.jpg")
    assert tasks(strange)[0]["data"]["image"] == "/data/local-files/?d=a%20%26%20b/%231.jpg"
    assert tasks(strange, "s3://bucket/")[0]["data"]["image"] == "s3://bucket/a & b/#1.jpg"


def test_who_has_no_name_is_called_a_reader_and_no_two_are_called_alike(rows: pd.DataFrame) -> None:
    answers = read_annotations(answered(rows, {0: {"1": "psoriasis", "2": "psoriasis"}}))
    (said,) = named([answers], {"1": "Dr. Li"})
    assert sorted(said["label_by"]) == ["Dr. Li", "reader 2"]
    with pytest.raises(ValueError, match=r"two readers would be called Dr\. Li"):
        named([answers], {"1": "Dr. Li", "2": "Dr. Li"})


def test_there_and_back_by_the_command_line(tmp_path: Path, rows: pd.DataFrame) -> None:
    manifest, sent, came, out, dispute = (
        tmp_path / name for name in ("manifest.csv", "tasks.json", "export.json", "labelled.csv", "adjudicate.csv")
    )
    rows.to_csv(manifest, index=False)
    run = CliRunner().invoke(labels, ["export", "--data", str(manifest), "--out", str(sent)])
    assert run.exit_code == 0, run.output
    assert '<Choice value="lichen_planus"/>' in run.output
    assert [task["data"]["path"] for task in json.loads(sent.read_text())] == rows["image"].tolist()
    told = answered(rows, {2: {ANNA: "lichen_planus", BO: "lichen_planus"}, 4: {ANNA: "psoriasis", BO: "other"}})
    came.write_text(json.dumps(told))
    run = CliRunner().invoke(labels, ["agreement", "--answers", str(came)])
    assert "Fleiss" in run.output
    arguments = ["import", "--data", manifest, "--answers", came, "--out", out, "--adjudicate", dispute]
    run = CliRunner().invoke(labels, [str(argument) for argument in arguments])
    assert run.output == "2 photographs read, 1 labels changed, 1 to adjudicate\n"
    assert pd.read_csv(out, dtype=str).loc[2, "label"] == "lichen_planus"
    assert pd.read_csv(dispute)["image"].tolist() == ["images/4.jpg"]


def test_what_the_talk_ended_in_by_the_command_line(tmp_path: Path, rows: pd.DataFrame) -> None:
    manifest, came, talked, again, out, dispute = (
        tmp_path / name for name in ("m.csv", "export.json", "talked.json", "again.json", "labelled.csv", "talk.csv")
    )
    rows.to_csv(manifest, index=False)
    told = answered(rows, {4: {ANNA: "psoriasis", BO: "other"}, 5: {ANNA: "other", BO: "psoriasis"}})
    came.write_text(json.dumps(told))
    common = ["import", "--data", manifest, "--answers", came, "--out", out, "--adjudicate", dispute]
    CliRunner().invoke(labels, [str(part) for part in common])
    arguments = ["export", "--data", manifest, "--only", dispute, "--out", again]
    CliRunner().invoke(labels, [str(part) for part in arguments])
    assert [task["data"]["path"] for task in json.loads(again.read_text())] == ["images/4.jpg", "images/5.jpg"]
    talked.write_text(json.dumps(answered(rows, {4: {CHEN: "other"}, 5: {CHEN: "lichen_planus"}})))
    called = ["--settled", talked, "--reader", f"{CHEN}=Prof. Chen"]
    run = CliRunner().invoke(labels, [str(part) for part in (*common, *called)])
    assert run.output == "2 photographs read, 2 labels changed, 0 to adjudicate\n"
    merged = pd.read_csv(out, dtype=str).set_index("image")
    said = merged.loc[["images/4.jpg", "images/5.jpg"], ["label", "label_by", "label_evidence"]].to_numpy().tolist()
    assert said == [["other", f"{BO}; Prof. Chen", "consensus"], ["lichen_planus", "Prof. Chen", "record"]]
    run = CliRunner().invoke(labels, [str(part) for part in (*common, "--reader", "77=Dr. Nobody")])
    assert run.exit_code == 1
    assert "77" in run.output


def test_the_talk_does_not_overrule_pathology(rows: pd.DataFrame) -> None:
    said = read_annotations(answered(rows, {0: {ANNA: "psoriasis", BO: "basal_cell_carcinoma"}}))
    talked = read_annotations(answered(rows, {0: {ANNA: "psoriasis", BO: "psoriasis"}}))
    merged, disputes = merge(rows, said, talked)
    assert merged.equals(rows)
    assert disputes["reason"].tolist() == ["readers contradict pathology"]


def test_a_talk_that_ended_in_two_opinions_is_not_over(rows: pd.DataFrame) -> None:
    said = read_annotations(answered(rows, {4: {ANNA: "psoriasis", BO: "other"}}))
    talked = read_annotations(answered(rows, {4: {ANNA: "other", BO: "lichen_planus"}}))
    assert merge(rows, said, talked)[1]["votes"].tolist() == ["other 1; lichen_planus 1"]


def test_copies_that_readers_label_apart_are_talked_about(rows: pd.DataFrame) -> None:
    copied = rows.assign(near_duplicates=["", "images/1.jpg", "images/1.jpg", "", "images/4.jpg", "images/4.jpg"])
    said = read_annotations(answered(rows, {2: {ANNA: "other", BO: "other"}, 4: {ANNA: "psoriasis"}}))
    disputes = merge(copied, said)[1].set_index("image")["reason"].to_dict()
    assert disputes == dict.fromkeys(("images/1.jpg", "images/2.jpg"), "a near-duplicate has another label")


def test_readers_are_shown_the_photograph_and_not_its_crop(rows: pd.DataFrame) -> None:
    cut = rows.assign(original=[f"ward 3/{n}.png" for n in range(6)])
    shown = tasks(cut)[2]["data"]
    assert (shown["image"], shown["path"]) == ("/data/local-files/?d=ward%203/2.png", "images/2.jpg")


def test_one_reader_has_nobody_to_agree_with(tmp_path: Path, rows: pd.DataFrame) -> None:
    (tmp_path / "export.json").write_text(json.dumps(answered(rows, {0: {ANNA: "psoriasis"}})))
    run = CliRunner().invoke(labels, ["agreement", "--answers", str(tmp_path / "export.json")])
    assert "No photograph was read by two" in run.output
    assert ANNA in run.output


def test_says_when_the_export_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text('{"annotations": []}')
    run = CliRunner().invoke(labels, ["agreement", "--answers", str(tmp_path / "export.json")])
    assert run.exit_code == 1
    assert "not Label Studio's export" in run.output


def test_a_table_without_the_column_is_refused_in_words(tmp_path: Path, rows: pd.DataFrame) -> None:
    wrong = tmp_path / "wrong.csv"
    rows.rename(columns={"image": "picture"}).to_csv(wrong, index=False)
    run = CliRunner().invoke(labels, ["export", "--data", str(wrong), "--out", str(tmp_path / "tasks.json")])
    assert run.exit_code == 1
    assert "no column image" in run.output
    assert "picture" in run.output
