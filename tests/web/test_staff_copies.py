"""Backups from the staff's page: asked for, under way, made, failed; and what the page says of each."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from appliance import backup_request
from appliance.cases import backup, clock, layout
from appliance.cases.copies import LOCK_SUFFIX, WORK, only_one
from appliance.cases.repair import open_store
from appliance.cases.store import Store
from appliance.cli import main
from appliance.errors import DatabaseDamaged
from appliance.files import private_folder
from appliance.messages import text
from appliance.web import staff_copies
from appliance.web.services import Services

PAGE = "/staff/copies"
KILLED = Path(__file__).parents[1] / "cases/backup_child.py"
KEY = "abcd-efgh-jkmn-pqrs-tuvw-xyz2-3456"


@pytest.fixture
def bell(tmp_path: Path, services: Services) -> Path:
    """The file that the system would watch, on a box that is installed."""
    file = private_folder(tmp_path / "run") / "backup-wanted"
    object.__setattr__(services.settings, "backup_bell", file)
    return file


@pytest.fixture
def stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stick of the right name is in."""
    folder = tmp_path / "DERMKIOSK"
    folder.mkdir()
    monkeypatch.setattr(backup_request, "STICK", folder)
    return folder


@pytest.fixture
def asked(laptop: FlaskClient) -> Callable[[], Any]:
    """Touch the button."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', laptop.get("/staff/pin").text)
    assert csrf
    return lambda: laptop.post(PAGE, data={"csrf": csrf[1]})


@pytest.fixture
def run(services: Services, stick: Path, tmp_path: Path) -> Callable[[], int]:
    """What the system does then: the command, in a program of its own."""
    key = tmp_path / "key"
    key.write_text(KEY)

    def command() -> int:
        arguments = ["backup", str(stick), "--state", str(services.settings.state), "--key-file", str(key)]
        return CliRunner().invoke(main, arguments).exit_code

    return command


def test_a_backup_is_asked_for_made_and_said_to_be_whole(
    laptop: FlaskClient,
    store: Store,
    bell: Path,
    asked: Callable[[], Any],
    run: Callable[[], int],
    sent: dict[str, Any],
    answer: Callable[..., None],
) -> None:
    answer()
    before = laptop.get(PAGE).text
    assert 'data-last=""' in before
    assert 'data-lacking="1"' in before
    assert asked().headers["Location"].endswith("asked=1")
    assert bell.read_text() == "wanted\n"
    assert [(each.actor, each.action) for each in store.audit.entries()[:1]] == [("staff", "backup_asked")]
    assert run() == 0
    after = laptop.get(PAGE).text
    assert text("en", "copies.proved", cases=1, photographs=1) in after
    assert 'data-lacking="0"' in after
    assert "data-failed" not in after


def test_why_the_last_one_failed_is_said_until_one_succeeds(
    laptop: FlaskClient, bell: Path, run: Callable[[], int], stick: Path
) -> None:
    assert bell
    stick.rmdir()
    assert run() == 1
    page = laptop.get(PAGE).text
    assert 'data-failed="stick_missing"' in page
    assert text("en", "copies.why.stick_missing") in page
    stick.mkdir()
    assert run() == 0
    assert "data-failed" not in laptop.get(PAGE).text


def test_any_error_is_said_not_those_of_backups_alone(
    laptop: FlaskClient, run: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: Path) -> None:
        raise DatabaseDamaged("a page of the copy")

    with monkeypatch.context() as copying:
        copying.setattr(backup, "copy_database", damaged)
        assert run() == 1
    assert 'data-failed="database_damaged"' in laptop.get(PAGE).text


@pytest.mark.usefixtures("bell")
def test_where_nothing_came_of_what_was_asked_the_page_says_so(
    laptop: FlaskClient, asked: Callable[[], Any], run: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked()
    at_once = laptop.get(f"{PAGE}?asked=1").text
    assert "data-asked" in at_once
    assert "data-unheard" not in at_once
    later = replace(clock.now(), time=clock.now().time + timedelta(minutes=11))
    with monkeypatch.context() as time:
        time.setattr(staff_copies, "now", lambda: later)
        page = laptop.get(f"{PAGE}?asked=1").text
        assert "data-unheard" in page
        assert "data-asked" not in page
        assert run() == 0
        assert "data-unheard" not in laptop.get(PAGE).text


def test_one_that_was_killed_is_said_until_one_succeeds(
    laptop: FlaskClient, services: Services, run: Callable[[], int], stick: Path, tmp_path: Path
) -> None:
    assert run() == 0
    given: list[str | Path] = ["backup", stick, "--state", services.settings.state, "--key-file", tmp_path / "key"]
    ended = subprocess.run([sys.executable, KILLED, r"generations/\d", *given], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    page = laptop.get(PAGE).text
    assert "data-cut" in page
    assert "data-failed" not in page
    assert "data-running" not in page
    assert text("en", "copies.why.cut") in page
    services.store.audit.record("installer", "restore")  # the backup holds the line with which it began
    assert "data-cut" not in laptop.get(PAGE).text
    services.store.ledger.begin_backup()
    assert "data-cut" in laptop.get(PAGE).text
    assert run() == 0
    assert "data-cut" not in laptop.get(PAGE).text


def test_a_database_put_back_from_a_copy_made_during_a_backup_does_not_call_it_cut_off(
    laptop: FlaskClient, services: Services
) -> None:
    """Nobody can tell from the copy how it ended; the page counts the cases that no backup has."""
    folder = services.settings.state
    services.store.ledger.begin_backup()
    assert "data-cut" in laptop.get(PAGE).text
    services.store.spare.make_copy()
    services.store.close()
    (folder / layout.DATABASE).write_bytes(b"damaged")
    with open_store(folder) as store:
        object.__setattr__(services, "store", store)
        page = laptop.get(PAGE).text
        assert "data-cut" not in page
        assert [entry.action for entry in store.audit.entries()[:2]] == ["repair", "backup_begun"]


def test_without_a_stick_nothing_is_asked(bell: Path, asked: Callable[[], Any], laptop: FlaskClient) -> None:
    assert 'data-plugged="no"' in laptop.get(PAGE).text
    answer = asked()
    assert 'data-problem="stick_missing"' in answer.text
    assert not bell.exists()


@pytest.mark.usefixtures("stick")
def test_while_one_is_made_no_other_is_asked_for(
    bell: Path, asked: Callable[[], Any], laptop: FlaskClient, services: Services
) -> None:
    lock = private_folder(services.settings.state / layout.COPIES) / f"{WORK}{LOCK_SUFFIX}"
    services.store.ledger.begin_backup()
    with ExitStack() as held:
        held.enter_context(only_one(lock))
        page = laptop.get(PAGE).text
        assert "data-running" in page
        assert "data-cut" not in page
        answer = asked()
        assert (answer.status_code, bell.exists()) == (409, False)
    assert "data-running" not in laptop.get(PAGE).text


@pytest.mark.usefixtures("stick")
def test_a_machine_that_is_no_installed_box_says_so(asked: Callable[[], Any], services: Services) -> None:
    object.__setattr__(services.settings, "backup_bell", services.settings.state / "nowhere/backup-wanted")
    answer = asked()
    assert answer.status_code == 503
    assert 'data-problem="backup_unstartable"' in answer.text


def test_nobody_without_the_pin_asks_for_a_backup(phone: FlaskClient, bell: Path, laptop: FlaskClient) -> None:
    assert phone.post(PAGE).status_code in (401, 403)
    assert laptop.post(PAGE, data={"csrf": "guess"}).status_code == 403
    assert not bell.exists()
