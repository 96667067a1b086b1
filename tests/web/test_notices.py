"""What the box says of itself by itself: a card that fills, a backup that is old, records that were put back."""

import re

from flask.testing import FlaskClient

from appliance.cases.store import Store
from appliance.health import repair
from appliance.health.result import Result


def test_kiosk_and_staff_are_told_and_patients_phones_are_not(
    kiosk: FlaskClient, laptop: FlaskClient, phone: FlaskClient, checks: list[Result]
) -> None:
    filling = 'data-notice="disk"'
    pages = (lambda: kiosk.get("/").text, lambda: laptop.get("/staff/cases").text, lambda: phone.get("/send").text)
    assert [filling in page() for page in pages] == [False, False, False]
    checks.append(Result("disk", True, "filling", "reading.used", {"percent": 83}, notice=True))
    assert [filling in page() for page in pages] == [True, True, False]
    assert "83 % used" in laptop.get("/staff/cases").text


def test_what_was_repaired_is_said_until_staff_have_read_it(
    laptop: FlaskClient, store: Store, checks: list[Result]
) -> None:
    with store._database.transaction() as connection:
        connection.execute(
            "INSERT INTO repairs (at, clock, regained, unlinked, missing) VALUES ('', 'synced', 2, 1, 0)"
        )
    checks.append(repair.check(store))
    page = laptop.get("/staff/health").text
    assert "Put back: 2. Without a case: 1. Photo lost: 0." in page
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token is not None
    assert laptop.post("/staff/health/repair").status_code == 403
    assert store.ledger.repair() is not None
    assert laptop.post("/staff/health/repair", data={"csrf": token[1]}).status_code == 303
    assert store.ledger.repair() is None
