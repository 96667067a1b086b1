import sys
from pathlib import Path

import numpy as np
import pytest

from training.dataset import Photographs
from training.evaluation import looked


def _look(photographs: Photographs, model: str) -> looked.Look:
    return looked.look_now("test", photographs, model)


def test_a_second_model_on_the_same_photographs_is_told_so(tmp_path: Path, photographs: Photographs) -> None:
    first = _look(photographs, "a" * 64)
    assert looked.warning(first, photographs, looked.earlier(first, photographs, (tmp_path,))) is None
    looked.write_down(first, photographs, (tmp_path,))
    second = _look(photographs, "b" * 64)
    warning = looked.warning(second, photographs, looked.earlier(second, photographs, (tmp_path,)))
    assert warning is not None
    assert warning.startswith("These test photographs")
    assert "1 other model" in warning


def test_the_same_model_again_or_other_photographs_are_no_warning(tmp_path: Path, photographs: Photographs) -> None:
    eight = photographs.of_the_eight()
    looked.write_down(_look(eight, "a" * 64), eight, (tmp_path,))
    same = _look(eight, "a" * 64)
    assert looked.warning(same, eight, looked.earlier(same, eight, (tmp_path,))) is None
    others = photographs.where(photographs.targets < 0)
    assert looked.earlier(_look(others, "b" * 64), others, (tmp_path,)) == {}


def test_photographs_that_were_added_do_not_hide_an_earlier_look(tmp_path: Path, photographs: Photographs) -> None:
    for number in range(3):
        quarter = photographs.where(np.arange(len(photographs)) % 4 == number)
        looked.write_down(_look(quarter, f"{number}" * 64), quarter, (tmp_path,))
    grown = _look(photographs, "b" * 64)
    warning = looked.warning(grown, photographs, looked.earlier(grown, photographs, (tmp_path,)))
    assert warning is not None
    assert warning.startswith("75% of these test photographs")


def test_the_order_of_the_photographs_makes_no_other_set(photographs: Photographs) -> None:
    shuffled = Photographs(photographs.folder, photographs.rows.sample(frac=1, random_state=1))
    assert looked.fingerprint(shuffled) == looked.fingerprint(photographs)


def test_a_look_written_down_in_two_places_is_one_look(tmp_path: Path, photographs: Photographs) -> None:
    places = (tmp_path / "a", tmp_path / "b")
    for place in places:
        place.mkdir()
    look = _look(photographs, "a" * 64)
    looked.write_down(look, photographs, places)
    assert looked.looks(places) == (look,)


def test_the_command_is_kept_without_the_places_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, photographs: Photographs
) -> None:
    given = ["/home/ann/.venv/bin/dermkiosk-train", "evaluate", "--run", "/srv/ann/runs/one", "--bundle=/srv/ours"]
    monkeypatch.setattr(sys, "argv", [*given, "--data", "runs/split.csv"])
    kept = looked.look_now("test", photographs, "m").command
    assert kept == "dermkiosk-train evaluate --run one --bundle=ours --data runs/split.csv"
