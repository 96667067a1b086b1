"""What a start does with what it finds: unfinished things, foreign things, and a database that went backwards."""

import logging
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from appliance.cases.photos import Photos
from appliance.cases.store import Intake, Store
from appliance.errors import DatabaseDamaged, ErasureUnfinished, StateFolderForeign

Make = Callable[..., Intake]
SOME_ID = "0123456789abcdef" * 2


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_unfinished_photographs_are_removed_and_foreign_files_stay(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        case = store.accept(intake())
    foreign = {"0123.webp", "notes.txt", ".notes.txt.abcdefgh.tmp", f"{SOME_ID}.jpg"}
    for name in (*foreign, f".{SOME_ID}.webp.abc_1234.tmp"):
        (folder / "photos" / name).write_bytes(b"half")
    with Store(folder) as store:
        assert {path.name for path in (folder / "photos").iterdir()} == {f"{case.photo_id}.webp", *foreign}
        assert store.cases() == [case]


@pytest.mark.parametrize("name", ["letter.txt", "photos/holiday.webp", "photos/orphaned.txt", ".hidden", "work/x"])
def test_a_folder_of_somebody_else_is_refused_and_not_touched(folder: Path, name: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"theirs")
    folder.chmod(0o755)
    with pytest.raises(StateFolderForeign):
        Store(folder)
    assert files(folder) == {name: b"theirs"}
    assert mode(folder) == 0o755


def test_the_database_of_another_program_is_refused_and_not_changed(folder: Path) -> None:
    folder.mkdir()
    path = folder / "cases.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cases (theirs TEXT)")
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(StateFolderForeign):
        Store(folder)
    assert path.read_bytes() == before
    assert mode(path) == 0o644


def test_a_given_empty_folder_keeps_its_mode_and_what_is_in_it_is_private(folder: Path, intake: Make) -> None:
    (folder / "lost+found").mkdir(parents=True)  # as at the top of a file system of its own
    folder.chmod(0o750)
    with Store(folder) as store:
        store.accept(intake())
        assert mode(folder) == 0o750
        assert mode(folder / "photos") == 0o700
        assert {mode(path) for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_a_database_that_was_put_back_wide_open_is_made_private(folder: Path) -> None:
    Store(folder).close()
    (folder / "cases.sqlite3").chmod(0o644)
    with Store(folder) as store:
        store.prove_writable()
        assert {mode(path) for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_a_first_start_that_was_cut_is_no_foreign_folder(folder: Path) -> None:
    (folder / "photos").mkdir(parents=True)
    for name in ("lock", "cases.sqlite3"):
        (folder / name).touch()
    with Store(folder) as store:
        assert store.cases() == []


def test_a_lost_database_is_told_from_a_foreign_folder(folder: Path, intake: Make) -> None:
    with Store(folder) as store:
        store.accept(intake())
    (folder / "cases.sqlite3").unlink()
    (folder / "note.txt").touch()
    with pytest.raises(DatabaseDamaged):
        Store(folder)


def test_no_photograph_is_lost_when_the_database_went_backwards_and_forwards_again(
    folder: Path, tmp_path: Path, intake: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(folder) as store:
        early = store.accept(intake(1))
    shutil.copy(folder / "cases.sqlite3", tmp_path / "early")
    with Store(folder) as store:
        late = store.accept(intake(2))
    shutil.copy(folder / "cases.sqlite3", tmp_path / "late")

    shutil.copy(tmp_path / "early", folder / "cases.sqlite3")
    with caplog.at_level(logging.WARNING), Store(folder) as store:
        assert store.cases() == [early]
    assert [path.name for path in (folder / "photos" / "orphaned").iterdir()] == [f"{late.photo_id}.webp"]
    assert mode(folder / "photos" / "orphaned") == 0o700
    assert "1 photographs" in caplog.text
    assert late.photo_id not in caplog.text

    shutil.copy(tmp_path / "late", folder / "cases.sqlite3")
    with Store(folder) as store:
        assert np.array_equal(store.photo(late), intake(2).pixels)
        assert np.array_equal(store.photo(early), intake(1).pixels)


def test_a_photograph_that_was_orphaned_meanwhile_is_still_deleted(
    folder: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Photos, *photo_ids: str) -> None:
        raise OSError(5, "the card does not answer")

    with Store(folder) as store, monkeypatch.context() as patch:
        case = store.accept(intake())
        patch.setattr(Photos, "delete", broken)
        with pytest.raises(ErasureUnfinished):
            store.delete(case.code)
    orphaned = folder / "photos" / "orphaned"
    orphaned.mkdir()
    (folder / "photos" / f"{case.photo_id}.webp").rename(orphaned / f"{case.photo_id}.webp")
    with Store(folder):
        assert list(orphaned.iterdir()) == []


def test_an_unfinished_deletion_is_finished_by_the_next_one(
    folder: Path, store: Store, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Photos, *photo_ids: str) -> None:
        raise OSError(5, "the card does not answer")

    first, second = store.accept(intake(1)), store.accept(intake(2))
    with monkeypatch.context() as patch:
        patch.setattr(Photos, "delete", broken)
        with pytest.raises(ErasureUnfinished):
            store.delete(first.code)
    store.delete(second.code)
    assert list((folder / "photos").iterdir()) == []
