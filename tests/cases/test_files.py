import os
import stat
from pathlib import Path

import pytest

from appliance.files import private_folder, remove_durably, write_atomically


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


def test_a_private_folder_is_private_even_if_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    path.mkdir(parents=True, mode=0o755)
    assert private_folder(path) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
