"""Who came when, what they agreed to, and which photographs belong together."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from appliance.cases.clock import Moment, now
from appliance.cases.store import Case, Intake, Store
from appliance.cases.visits import Consent
from appliance.errors import CodeMisread, PatientUnknown, StoreFull

Make = Callable[..., Intake]
AGREED = Consent("We take photographs.\nI agree.", "en", photo_in_letter=True)


@pytest.fixture
def take(store: Store, intake: Make) -> Callable[..., Case]:
    """A photograph that was answered."""
    seeds = iter(range(100))

    def kept(**others: object) -> Case:
        case = store.accept(intake(next(seeds), **others))
        store.answer(case, {"case": case.code}, None)
        return case

    return kept


def test_a_consent_is_logged_with_its_words_and_is_there_after_a_restart(folder: Path) -> None:
    moment = Moment(now().time, "unverified")
    with Store(folder, lambda: moment) as store:
        first, second = store.agree(AGREED), store.agree(replace(AGREED, photo_in_letter=False))
        assert first != second
    with Store(folder) as store:
        logged = store.agreed(first)
        assert logged is not None
        assert (logged.consent, logged.at, logged.clock) == (AGREED, moment.iso(), "unverified")
        other = store.agreed(second)
        assert other is not None
        assert (other.consent.photo_in_letter, other.version) == (False, logged.version)


def test_other_words_are_another_version(store: Store) -> None:
    versions = {store.agreed(store.agree(replace(AGREED, words=words))).version for words in ("We may.", "We must.")}  # type: ignore[union-attr]
    assert len(versions) == 2


def test_a_visit_without_a_photograph_is_forgotten_and_one_with_stays(store: Store, intake: Make) -> None:
    left, stayed = store.agree(AGREED), store.agree(AGREED)
    store.accept(intake(visit=stayed))
    for visit in (left, stayed):
        store.abandon(visit)
    assert store.agreed(left) is None
    assert store.agreed(stayed) is not None


def test_earlier_are_the_answered_ones_of_the_same_patient_and_site_newest_first(
    store: Store, intake: Make, take: Callable[..., Case]
) -> None:
    mine = {"patient": "K7QF-2M", "site": "back"}
    first, second = take(**mine), take(**mine)
    take(**(mine | {"site": "face"}))
    take(**(mine | {"patient": "AAAA-AA"}))
    take(site="back")
    store.accept(intake(50, **mine))  # still waits
    last = take(**mine, overview=intake(51, **mine, view="overview"))
    take(**mine)  # came later
    assert [case.number for case in store.earlier(last)] == [second.number, first.number]
    assert store.earlier(take(site="back")) == []


def test_a_pair_is_kept_together_and_the_overview_is_never_assessed(store: Store, intake: Make) -> None:
    visit = store.agree(AGREED)
    pair = {"visit": visit, "patient": "K7QF-2M", "consent_photo": True}
    wide = intake(1, **pair, view="overview")
    case = store.accept(intake(2, **pair, overview=wide))
    retaken = store.accept(intake(3, **pair))
    overview = store.overview(case)
    assert overview is not None
    assert (overview.view, case.view) == ("overview", "close_up")
    assert np.array_equal(store.photo(overview), wide.pixels)
    assert store.overview(retaken) == overview
    assert store.cases() == [retaken, case]
    assert store.waiting() == 2
    assert store.overview(store.accept(intake(4, visit=visit, site="face"))) is None
    assert store.overview(store.accept(intake(5))) is None
    assert all((each.patient, each.consent_photo) == ("K7QF-2M", True) for each in (case, overview))


def test_of_a_pair_that_the_disk_does_not_take_whole_nothing_is_left(
    store: Store, folder: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = store._photos.save, []

    def once(photo_id: str, pixels: object) -> None:
        if saved:
            raise StoreFull("no room for the second")
        saved.append(photo_id)
        save(photo_id, pixels)  # type: ignore[arg-type]

    monkeypatch.setattr(store._photos, "save", once)
    with pytest.raises(StoreFull):
        store.accept(intake(2, overview=intake(1, view="overview")))
    assert saved
    assert list((folder / "photos").iterdir()) == []
    assert store._database.rows("SELECT * FROM cases") == []


def test_an_overview_goes_with_the_last_close_up_and_the_consent_with_the_last_photograph(
    store: Store, folder: Path, intake: Make
) -> None:
    pair = {"visit": store.agree(AGREED), "patient": store.new_patient()}
    first = store.accept(intake(2, **pair, overview=intake(1, **pair, view="overview")))
    retaken = store.accept(intake(3, **pair))
    store.delete(first.code)
    assert store.overview(retaken) is not None
    store.delete(retaken.code)
    assert list((folder / "photos").iterdir()) == []
    assert store.agreed(pair["visit"]) is None
    with pytest.raises(PatientUnknown):
        store.patient(pair["patient"])


def test_a_patient_is_found_by_their_code_or_a_cases_as_typed(store: Store, intake: Make) -> None:
    patient = store.new_patient()
    with pytest.raises(PatientUnknown):
        store.patient(patient)
    case = store.accept(intake(patient=patient))
    assert patient != case.code
    assert store.patient(patient.lower().replace("-", " ")) == patient
    assert store.patient(case.code) == patient
    with pytest.raises(PatientUnknown):
        store.patient(store.accept(intake(1)).code)  # a case of nobody
    with pytest.raises(CodeMisread):
        store.patient("AAAA-AB")
