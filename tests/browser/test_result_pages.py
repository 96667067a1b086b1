"""From the answer to paper: a patient reads and prints what to do; a clinician looks, exports and imports."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from appliance.cases.directory import read
from appliance.cases.document import Origin, PhotoRecord, build, model_record
from appliance.cases.store import Case, Intake, Store
from appliance.cases.visits import Consent
from appliance.messages import Language, text
from appliance.serve import Listener
from appliance.settings import Settings
from appliance.vision.assessment import Risk
from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels, decode
from appliance.web.app import create_lan_app
from appliance.web.services import Services
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw
from tests.browser.conftest import Box
from tests.browser.test_access import KIOSK, PAPER, PHONES, faults, not_in, too_wide

PIN = "482915"
SMALL = (384, 288)
SAID: dict[str, dict[str, Any]] = {
    "no hurry": {"outcome": "findings", "risk": Risk("low", 0.01, "benign")},
    "urgent": {"outcome": "findings", "risk": Risk("urgent", 0.1, "pemphigus_possible")},
    "none of these": {"outcome": "none_of_these", "risk": Risk("refer", 0.1, "none_of_these")},
}
DIRECTORY = (
    "name,district,level,specialties,phone,travel_minutes\n青山县人民医院,青山县,county,皮肤科,0871-5550101,45\n"
)
LOCALES: dict[Language, str] = {"zh": "zh-CN", "en": "en-GB"}


@pytest.fixture(scope="module")
def answered_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """The phones' pages over a store of this process, with a PIN; nothing answers by itself."""
    settings, light = Settings(camera="synthetic", state=tmp_path_factory.mktemp("paper") / "state"), SimulatedLight()
    camera = SyntheticCamera(light, draw(Skin(), SMALL), size=SMALL)
    with Station(camera, light, SimulatedIndicator(), SimulatedButton()) as station, Store(settings.state) as store:
        store.pin.set(PIN, "kiosk")
        services = Services(settings, store, lambda: None, station, decode, lambda: (), lambda: "http://127.0.0.1")
        listener = Listener(create_lan_app(services), "127.0.0.1", 0)
        listener.start()
        yield Box("", f"http://127.0.0.1:{listener.port}", store)
        listener.close()


@pytest.fixture
def answer(answered_box: Any, assessor: Assessor, skin: Pixels) -> Callable[..., Case]:
    """A case with the network's own numbers and maps. What is said of it is chosen: ``answer(outcome=…, risk=…)``."""

    def answered(**said: Any) -> Case:
        case: Case = answered_box.store.accept(Intake(skin, "0" * 64, "phone_camera", "forearm", True, None, True))
        assessment = replace(assessor.assess(skin, use_gate=False), **said)
        photo = PhotoRecord(case.photo_id, case.source, case.taken_at, case.clock, case.sha256)
        document = build(Origin(photo, case.code, None, simulated=True), assessment, model_record(assessor))
        answered_box.store.answer(case, document, assessment.class_maps)
        return case

    return answered


@pytest.fixture
def answered(answer: Callable[..., Case]) -> Case:
    """A case that somebody must see a doctor with."""
    return answer(outcome="findings", risk=Risk("refer", 0.4, "malignancy_above_threshold"))


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def downloaded(page: Page, url: str) -> str:
    """The text of a PDF, without spaces."""
    answer = page.request.get(url, timeout=90_000)
    assert answer.headers["content-type"] == "application/pdf"
    pages = pypdf.PdfReader(io.BytesIO(answer.body())).pages
    return "".join("".join(each.extract_text().split()) for each in pages)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_patient_reads_what_to_do_and_takes_it_along_on_paper(
    phone: Callable[..., Page], answered_box: Any, answered: Case, language: Language
) -> None:
    answered_box.store.directory.replace(read(DIRECTORY.encode()))
    page = phone(answered_box, locale=LOCALES[language])
    page.goto(f"{answered_box.phones}/r/{answered_box.store.link(answered, 1).token}")
    steps = page.locator(".what-next")
    expect(steps).to_contain_text(text(language, "soon.weeks", count=2))
    expect(steps).to_contain_text("青山县人民医院")
    expect(steps).to_contain_text(text(language, "sooner.malignancy_above_threshold"))
    assert fits(page)
    page.click(f"text={text(language, 'paper.letter')}")
    expect(page.locator("svg.qr")).to_be_visible()
    expect(page.locator("#print")).to_be_visible()
    assert fits(page)
    told = downloaded(page, page.get_by_text(text(language, "paper.pdf")).evaluate("link => link.href"))
    assert answered.code in told
    assert "青山县人民医院" in told
    page.click(f"text={text(language, 'kiosk.back')}")
    page.click(f"text={text(language, 'paper.sheet')}")
    expect(page.locator("main")).to_contain_text(text(language, "result.cannot_see.act"))
    assert fits(page)


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("said", SAID)
def test_axe_finds_nothing_and_everything_fits_whatever_the_answer_is(
    phone: Callable[..., Page],
    clinician: Callable[..., Page],
    answered_box: Any,
    answer: Callable[..., Case],
    said: str,
    language: Language,
) -> None:
    case = answer(**SAID[said])
    page, found = phone(answered_box, locale=LOCALES[language]), []
    link = f"{answered_box.phones}/r/{answered_box.store.link(case, 1).token}"
    for ending in ("", *PAPER):
        page.goto(link + ending)
        found += not_in(language, page) + faults(page) + too_wide(page, PHONES)
    seen = clinician(case, language)
    found += not_in(language, seen) + faults(seen) + too_wide(seen, PHONES + KIOSK)
    assert not found, "\n".join(found)


