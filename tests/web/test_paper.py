"""Result and referral letter on paper: the same words as a page and as PDF, in both languages, with the font in it."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pypdf
import pytest
import segno
from flask.testing import FlaskClient
from weasyprint.urls import FatalURLFetchingError

from appliance.cases import letter as letters
from appliance.cases.directory import read
from appliance.cases.letter import compact, digest, letter
from appliance.cases.pathway import Step
from appliance.cases.store import Case, Store
from appliance.messages import text
from appliance.request_errors import PaperFailed
from appliance.web import pdf
from appliance.web.pdf import Printer
from appliance.web.pdf_writer import OwnFiles
from appliance.web.services import Services

SCHEMA = json.loads(Path(letters.__file__).with_name("letter.schema.json").read_text("utf-8"))
DIRECTORY = "name,district,level,phone,travel_minutes\n青山县人民医院,青山,county,0871-5550101,45\n"
QR_BYTES = 1000
"""So much is read from paper by a cheap phone: some 100 modules on 48 mm."""
Answer = Callable[..., None]


@pytest.fixture
def answered(sent: dict[str, Any], answer: Answer, services: Services) -> Callable[..., str]:
    """Answer the photo; gives its token."""

    def make(outcome: str = "findings", **others: Any) -> str:
        services.store.directory.replace(read(DIRECTORY.encode()))
        answer(outcome, **others)
        return str(sent["page_url"].rsplit("/", 1)[1])

    return make


def case_of(store: Store, sent: dict[str, Any]) -> Case:
    return store.case(sent["case"])


def embedded(reader: pypdf.PdfReader) -> dict[str, bool]:
    """Name of each font, and whether the file carries it."""
    found = {}
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            for below in font.get_object().get("/DescendantFonts", []):
                described = below.get_object()["/FontDescriptor"]
                found[str(font.get_object()["/BaseFont"])] = any(f"/FontFile{kind}" in described for kind in ("2", "3"))
    return found


def text_of(data: bytes) -> str:
    """Without the spaces and line ends that the layout makes."""
    return "".join("".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def squeezed(words: str) -> str:
    return "".join(words.split())


def test_the_pdf_is_read_back_with_its_chinese_and_its_font(phone: FlaskClient, answered: Callable[..., str]) -> None:
    token = answered(top="basal_cell_carcinoma")
    made = phone.get(f"/api/v1/results/{token}/result.pdf?language=zh")
    assert made.mimetype == "application/pdf"
    assert made.headers["Cache-Control"] == "no-store"
    told = text_of(made.data)
    for words in (
        "基底细胞癌",
        "2周内",
        "县医院",
        "青山县人民医院",
        "0871-5550101",
        text("zh", "result.not_diagnosis"),
    ):
        assert squeezed(words) in told
    assert squeezed(text("zh", "result.cannot_see.text")) in told
    fonts = embedded(pypdf.PdfReader(io.BytesIO(made.data)))
    assert any("Noto-Sans-CJK-SC" in name for name in fonts)
    assert all(fonts.values())


def test_the_letter_as_pdf(phone: FlaskClient, answered: Callable[..., str], sent: dict[str, Any]) -> None:
    token = answered("none_of_these")
    made = phone.get(f"/api/v1/results/{token}/letter.pdf?language=en").data
    assert len(pypdf.PdfReader(io.BytesIO(made)).pages) == 1
    told = text_of(made)
    for words in (sent["case"], "Referralletter", "Within2weeks", "Countyhospital", "melanoma", "notadiagnosis"):
        assert words in told


@pytest.mark.parametrize("kind", ["print", "letter"])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("outcome", "others"),
    [
        ("findings", {"top": "pemphigus"}),
        ("findings", {"top": "normal_skin"}),
        ("none_of_these", {}),
        ("cannot_assess", {"failed": ("advice.hair",)}),
    ],
)
def test_every_outcome_has_its_sheet_with_what_to_do(
    phone: FlaskClient,
    answered: Callable[..., str],
    sent: dict[str, Any],
    kind: str,
    language: Any,
    outcome: str,
    others: dict[str, Any],
) -> None:
    page = phone.get(f"/r/{answered(outcome, **others)}/{kind}?language={language}").text
    assert f'data-outcome="{outcome}"' in page
    for key in ("step.when", "step.where", "step.sooner", "result.not_diagnosis", "result.cannot_see.act"):
        assert text(language, key) in page
    assert sent["case"] in page
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("kind", ["print", "letter"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_paper_of_a_box_that_is_not_set_up_says_so(
    phone: FlaskClient, answered: Callable[..., str], store: Store, kind: str, language: Any
) -> None:
    token, said = answered(), text(language, "unset.here")
    pdf_url = f"/api/v1/results/{token}/{'result' if kind == 'print' else kind}.pdf?language={language}"

    def told() -> list[bool]:
        on_paper = text_of(phone.get(pdf_url).data)
        return [said in phone.get(f"/r/{token}/{kind}?language={language}").text, squeezed(said) in on_paper]

    assert told() == [True, True]
    store.setup.become("done")
    assert told() == [False, False]


def test_there_is_no_sheet_before_the_answer(phone: FlaskClient, sent: dict[str, Any]) -> None:
    token = sent["page_url"].rsplit("/", 1)[1]
    for path in (f"/r/{token}/print", f"/r/{token}/letter", f"/api/v1/results/{token}/result.pdf"):
        assert phone.get(path).status_code == 404


def test_the_photo_is_on_paper_only_where_the_patient_agreed(
    phone: FlaskClient, answered: Callable[..., str], services: Services, sent: dict[str, Any]
) -> None:
    token = answered()
    for kind in ("print", "letter"):
        assert "photo.jpg" not in phone.get(f"/r/{token}/{kind}").text
    pdf_url = f"/api/v1/results/{token}/letter.pdf"
    assert not any(page.images for page in pypdf.PdfReader(io.BytesIO(phone.get(pdf_url).data)).pages)
    with services.store._database.transaction() as connection:
        connection.execute("UPDATE cases SET consent_photo = 1")
    assert "photo.jpg" in phone.get(f"/r/{token}/letter").text
    (page,) = pypdf.PdfReader(io.BytesIO(phone.get(pdf_url).data)).pages
    assert page.images


@pytest.mark.parametrize(
    ("outcome", "others"),
    [("findings", {}), ("none_of_these", {}), ("cannot_assess", {"failed": ("advice.hair", "advice.focus")})],
)
def test_the_code_on_the_letter_holds_the_essentials_and_nothing_more(
    phone: FlaskClient,
    answered: Callable[..., str],
    store: Store,
    sent: dict[str, Any],
    outcome: str,
    others: dict[str, Any],
) -> None:
    page = phone.get(f"/r/{answered(outcome, **others)}/letter").text
    case = case_of(store, sent)
    document = store.document(case)
    assert document is not None
    told = letter(case, document, Step("refer", "county", 14))
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    assert told["digest"] == digest(document)
    assert len(compact(told)) < QR_BYTES
    for secret in (case.photo_id, case.sha256, sent["page_url"]):
        assert secret not in compact(told)
    drawn = segno.make_qr(compact(told), error="m").svg_inline(omitsize=True, border=2, svgclass="qr", lineclass=None)
    assert drawn in page


def test_today_is_told_as_within_no_days(answered: Callable[..., str], store: Store, sent: dict[str, Any]) -> None:
    answered(top="pemphigus")
    document = store.document(case_of(store, sent))
    assert document is not None
    assert letter(case_of(store, sent), document, Step("urgent", "county", 0))["days"] == 0
    assert "days" not in letter(case_of(store, sent), document, Step("low", "clinic", None))


def test_another_document_has_another_digest() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


@pytest.mark.parametrize(
    "address",
    [
        "http://192.0.2.1/x.png",
        "https://example.org/x.css",
        "file:///etc/passwd",
        "file:///static/../access.py",
        "//x/y",
    ],
)
def test_the_writer_fetches_nothing_that_is_not_ours(address: str) -> None:
    with pytest.raises(FatalURLFetchingError):
        OwnFiles().fetch(address)


def test_a_page_that_asks_for_something_else_becomes_no_pdf() -> None:
    with pytest.raises(PaperFailed, match="not ours"):
        Printer().pdf('<html><body><p>中文</p><img src="http://192.0.2.1/x.png"></body></html>')


def test_a_writer_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "WRITER", (sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(PaperFailed):
        Printer(timeout_s=0.5).pdf("<p>x</p>")


def test_while_one_pdf_is_made_others_are_told_to_come_again_in_both_apps(
    services: Services, kiosk: FlaskClient, phone: FlaskClient, answered: Callable[..., str]
) -> None:
    services.printer = Printer(turn_s=0.05)
    path = f"/api/v1/results/{answered()}/letter.pdf?language=en"
    with services.printer._one:  # as while one is made
        for client in (phone, kiosk):
            later = client.get(path)
            assert (later.status_code, later.get_json()["key"]) == (503, "paper_busy")
            assert later.get_json()["remedy"]
            assert int(later.headers["Retry-After"]) > 0
    assert Printer().turn_s <= 3  # all threads of the server may be waiting so long
    assert phone.get(path).status_code == 200


def test_without_the_font_there_is_no_pdf_with_empty_boxes() -> None:
    with pytest.raises(PaperFailed, match="fonts-noto-cjk"):
        Printer().pdf("<html><body></body></html>")


def test_a_failure_says_what_to_do(
    phone: FlaskClient, answered: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "WRITER", (sys.executable, "-c", "raise SystemExit(1)"))
    failed = phone.get(f"/api/v1/results/{answered()}/result.pdf?language=en")
    assert (failed.status_code, failed.get_json()["key"]) == (503, "paper_failed")
    assert failed.get_json()["remedy"]
