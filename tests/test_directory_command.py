"""``dermkiosk directory``: the same checks as in the browser, beside a running kiosk."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.cases.store import Store
from appliance.cli import main


def run(state: Path, *arguments: str, piped: bytes = b"") -> tuple[int, str]:
    done = CliRunner().invoke(main, ["directory", "--state", str(state), *arguments], input=piped)
    return done.exit_code, done.output


@pytest.fixture
def good(tmp_path: Path) -> str:
    file = tmp_path / "good.csv"
    file.write_text("name,district,level\nA,x,county\nB,x,city\n", encoding="utf-8")
    return str(file)


def test_a_directory_is_imported_while_the_kiosk_runs(tmp_path: Path, good: str) -> None:
    with Store(tmp_path / "state") as store:
        code, said = run(tmp_path / "state", good)
        assert (code, "Places that are kept now: 2." in said) == (0, True)
        assert [place.name for place in store.directory.places()] == ["A", "B"]
        entry = store.audit.entries()[0]
        assert (entry.actor, entry.action, entry.detail) == ("installer", "directory", "2")


def test_a_file_that_only_the_installer_may_read_is_piped_in(tmp_path: Path, good: str) -> None:
    with Store(tmp_path / "state") as store:
        assert run(tmp_path / "state", "-", piped=Path(good).read_bytes())[0] == 0
        assert [place.name for place in store.directory.places()] == ["A", "B"]


def test_a_check_changes_nothing(tmp_path: Path, good: str) -> None:
    with Store(tmp_path / "state") as store:
        assert run(tmp_path / "state", "--check", good)[0] == 0
        assert store.directory.places() == ()


@pytest.mark.parametrize(("language", "words"), [("en", "Line 3: "), ("zh", "第 3 行")])
def test_mistakes_are_said_with_their_line(tmp_path: Path, good: str, language: str, words: str) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("name,district,level\nA,x,county\nB,x,palace\n", encoding="utf-8")
    with Store(tmp_path / "state") as store:
        run(tmp_path / "state", good)
        code, said = run(tmp_path / "state", "--language", language, str(wrong))
        assert (code, words in said, "palace" in said) == (1, True, True)
        assert len(store.directory.places()) == 2
