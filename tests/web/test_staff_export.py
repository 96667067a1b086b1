"""Cases for the clinic's records by browser: whole, logged before they leave, and from nobody else."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.cases import layout
from appliance.cases.database import Database
from appliance.cases.export import streamed
from appliance.cases.store import Store
from appliance.errors import CaseNotExportable, StoreError
from appliance.messages import text
from appliance.web import staff_export
from appliance.web.app import create_kiosk_app
from appliance.web.services import EXPORTS, Services

Answer = Callable[..., None]


@pytest.fixture
def post(laptop: FlaskClient) -> Callable[..., Any]:
    csrf = re.search(r'name="csrf" value="([^"]+)"', laptop.get("/staff/pin").text)
    assert csrf
    return lambda path, **form: laptop.post(path, data={"csrf": csrf[1], **form})


def opened(answer: Any) -> zipfile.ZipFile:
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert archive.testzip() is None
    return archive


def test_one_case_with_all_that_belongs_to_it(
    post: Callable[..., Any], store: Store, sent: dict[str, Any], answer: Answer
) -> None:
    answer(top="psoriasis")
    code = sent["case"]
    store.reviews.note(store.case(code).number, "came back")
    with opened(post(f"/staff/cases/{code}/export.zip")) as archive:
        names = [f"{code}/{name}" for name in ("result.json", "case.json", "photograph.webp")]
        assert archive.namelist() == [*names, "cases.csv"]
        assert json.loads(archive.read(names[0]))["case"] == code
        assert json.loads(archive.read(names[1]))["notes"][0]["text"] == "came back"
        assert archive.read(names[2])[8:12] == b"WEBP"
    newest = store.audit.entries()[0]
    assert (newest.actor, newest.action, newest.case_number) == ("staff", "export", store.case(code).number)
    assert store.ledger.unexported() == [store.case(code).number]  # who knows whether the file was kept


def test_the_list_as_it_is_filtered_without_what_still_waits(
    post: Callable[..., Any],
    laptop: FlaskClient,
    phone: FlaskClient,
    form: Callable[..., Any],
    answer: Answer,
    store: Store,
) -> None:
    codes = {site: phone.post("/api/v1/photos", **form(site=site)).get_json()["case"] for site in ("forearm", "face")}
    answer()
    waits = phone.post("/api/v1/photos", **form(site="forearm")).get_json()["case"]
    page = laptop.get("/staff/cases").text
    assert text("en", "export.list_button", count=2) in page
    assert text("en", "export.waiting", count=1) in page
    with opened(post("/staff/cases/export.zip", site="forearm")) as archive:
        table = list(csv.DictReader(io.StringIO(archive.read("cases.csv").decode("utf-8-sig"))))
        assert [line["case"] for line in table] == [codes["forearm"]]
        assert not [name for name in archive.namelist() if name.startswith(waits)]
    with opened(post("/staff/cases/export.zip")) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {*codes.values(), "cases.csv"}
    logged = {each.case_number for each in store.audit.entries() if each.action == "export"}
    assert logged == {store.case(code).number for code in codes.values()}


def test_what_cannot_be_exported_is_said_and_nothing_is_logged(
    post: Callable[..., Any],
    sent: dict[str, Any],
    store: Store,
    phone: FlaskClient,
    form: Callable[..., Any],
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in (f"/staff/cases/{sent['case']}/export.zip", "/staff/cases/export.zip"):
        assert 'data-problem="nothing_to_export"' in post(path).text
    monkeypatch.setattr(staff_export, "MOST", 1)
    phone.post("/api/v1/photos", **form())
    answer()
    refused = post("/staff/cases/export.zip")
    assert refused.status_code == 422
    assert 'data-problem="export_too_large"' in refused.text
    assert not [each for each in store.audit.entries() if each.action == "export"]


def test_without_pin_and_token_nothing_leaves_and_the_kiosk_has_no_such_page(
    laptop: FlaskClient, phone: FlaskClient, services: Services, sent: dict[str, Any], answer: Answer
) -> None:
    answer()
    for path in (f"/staff/cases/{sent['case']}/export.zip", "/staff/cases/export.zip"):
        assert laptop.post(path, data={"csrf": "guess"}).status_code == 403
        assert phone.post(path).status_code in (401, 403)
    rules = {rule.endpoint for rule in create_kiosk_app(services).url_map.iter_rules()}
    assert not [rule for rule in rules if rule.startswith("staff_export")]


@pytest.fixture
def keep(laptop: FlaskClient) -> Callable[[], Any]:
    """Say that the newest download on the page of old cases is kept."""

    def said() -> Any:
        page = laptop.get("/staff/retention").text
        fields = {name: re.search(rf'name="{name}" value="([^"]+)"', page) for name in ("csrf", "download")}
        return laptop.post("/staff/retention/kept", data={name: found[1] for name, found in fields.items() if found})

    return said


def test_a_download_counts_as_exported_once_somebody_says_that_it_is_kept(
    post: Callable[..., Any], keep: Callable[[], Any], store: Store, sent: dict[str, Any], answer: Answer
) -> None:
    answer()
    number = store.case(sent["case"]).number
    opened(post(f"/staff/cases/{sent['case']}/export.zip")).close()
    assert store.ledger.unexported() == [number]
    assert keep().headers["Location"].endswith("kept=1")
    assert store.ledger.unexported() == []
    newest = store.audit.entries()[0]
    assert (newest.actor, newest.action, newest.case_number, newest.detail) == ("staff", "export", number, "kept")
    again = keep()
    assert (again.status_code, 'data-problem="download_unknown"' in again.text) == (409, True)


def test_every_download_stays_on_the_page_by_the_name_that_the_browser_was_given(
    post: Callable[..., Any], laptop: FlaskClient, store: Store, sent: dict[str, Any], answer: Answer
) -> None:
    answer()
    files = []
    for _ in range(25):
        given = post(f"/staff/cases/{sent['case']}/export.zip")
        opened(given).close()
        files.append(given.headers["Content-Disposition"].split("filename=")[1])
    assert len(set(files)) == len(files)
    assert all(sent["case"] in file for file in files)
    page = laptop.get("/staff/retention").text
    assert re.findall(r"<b>(dermkiosk-[^<]+\.zip)</b>", page) == files[::-1]
    store.delete(sent["case"], by="staff")
    assert "data-download" not in laptop.get("/staff/retention").text


def test_two_clicks_while_the_database_is_busy_are_one(
    post: Callable[..., Any], tmp_path: Path, store: Store, sent: dict[str, Any], answer: Answer
) -> None:
    answer()
    number = store.case(sent["case"]).number
    opened(post(f"/staff/cases/{sent['case']}/export.zip")).close()
    (download,) = store.exports.unconfirmed
    with Database(tmp_path / "state" / layout.DATABASE) as another, ThreadPoolExecutor(2) as clicks:
        with another.transaction():  # as a backup has it for a while
            said = [clicks.submit(store.exports.confirm, download.id, "staff") for _ in range(2)]
            wait(said, timeout=0.3)
        assert [each.result() for each in said] == [(number,), (number,)]
    later = post("/staff/retention/kept", download=download.id)
    assert later.headers["Location"].endswith("kept=1")
    assert [each.detail for each in store.audit.entries() if each.action == "export"] == ["kept", "zip"]


def test_what_cannot_be_logged_does_not_count_and_may_be_said_again(
    post: Callable[..., Any],
    keep: Callable[[], Any],
    tmp_path: Path,
    store: Store,
    sent: dict[str, Any],
    answer: Answer,
) -> None:
    answer()
    number = store.case(sent["case"]).number
    opened(post(f"/staff/cases/{sent['case']}/export.zip")).close()
    with Database(tmp_path / "state" / layout.DATABASE) as another:
        with another.transaction() as connection:
            connection.execute("CREATE TRIGGER cut BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'cut'); END")
        with pytest.raises(StoreError):
            store.exports.confirm(store.exports.unconfirmed[0].id, "staff")
        assert store.ledger.unexported() == [number]
        with another.transaction() as connection:
            connection.execute("DROP TRIGGER cut")
    assert keep().headers["Location"].endswith("kept=1")
    assert store.ledger.unexported() == []


def test_a_case_that_changed_after_its_download_does_not_count(
    post: Callable[..., Any], keep: Callable[[], Any], store: Store, sent: dict[str, Any], answer: Answer
) -> None:
    answer()
    number = store.case(sent["case"]).number
    opened(post(f"/staff/cases/{sent['case']}/export.zip")).close()
    store.reviews.note(number, "came back")
    assert keep().headers["Location"].endswith("kept=0")
    assert store.ledger.unexported() == [number]


def test_a_download_that_was_broken_off_is_not_offered(
    post: Callable[..., Any], keep: Callable[[], Any], store: Store, sent: dict[str, Any], answer: Answer
) -> None:
    answer()
    broken_off = store.exports.zipped([store.case(sent["case"]).number], "cases.zip")
    next(broken_off)
    broken_off.close()  # type: ignore[attr-defined]  # a generator, as the server closes it
    assert store.exports.unconfirmed == []
    assert keep().status_code == 409


def test_no_more_downloads_at_a_time_than_the_box_has_room_for(
    post: Callable[..., Any], sent: dict[str, Any], answer: Answer, store: Store
) -> None:
    answer()
    path = f"/staff/cases/{sent['case']}/export.zip"
    under_way = [post(path, buffered=False) for _ in range(EXPORTS)]
    logged = len(store.audit.entries())
    refused = post(path)
    assert (refused.status_code, len(store.audit.entries())) == (503, logged)
    assert int(refused.headers["Retry-After"]) > 0
    assert 'data-problem="export_busy"' in refused.text
    under_way[0].close()  # the browser went away
    assert opened(post(path))
    assert opened(under_way[1])  # and this one came to its end
    assert opened(post(path))
    assert opened(post(path))


def test_a_zip_that_breaks_off_is_no_zip() -> None:
    def files() -> Any:
        yield "a.txt", b"a"
        raise CaseNotExportable("deleted meanwhile")

    zipped = streamed(files())
    pieces = [next(zipped)]
    with pytest.raises(CaseNotExportable):
        next(zipped)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
