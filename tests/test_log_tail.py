"""What the support file's log says, and what it never does."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import appliance
import firmware
from appliance.errors import StoreFull
from appliance.log_tail import LogTail, error_keys


@pytest.fixture
def tail() -> Iterator[LogTail]:
    handler = LogTail({"phone.result", "store_full"}, most=50)
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_a_line_has_our_words_numbers_and_known_names_alone(tail: LogTail) -> None:
    ours = logging.getLogger("appliance.cases.worker")
    ours.warning("%s: case number %d, %s of %s (%.1f s)", "phone.result", 12, "Wang Fang", Path("/wang.jpg"), 1.25)
    ours.error("%s %s", StoreFull("no room for Wang"), {"name": "Wang"})
    text = tail.text()
    assert "phone.result: case number 12, … of … (1.2 s)" in text
    assert "StoreFull[store_full] …" in text
    assert "ang" not in text


def test_of_an_exception_type_and_places_stay(tail: LogTail) -> None:
    try:
        int("Wang Fang")
    except ValueError:
        logging.getLogger("appliance.web.app").exception("%s failed", "phone.result")
    text = tail.text()
    assert "phone.result failed" in text
    assert "ValueError" in text
    assert "test_log_tail.py" in text
    assert "Wang" not in text


def test_of_other_programs_nothing_but_who_spoke(tail: LogTail) -> None:
    logging.getLogger("waitress").warning("Exception while serving /r/secret?name=Wang")
    assert re.search(r"WARNING waitress:\d+ …\n", tail.text())


def test_a_line_that_was_filled_wrongly_is_no_error(tail: LogTail) -> None:
    record = logging.LogRecord("appliance", logging.WARNING, "", 1, "%d photographs", ("Wang",), None)
    tail.emit(record)
    assert "%d photographs" in tail.text()


def test_the_oldest_lines_are_forgotten(tail: LogTail) -> None:
    for number in range(60):
        logging.getLogger("appliance").warning("line %d", number)
    assert "line 9\n" not in tail.text()
    assert "line 59\n" in tail.text()


def test_no_line_of_ours_is_put_together_before_it_is_logged() -> None:
    """Else it could hold a patient's data where a literal is expected."""
    speaks = r"log(?:ger)?(?:ging\.getLogger\(__name__\))?\.(?:debug|info|warning|error|exception|critical)"
    call = re.compile(rf"{speaks}\(\s*([^\"\s])")
    for package in (appliance, firmware):
        for path in Path(package.__file__ or "").parent.rglob("*.py"):
            assert not call.findall(path.read_text("utf-8")), path


def test_every_error_has_a_key() -> None:
    assert {"internal", "store_full", "camera_hung"} <= error_keys()
