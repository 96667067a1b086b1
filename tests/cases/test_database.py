import random
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from appliance.cases.database import MIGRATIONS, Database, migrate
from appliance.cases.links import hash_of
from appliance.errors import DatabaseDamaged, DatabaseTooNew, StoreBusy, StoreError

NUMBERS = [int(script.name[:4]) for script in MIGRATIONS.glob("*.sql")]
NEWEST = max(NUMBERS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cases.sqlite3"


@pytest.mark.parametrize(
    ("name", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("user_version", NEWEST)],
)
def test_settings_that_keep_data_safe(path: Path, name: str, value: object) -> None:
    with Database(path) as database:
        assert database.value(f"PRAGMA {name}") == value


def test_migrations_are_numbered_without_gaps() -> None:
    assert sorted(NUMBERS) == list(range(1, NEWEST + 1))


def test_an_empty_file_is_migrated_to_now(path: Path) -> None:
    path.touch()
    with Database(path) as database:
        assert database.rows("SELECT * FROM cases") == []


def scripts(folder: Path, *texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, start=1):
        (folder / f"{number:04}_step.sql").write_text(text, encoding="utf-8")
    return folder


def test_a_later_migration_keeps_what_is_there(path: Path, tmp_path: Path) -> None:
    first = "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('kept');"
    with Database(path, scripts(tmp_path / "m", first)):
        pass
    with Database(path, scripts(tmp_path / "m", first, "ALTER TABLE notes ADD COLUMN colour TEXT;")) as database:
        assert database.value("PRAGMA user_version") == 2
        assert [tuple(row) for row in database.rows("SELECT text, colour FROM notes")] == [("kept", None)]


def test_a_migration_happens_whole_or_not_at_all(path: Path, tmp_path: Path) -> None:
    broken = scripts(tmp_path / "m", "CREATE TABLE one (x);", "CREATE TABLE two (x); CREATE TABLE one (x);")
    with pytest.raises(StoreError):
        Database(path, broken)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("one",)]


def test_a_link_of_before_hashes_were_kept_works_on_and_its_token_is_gone(path: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    for script in sorted(MIGRATIONS.glob("*.sql"))[:9]:
        (before / script.name).write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
    made = secrets.token_urlsafe(16)
    with Database(path, before) as database, database.transaction() as connection:
        columns = "code, source, site, consent, taken_at, clock, photo_id, sha256, simulated"
        values = "'AAAA-AA', 'file', 'back', 1, '', 'synced', 'p', 's', 0"
        connection.execute(f"INSERT INTO cases ({columns}) VALUES ({values})")  # noqa: S608  # our own words
        connection.execute("INSERT INTO links (token, case_number, expires_at) VALUES (?, 1, '')", (made,))
    with Database(path) as database:
        assert [row[0] for row in database.rows("SELECT hash FROM links")] == [hash_of(made)]
    assert made.encode() not in path.read_bytes()


def test_a_newer_database_is_not_touched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
        with pytest.raises(DatabaseTooNew):
            migrate(connection)
    with pytest.raises(DatabaseTooNew, match=str(NEWEST + 1)):
        Database(path)


def test_what_is_no_database_is_damaged(path: Path) -> None:
    path.write_bytes(b"the card was full of holes" * 1000)
    with pytest.raises(DatabaseDamaged):
        Database(path)


def test_a_page_of_nonsense_is_damaged(path: Path) -> None:
    with Database(path):
        pass
    content = bytearray(path.read_bytes())
    content[4096 : 3 * 4096] = random.Random(1).randbytes(2 * 4096)
    path.write_bytes(content)
    with pytest.raises(DatabaseDamaged):
        Database(path)


def test_a_transaction_that_raises_leaves_nothing(path: Path) -> None:
    line = "INSERT INTO deletions (case_number, at, clock) VALUES (1, '', 'synced')"
    with Database(path) as database:
        with suppress(KeyError), database.transaction() as connection:
            connection.execute(line)
            raise KeyError
        assert database.rows("SELECT * FROM deletions") == []
        with database.transaction() as connection:
            connection.execute(line)
        assert len(database.rows("SELECT * FROM deletions")) == 1


def test_another_program_that_keeps_the_database_is_an_error_after_a_while(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.cases.database.BUSY_S", 0.05)
    with Database(path) as database, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy), database.transaction():
            pass
        other.execute("ROLLBACK")
        other.execute("BEGIN")
        other.execute("SELECT * FROM cases").fetchall()
        with pytest.raises(StoreBusy):
            database.scrub()
        other.execute("ROLLBACK")
        database.scrub()


def test_scrubbing_leaves_no_trace_of_deleted_rows(path: Path) -> None:
    """In a tree of many pages SQLite's secure_delete alone misses copies that it made when it moved rows."""
    chance = random.Random(5)
    words = [chance.randbytes(12).hex() for _ in range(6000)]
    with Database(path) as database:
        with database.transaction() as connection:
            connection.execute("CREATE TABLE words (word TEXT PRIMARY KEY, filler TEXT)")
            rows = [(word, "x" * chance.randrange(200)) for word in words]
            connection.executemany("INSERT INTO words VALUES (?, ?)", rows)
        gone = chance.sample(words, 3000)
        with database.transaction() as connection:
            connection.executemany("DELETE FROM words WHERE word = ?", [(word,) for word in gone])
        database.scrub()
        content = b"".join(file.read_bytes() for file in path.parent.glob("cases*"))
    assert [word for word in gone if word.encode() in content] == []
    assert all(word.encode() in content for word in set(words) - set(gone))


def test_closing_twice_is_no_error(path: Path) -> None:
    database = Database(path)
    database.close()
    database.close()
    with pytest.raises(StoreError):
        database.value("SELECT 1")
