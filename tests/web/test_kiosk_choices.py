"""What the kiosk asks with more than a button: the code of an earlier visit, and the place on the body."""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import segno
from flask.testing import FlaskClient
from PIL import Image

from appliance.cases.store import Intake, Store
from appliance.messages import text
from appliance.vision.photo import Pixels
from appliance.web import scan
from appliance.web.sites import SIDES, SITES
from appliance.web.visit import Kiosk
from firmware.skin import lit

DEADLINE_S = 60


@pytest.fixture
def do(by_visit: Callable[..., int]) -> Callable[..., int]:
    return by_visit


@pytest.mark.parametrize(("typed", "said"), [("222222", "unknown"), ("222223", "misread")])
def test_a_wrong_code_is_said_and_another_can_be_typed(
    kiosk: FlaskClient, visit: Kiosk, do: Any, typed: str, said: str
) -> None:
    do("start", "consent", "earlier")
    for key in typed:
        do("code", key=key)
    assert (visit.visit.phase, visit.visit.typed) == ("code", "")
    assert text("zh", f"kiosk.code.{said}") in kiosk.get("/").text
    do("new")
    assert (visit.visit.phase, visit.visit.known) == ("site", False)


def test_the_keypad_works_key_by_key_without_a_script(kiosk: FlaskClient, visit: Kiosk, do: Any, store: Store) -> None:
    patient = store.new_patient()
    store.accept(Intake(np.zeros((32, 32, 3), np.uint8), "0" * 64, "kiosk", "back", True, None, True, patient=patient))
    do("start", "consent", "earlier")
    keys = patient.replace("-", "")
    for key in ("9", "-", *keys[:3]):
        do("code", key=key)
    assert visit.visit.typed == keys[:3]
    assert f'data-typed="{keys[:3]}"' in kiosk.get("/").text
    for key in keys[3:]:
        do("code", key=key)
    assert (visit.visit.phase, visit.visit.patient) == ("site", patient)


def shown_code(content: str) -> Pixels:
    """A printed QR code as the camera's preview would have it."""
    file = io.BytesIO()
    segno.make_qr(content, error="m").save(file, kind="png", scale=9, border=4)
    code = np.asarray(Image.open(file).convert("RGB"))
    frame = np.full((432, 576, 3), 150, np.uint8)
    frame[40 : 40 + code.shape[0], 90 : 90 + code.shape[1]] = code
    return frame


@pytest.mark.parametrize("content", ["{}", '{{"schema": "dermkiosk.result/1", "case": "{}"}}'])
def test_a_code_held_under_the_camera_is_read(
    kiosk: FlaskClient, visit: Kiosk, do: Any, store: Store, hardware: Any, content: str
) -> None:
    patient = store.new_patient()
    store.accept(Intake(np.zeros((32, 32, 3), np.uint8), "0" * 64, "kiosk", "back", True, None, True, patient=patient))
    do("start", "consent", "earlier")
    kiosk.get("/kiosk/preview.jpg")
    assert visit.visit.phase == "code"  # skin is no code
    paper = Image.fromarray(shown_code(content.format(patient))).resize(hardware.camera.scene.ring.shape[1::-1])
    hardware.camera.scene = lit(np.asarray(paper, np.float32) / 255, np.zeros(paper.size[::-1], np.float32))
    for _ in range(8):  # until the exposure has settled
        kiosk.get("/kiosk/preview.jpg")
    assert (visit.visit.phase, visit.visit.patient) == ("site", patient)


def test_a_strangers_qr_code_is_said_once_and_does_not_flicker(visit: Kiosk, do: Any) -> None:
    do("start", "consent", "earlier")
    frame = shown_code("https://example.org/")
    visit.look(frame)
    step = visit.visit.step
    assert visit.visit.error is not None
    visit.look(frame)
    assert visit.visit.step == step


@pytest.mark.parametrize("turns", range(4))
def test_a_code_is_read_whichever_way_it_is_turned(turns: int) -> None:
    assert scan.read(np.ascontiguousarray(np.rot90(shown_code("K7QF-2M"), turns))) == "K7QF-2M"


def test_every_site_stands_on_the_map_and_every_label_is_a_site() -> None:
    labels = [site for columns in SIDES.values() for column in columns for site in column]
    assert set(labels) == set(SITES)
    assert all(len(column) == 6 for columns in SIDES.values() for column in columns)
    for columns in SIDES.values():
        assert len({*columns[0], *columns[1]}) == 12


def test_the_drawing_has_every_site_of_its_side_and_no_other(kiosk: FlaskClient, do: Any) -> None:
    do("start", "consent", "new")
    page = kiosk.get("/").text
    for side, after in (("front", "back"), ("back", "</form>")):
        drawn = page[page.index(f'data-side="{side}"') : page.index(after, page.index(f'data-side="{side}"'))]
        assert set(SIDES[side][0] + SIDES[side][1]) <= set(re.findall(r'data-site="(\w+)"', drawn)) <= set(SITES)
