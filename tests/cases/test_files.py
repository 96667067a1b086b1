import os
import re
import stat
from pathlib import Path

import pytest

from appliance.files import TEMPORARY, private_folder, remove_durably, write_atomically


def test_a_file_is_written_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def seen_fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        fsync(descriptor)

    def seen_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(Path, "replace", seen_replace)
    write_atomically(tmp_path / "file", b"data")
    assert steps == ["content", "rename", "folder"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def broken(descriptor: int) -> None:
        raise OSError(5, "the card does not answer")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="does not answer"):
        write_atomically(path, b"new")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"data")
    remove_durably(path, tmp_path / "never there")
    remove_durably(path)
    remove_durably()
    assert not path.exists()


def test_a_folder_that_is_made_is_private_and_one_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o755)
    assert private_folder(given) == given
    assert private_folder(given / "made") == given / "made"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (given, given / "made")] == [0o755, 0o700]


def test_the_pattern_of_temporary_names_is_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: seen.append(self.name) or replace(self, target))
    write_atomically(tmp_path / "a.webp", b"data")
    match = re.fullmatch(TEMPORARY, seen[0])
    assert match is not None
    assert match["name"] == "a.webp"
