"""A bundle is replaced as a whole or not at all."""

import shutil
from pathlib import Path

import pytest

from training.bundle_files import replaced


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "evaluation").mkdir(parents=True)
    (folder / "model.tflite").write_text("old")
    (folder / "evaluation/test.json").write_text("{}")
    return folder


def _told(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_is_as_it_was_until_all_is_written(bundle: Path) -> None:
    before = _told(bundle)
    with replaced(bundle) as beside:
        (beside / "model.tflite").write_text("new")
        assert _told(bundle) == before
    assert _told(bundle) == {**before, "model.tflite": "new"}
    assert list(bundle.parent.iterdir()) == [bundle]


def test_an_error_leaves_the_bundle_as_it_was(bundle: Path) -> None:
    before = _told(bundle)
    with pytest.raises(OSError, match="full"), replaced(bundle) as beside:  # noqa: PT012  # what is inside matters
        (beside / "model.tflite").write_text("half")
        raise OSError("the disk is full")
    assert _told(bundle) == before
    assert list(bundle.parent.iterdir()) == [bundle]


def test_what_kills_left_behind_is_put_right(bundle: Path) -> None:
    before = _told(bundle)
    shutil.copytree(bundle, bundle.with_name(".bundle.new"))
    bundle.rename(bundle.with_name(".bundle.old"))
    with replaced(bundle):
        assert _told(bundle) == before
    assert list(bundle.parent.iterdir()) == [bundle]


def test_a_new_bundle_gets_its_folder(tmp_path: Path) -> None:
    with replaced(tmp_path / "models" / "new") as beside:
        (beside / "model.tflite").write_text("new")
    assert _told(tmp_path / "models" / "new") == {"model.tflite": "new"}
