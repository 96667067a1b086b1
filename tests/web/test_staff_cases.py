"""The clinician's pages: list, case, later diagnosis, notes, deletion, and the box's own figures."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.cases.figures import TOO_FEW
from appliance.cases.reviews import DIAGNOSES
from appliance.cases.store import Case, Intake, Store
from appliance.cases.visits import Consent
from appliance.messages import LANGUAGES, Language, text
from appliance.vision.photo import Pixels
from appliance.web.looks import COVERED_S, Looks
from appliance.web.services import Services
from tests.web.conftest import PIN

Answer = Callable[..., None]
Post = Callable[..., Any]


@pytest.fixture
def post(laptop: FlaskClient) -> Post:
    """Post a staff form with its token."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', laptop.get("/staff/pin").text)
    assert csrf
    return lambda path, **form: laptop.post(path, data={"csrf": csrf[1], **form})


@pytest.fixture
def add(store: Store, picture: Pixels) -> Callable[..., Case]:
    """Keep a photograph as the box does."""

    def kept(site: str = "forearm", simulated: bool = True) -> Case:
        return store.accept(Intake(picture, "0" * 64, "phone_camera", site, True, None, simulated))

    return kept


def codes(page: str) -> list[str]:
    return re.findall(r'data-case="([^"]+)"', page)