@pytest.fixture
def clinician(browse: Callable[..., Page], answered_box: Any) -> Callable[..., Page]:
    """A laptop that is logged in, at the case's page."""

    def window(case: Case, language: Language, **options: Any) -> Page:
        page = browse(1280, 800, answered_box, locale=LOCALES[language], **options)
        page.goto(f"{answered_box.phones}/staff/cases/{case.code}")
        page.fill("input[name=pin]", PIN)
        page.press("input[name=pin]", "Enter")
        expect(page.locator("#probabilities")).to_be_visible()
        return page

    return window


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_clinician_looks_through_the_maps_and_exports_the_letter(
    clinician: Callable[..., Page], answered_box: Any, answered: Case, language: Language
) -> None:
    page = clinician(answered, language, device_scale_factor=2)
    expect(page.locator("#probabilities tbody tr")).to_have_count(8)
    overlay = page.locator("#map-picture")
    page.select_option("#map-class", "pemphigus")
    expect(overlay).to_have_attribute("src", f"/staff/cases/{answered.code}/map/pemphigus.png")
    expect(overlay).not_to_have_js_property("naturalWidth", 0)
    page.locator("#map-opacity").fill("20")
    expect(overlay).to_have_css("opacity", "0.2")
    page.click(f"text={text(language, 'paper.letter')}")
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.locator("svg.qr").screenshot())))
    assert json.loads(code.text)["case"] == answered.code
    told = downloaded(page, page.get_by_text(text(language, "paper.pdf")).evaluate("link => link.href"))
    assert "".join(text(language, "letter.title").split()) in told
    assert [(each.action, each.detail) for each in answered_box.store.audit.entries()[:2]] == [
        ("export", "letter"),
        ("print", "letter"),
    ]


@pytest.mark.parametrize("width", [360, 1280])
def test_earlier_photographs_stand_side_by_side_with_millimetres_of_one_length(
    clinician: Callable[..., Page], answered_box: Any, answer: Callable[..., Case], skin: Pixels, width: int
) -> None:
    store: Store = answered_box.store
    patient, visit = store.new_patient(), store.agree(Consent("words", "en", photo_in_letter=False))
    scales = (0.03, 0.05)  # mm per pixel
    for scale in scales:
        about = {"mm_per_pixel": scale}
        store.accept(Intake(skin, "1" * 64, "kiosk", "hand", True, about, True, patient=patient, visit=visit))
    document = store.document(answer(outcome="findings"))
    assert document is not None
    found = [each for each in store.cases() if each.patient == patient]
    for each in found:
        assert store.answer(each, document, None)
    page = clinician(found[0], "en")
    page.set_viewport_size({"width": width, "height": 740})
    boxes = [page.locator(f"[data-code='{each.code}'] img").bounding_box() for each in found]
    a_millimetre = [box["width"] / (scale * skin.shape[1]) for box, scale in zip(boxes, scales[::-1], strict=True)]
    bar = page.locator(".scale svg").bounding_box()
    assert bar is not None
    assert a_millimetre == pytest.approx([bar["width"] / 10] * 2, rel=0.02)
    assert len({round(box["y"] + box["height"]) for box in boxes}) == 1
    assert fits(page)


def test_without_scripts_any_map_is_shown_too(clinician: Callable[..., Page], answered: Case) -> None:
    page = clinician(answered, "en", java_script_enabled=False)
    expect(page.locator("#map-opacity")).to_be_hidden()
    page.select_option("#map-class", "pemphigus")
    page.click("#map-show")
    expect(page.locator("#map-picture")).to_have_attribute("src", f"/staff/cases/{answered.code}/map/pemphigus.png")


def test_staff_import_where_to_send_patients(
    clinician: Callable[..., Page], answered_box: Any, answered: Case, tmp_path: Path
) -> None:
    good, wrong = tmp_path / "good.csv", tmp_path / "wrong.csv"
    good.write_bytes(DIRECTORY.encode("gb18030"))
    wrong.write_text("name,district,level\nA,x,palace\n", encoding="utf-8")
    before = answered_box.store.directory.places()
    page = clinician(answered, "en")
    page.click(f"text={text('en', 'staff.nav.directory')}")
    page.set_input_files("input[name=file]", wrong)
    page.click(f"text={text('en', 'directory.import.look')}")
    expect(page.locator("[data-line='2']")).to_contain_text("palace")
    page.click(f"text={text('en', 'directory.again')}")
    page.set_input_files("input[name=file]", good)
    page.click(f"text={text('en', 'directory.import.look')}")
    expect(page.locator("tbody")).to_contain_text("青山县人民医院")
    assert answered_box.store.directory.places() == before
    page.click(f"text={text('en', 'directory.keep')}")
    expect(page.locator(".card[role=status]")).to_be_visible()
    page.goto(f"{answered_box.phones}/r/{answered_box.store.link(answered, 1).token}")
    expect(page.locator("[data-place]")).to_contain_text("0871-5550101")
