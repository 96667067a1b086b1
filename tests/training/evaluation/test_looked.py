from pathlib import Path

from training.dataset import Photographs
from training.evaluation import looked


def _look(photographs: Photographs, model: str) -> looked.Look:
    return looked.look_now("test", photographs, model)


def test_a_second_model_on_the_same_photographs_is_told_so(tmp_path: Path, photographs: Photographs) -> None:
    first = _look(photographs, "a" * 64)
    assert looked.warning(first, looked.earlier(first, looked.looks((tmp_path,)))) is None
    looked.write_down(first, (tmp_path,))
    second = _look(photographs, "b" * 64)
    warning = looked.warning(second, looked.earlier(second, looked.looks((tmp_path,))))
    assert warning is not None
    assert "1 other model" in warning


def test_the_same_model_again_or_other_photographs_are_no_warning(tmp_path: Path, photographs: Photographs) -> None:
    looked.write_down(_look(photographs, "a" * 64), (tmp_path,))
    same = _look(photographs, "a" * 64)
    assert looked.warning(same, looked.earlier(same, looked.looks((tmp_path,)))) is None
    half = _look(photographs.of_the_eight(), "b" * 64)
    assert looked.earlier(half, looked.looks((tmp_path,))) == ()


def test_the_order_of_the_photographs_makes_no_other_set(photographs: Photographs) -> None:
    shuffled = Photographs(photographs.folder, photographs.rows.sample(frac=1, random_state=1))
    assert looked.fingerprint(shuffled) == looked.fingerprint(photographs)


def test_a_look_written_down_in_two_places_is_one_look(tmp_path: Path, photographs: Photographs) -> None:
    places = (tmp_path / "a", tmp_path / "b")
    for place in places:
        place.mkdir()
    look = _look(photographs, "a" * 64)
    looked.write_down(look, places)
    assert looked.looks(places) == (look,)