def test_the_list_is_searched_by_code_and_by_the_name_of_a_place(
    laptop: FlaskClient, add: Callable[..., Case], answer: Answer
) -> None:
    hand, scalp = add("hand"), add("scalp")
    answer()
    assert codes(laptop.get("/staff/cases").text) == [scalp.code, hand.code]
    assert codes(laptop.get("/staff/cases?q=hand").text) == [hand.code]
    for language in LANGUAGES:  # whatever is read: a name is found in every one
        assert codes(laptop.get(f"/staff/cases?q=头皮&language={language}").text) == [scalp.code]
        assert codes(laptop.get(f"/staff/cases?q=Scalp&language={language}").text) == [scalp.code]
    laptop.get("/staff/cases?language=en")
    assert codes(laptop.get("/staff/cases", query_string={"q": scalp.code.lower()}).text) == [scalp.code]
    assert codes(laptop.get("/staff/cases?outcome=waiting").text) == []
    nothing = laptop.get("/staff/cases?q=zzz")
    assert "data-none" in nothing.text
    assert (
        laptop.get("/staff/cases?outcome='--&grade=x&since=yesterday&until=9999-12-31&page=-3&site=moon").status_code
        == 200
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_days_in_the_wrong_order_are_said_to_be(
    laptop: FlaskClient, add: Callable[..., Case], language: Language
) -> None:
    add()
    page = laptop.get(f"/staff/cases?since=2026-03-02&until=2026-03-01&language={language}").text
    assert text(language, "staff.list.backwards") in unescape(page)
    for days in (
        "since=2026-03-02&until=2026-03-02",
        "since=2099-03-02",
        "until=2000-03-02",
        "since=x&until=2000-01-01",
    ):
        page = laptop.get(f"/staff/cases?{days}").text
        assert "data-none" in page
        assert "data-backwards" not in page


def test_the_list_turns_its_pages_and_keeps_the_filter(laptop: FlaskClient, add: Callable[..., Case]) -> None:
    made = [add("hand").code for _ in range(27)]
    add("foot")
    first = laptop.get("/staff/cases?site=hand").text
    assert 'data-total="27"' in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = laptop.get(following[1].replace("&amp;", "&")).text
    assert codes(first) + codes(second) == made[::-1]


def test_a_case_shows_what_the_box_said_and_its_photo(
    laptop: FlaskClient, add: Callable[..., Case], answer: Answer
) -> None:
    case = add()
    assert "data-waiting" in laptop.get(f"/staff/cases/{case.code}").text
    answer(top="basal_cell_carcinoma")
    page = laptop.get(f"/staff/cases/{case.code}").text
    assert 'data-outcome="findings"' in page
    assert "Basal cell carcinoma" in page
    assert laptop.get(f"/staff/cases/{case.code}/photo.jpg").data[:2] == b"\xff\xd8"
    assert laptop.get(f"/staff/cases/{case.code}/map/psoriasis.png").data[:4] == b"\x89PNG"
    assert laptop.get(f"/staff/cases/{case.code}/map/flu.png").status_code == 404
    assert laptop.get("/staff/cases/2222-22").status_code == 404


def test_diagnosis_review_and_notes_are_kept(laptop: FlaskClient, post: Post, add: Callable[..., Case]) -> None:
    case = add()
    where = f"/staff/cases/{case.code}"
    assert "data-reviewed" not in laptop.get(where).text
    assert post(f"{where}/diagnosis", diagnosis="psoriasis").status_code == 422
    assert post(f"{where}/diagnosis", diagnosis="other.melanoma", evidence="pathology").headers["Location"] == where
    assert post(f"{where}/note", text="<b>sore</b> since May").status_code == 303
    assert post(f"{where}/note", text=" ").status_code == 422
    page = laptop.get(where).text
    assert 'data-diagnosis="other.melanoma"' in page
    assert "data-reviewed" in page
    assert "&lt;b&gt;sore&lt;/b&gt; since May" in page
    assert codes(laptop.get("/staff/cases?reviewed=yes").text) == [case.code]


def test_a_case_can_be_marked_as_reviewed_without_a_diagnosis(
    laptop: FlaskClient, post: Post, add: Callable[..., Case]
) -> None:
    case = add()
    post(f"/staff/cases/{case.code}/review")
    assert "data-reviewed" in laptop.get(f"/staff/cases/{case.code}").text
    assert codes(laptop.get("/staff/cases?reviewed=no").text) == []


def test_every_diagnosis_can_be_chosen(laptop: FlaskClient, add: Callable[..., Case]) -> None:
    page = laptop.get(f"/staff/cases/{add().code}").text
    for each in DIAGNOSES:
        assert f'<option value="{each}"' in page


def test_deleting_asks_first_and_then_leaves_a_line(
    laptop: FlaskClient, post: Post, add: Callable[..., Case], store: Store
) -> None:
    case = add()
    assert post(f"/staff/cases/{case.code}/delete").status_code == 400
    assert store.case(case.code)
    assert post(f"/staff/cases/{case.code}/delete", sure="yes").headers["Location"] == "/staff/cases"
    assert laptop.get(f"/staff/cases/{case.code}").status_code == 404
    newest = store.audit.entries(case=case.number)[0]
    assert (newest.actor, newest.action) == ("staff", "delete")


def test_few_diagnoses_give_counts_and_no_percentage(
    laptop: FlaskClient, add: Callable[..., Case], answer: Answer, store: Store
) -> None:
    assert "data-too-few" in laptop.get("/staff/figures").text
    add()
    answer(top="psoriasis")
    store.reviews.diagnose(1, "psoriasis", "pathology")
    page = laptop.get("/staff/figures").text
    assert page.count("data-too-few") == 3
    assert 'data-cell="psoriasis/psoriasis">1<' in page


def test_enough_diagnoses_give_a_share_with_its_interval(
    laptop: FlaskClient, add: Callable[..., Case], answer: Answer, store: Store
) -> None:
    for _ in range(TOO_FEW):
        add()
    add(simulated=False)
    answer(top="psoriasis")
    for number in range(1, TOO_FEW + 2):
        store.reviews.diagnose(number, "psoriasis" if number > 2 else "lichen_planus", "specialist")
    page = laptop.get("/staff/figures").text
    assert "90 %" in page
    assert f"18 of {TOO_FEW}. The true share is probably 70–97 %." in page
    assert 'data-cell="lichen_planus/psoriasis">2<' in page
    assert page.count("<circle") == 1


@pytest.mark.parametrize("lost", [0, 2])
def test_a_case_opens_though_a_photograph_of_the_place_is_lost(
    laptop: FlaskClient, store: Store, picture: Pixels, answer: Answer, services: Services, lost: int
) -> None:
    visit = store.agree(Consent("words", "en", photo_in_letter=False))
    about = (picture, "0" * 64, "kiosk", "hand", True, None, False)
    three = [store.accept(Intake(*about, patient="P4AA-2X", visit=visit)) for _ in range(3)]  # type: ignore[arg-type]
    answer()
    next(services.settings.state.rglob(f"{three[lost].photo_id}*")).unlink()
    page = laptop.get(f"/staff/cases/{three[-1].code}")
    assert page.status_code == 200
    assert "data-lost" in page.text
    kept = {each.code for place, each in enumerate(three) if place != lost}
    assert set(re.findall(r'data-code="([^"]+)"', page.text)) == kept


def test_earlier_photographs_of_the_patient_and_the_wider_one_are_on_the_page(
    laptop: FlaskClient, store: Store, picture: Pixels, answer: Answer
) -> None:
    visit = store.agree(Consent("words", "en", photo_in_letter=False))
    about = (picture, "0" * 64, "kiosk", "hand", True, None, False)
    first = store.accept(Intake(*about, patient="P4AA-2X", visit=visit))  # type: ignore[arg-type]
    answer()
    wide = Intake(*about, patient="P4AA-2X", visit=visit, view="overview")  # type: ignore[arg-type]
    second = store.accept(Intake(*about, patient="P4AA-2X", visit=visit, overview=wide))  # type: ignore[arg-type]
    answer()
    page = laptop.get(f"/staff/cases/{second.code}").text
    assert f'data-code="{first.code}"' in page
    overview = store.overview(second)
    assert overview is not None
    assert f"/staff/cases/{overview.code}/photo.jpg" in page
    assert looks(store) == [(first.number, ""), (second.number, "")]  # the wider one belongs to the second
    assert laptop.get(f"/staff/cases/{overview.code}").status_code == 404
    assert codes(laptop.get("/staff/cases?q=P4AA").text) == [second.code, first.code]


@pytest.fixture
def later(laptop: FlaskClient) -> Callable[[float], None]:
    """Let seconds go by for what the log remembers of each session."""
    now_s = [0.0]
    laptop.application.extensions["looks"] = Looks(lambda: now_s[0])
    return lambda by_s: now_s.__setitem__(0, now_s[0] + by_s)


def looks(store: Store) -> list[tuple[int | None, str]]:
    """Which cases the log says were looked at, and how, oldest first."""
    return [(each.case_number, each.detail) for each in store.audit.entries()[::-1] if each.action == "look"]


@pytest.mark.usefixtures("later")
def test_the_pictures_of_a_page_are_part_of_that_look(
    laptop: FlaskClient, store: Store, picture: Pixels, answer: Answer
) -> None:
    visit = store.agree(Consent("words", "en", photo_in_letter=False))
    about = (picture, "0" * 64, "kiosk", "hand", True, None, False)
    store.accept(Intake(*about, patient="P4AA-2X", visit=visit))  # type: ignore[arg-type]
    wide = Intake(*about, patient="P4AA-2X", visit=visit, view="overview")  # type: ignore[arg-type]
    case = store.accept(Intake(*about, patient="P4AA-2X", visit=visit, overview=wide))  # type: ignore[arg-type]
    answer()
    page = laptop.get(f"/staff/cases/{case.code}").text
    pictures = set(re.findall(r'src="(/staff/cases/[^"]+)"', page))
    assert len(pictures) == 4  # three photographs and a map
    for each in (*pictures, f"/staff/cases/{case.code}/map/lichen_planus.png"):
        assert laptop.get(each).status_code == 200
    assert looks(store) == [(1, ""), (3, "")]


@pytest.mark.parametrize("ending", ["photo.jpg", "map/psoriasis.png"])
def test_a_picture_asked_for_by_its_address_is_a_look_of_its_own(
    laptop: FlaskClient,
    add: Callable[..., Case],
    answer: Answer,
    store: Store,
    later: Callable[[float], None],
    ending: str,
) -> None:
    case = add()
    answer()
    where = f"/staff/cases/{case.code}/{ending}"
    for wait_s in (0, COVERED_S / 2, COVERED_S / 2):
        later(wait_s)
        assert laptop.get(where).status_code == 200
    assert looks(store) == [(case.number, "picture")] * 2  # one, and after ten minutes one more
    laptop.get(f"/staff/cases/{case.code}/print")
    laptop.get(where)
    assert len(looks(store)) == 2  # the sheet shows the picture, and has its line
    assert "(the picture alone)" in laptop.get("/staff/audit").text


def test_the_look_of_one_browser_does_not_stand_for_anothers(
    services: Services, laptop: FlaskClient, add: Callable[..., Case], store: Store
) -> None:
    case = add()
    laptop.get(f"/staff/cases/{case.code}")
    second = laptop.application.test_client()
    second.post("/staff/login", data={"pin": PIN})
    assert second.get(f"/staff/cases/{case.code}/photo.jpg").status_code == 200
    assert looks(store) == [(case.number, ""), (case.number, "picture")]


def test_a_picture_that_is_not_there_is_no_look(
    laptop: FlaskClient, add: Callable[..., Case], answer: Answer, store: Store
) -> None:
    code = add().code
    answer(outcome="cannot_assess", failed=("advice.focus",))
    assert laptop.get(f"/staff/cases/{code}/map/psoriasis.png").status_code == 404
    assert looks(store) == []
