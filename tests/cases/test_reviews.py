"""What a clinician adds to a case, and what becomes of it when the case is deleted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cases.reviews import NOTE_LENGTH
from appliance.cases.store import Case, Intake, Store
from appliance.errors import CaseUnknown
from appliance.request_errors import DiagnosisInvalid, NoteInvalid


@pytest.fixture
def case(store: Store, intake: Callable[..., Intake]) -> Case:
    return store.accept(intake())


def test_a_diagnosis_is_kept_replaced_and_counts_as_a_review(store: Store, case: Case) -> None:
    assert store.reviews.of(case.number).reviewed_at is None
    store.reviews.diagnose(case.number, "psoriasis", "specialist")
    store.reviews.diagnose(case.number, "other.melanoma", "pathology")
    review = store.reviews.of(case.number)
    assert review.diagnosis is not None
    assert (review.diagnosis.diagnosis, review.diagnosis.evidence) == ("other.melanoma", "pathology")
    assert review.reviewed_at is not None
    assert [each.action for each in store.audit.entries()] == ["diagnosis", "diagnosis"]


@pytest.mark.parametrize(
    ("diagnosis", "evidence"), [("", "pathology"), ("flu", "pathology"), ("psoriasis", "hearsay"), ("psoriasis", "")]
)
def test_what_is_not_on_the_list_is_refused(store: Store, case: Case, diagnosis: str, evidence: str) -> None:
    with pytest.raises(DiagnosisInvalid):
        store.reviews.diagnose(case.number, diagnosis, evidence)
    assert store.reviews.of(case.number).diagnosis is None
    assert store.audit.entries() == []


def test_notes_are_kept_in_order(store: Store, case: Case) -> None:
    for text in (" first ", "second"):
        store.reviews.note(case.number, text)
    for bad in ("", "  \n", "x" * (NOTE_LENGTH + 1)):
        with pytest.raises(NoteInvalid):
            store.reviews.note(case.number, bad)
    assert [each.text for each in store.reviews.of(case.number).notes] == ["first", "second"]


def test_a_deleted_case_takes_diagnosis_and_notes_with_it(folder: Path, store: Store, case: Case) -> None:
    store.reviews.diagnose(case.number, "other.haemangioma", "follow_up")
    store.reviews.note(case.number, "the farmer with the red hat")
    store.delete(case.code, by="staff")
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"red hat" not in content
    assert b"other.haemangioma" not in content
    for change in (store.reviews.mark, lambda number: store.reviews.note(number, "late")):
        with pytest.raises(CaseUnknown):
            change(case.number)
    assert [each.action for each in store.audit.entries(case=case.number)] == ["delete", "note", "diagnosis"]


def test_answered_cases_with_a_diagnosis_are_judged_and_real_ones_apart(
    store: Store, intake: Callable[..., Intake]
) -> None:
    for number, simulated in enumerate((False, False, True, False), start=1):
        made = store.accept(intake(number, simulated=simulated))
        if number != 2:
            store.answer(made, {"outcome": "cannot_assess", "number": number}, None)
        if number != 4:
            store.reviews.diagnose(made.number, "psoriasis", "pathology")
    assert [each.document["number"] for each in store.reviews.judged(simulated=False)] == [1]
    assert [each.document["number"] for each in store.reviews.judged(simulated=True)] == [3]


def test_what_was_exported_before_does_not_count_as_exported_after_a_change(store: Store, case: Case) -> None:
    store.answer(case, {"outcome": "cannot_assess"}, None)
    store.ledger.begin()
    store.ledger.note_exported([case.number])
    assert store.ledger.unexported() == []
    store.reviews.note(case.number, "came back")
    assert store.ledger.unexported() == [case.number]
