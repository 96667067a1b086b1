from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from appliance.vision.quality.limits import EXCLUSIONS
from training.gate.labels import ASIDE, FEWEST, FEWEST_CLEAR, read

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two photographs to a patient, called otherwise in the collection than in the manifest."""
    names = [f"{n}.jpg" for n in range(4 * FEWEST + 3 * FEWEST_CLEAR)]
    rows = {
        "image": [f"images/{name}" for name in names],
        "original": names,
        "label": "psoriasis",
        "group": [f"patient {n // 2}" for n in range(len(names))],
        "source": "here",
    }
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path / "manifest.csv"


def _labels(manifest: Path) -> pd.DataFrame:
    """The first ones with a fault each, the rest clear."""
    rows = pd.DataFrame({"image": pd.read_csv(manifest)["original"], **dict.fromkeys(EXCLUSIONS, "")})
    for number, case in enumerate(EXCLUSIONS):
        rows.loc[number * FEWEST : (number + 1) * FEWEST - 1, case] = "1"
    return rows


def _written(manifest: Path, rows: pd.DataFrame) -> Path:
    rows.to_csv(manifest.parent / "ours.csv", index=False)
    return manifest.parent / "ours.csv"


def test_a_hospital_s_labels_are_found_in_its_manifest_and_some_clear_patients_are_set_aside(manifest: Path) -> None:
    found = read(manifest, _written(manifest, _labels(manifest)))
    group = found.manifest.set_index("image")["group"]
    drawn_on = [file.relative_to(manifest.parent).as_posix() for file, _ in found.unmarked]
    judged = found.labels["image"].tolist()
    assert len(drawn_on) == pytest.approx(3 * FEWEST_CLEAR / ASIDE, abs=2)
    assert len(drawn_on) + len(judged) == len(group)
    assert not set(group[drawn_on]) & set(group[judged])
    assert [int(found.labels[case].sum()) for case in EXCLUSIONS] == [FEWEST] * 4
    assert len({number for _, number in found.unmarked}) == len(drawn_on)


def test_the_others_are_files_of_groups_of_which_none_is_judged(manifest: Path) -> None:
    found = read(manifest, _written(manifest, _labels(manifest).iloc[: 4 * FEWEST + 2 * FEWEST_CLEAR]))
    assert found.others() == []
    (manifest.parent / "images").mkdir()
    for image in found.manifest["image"]:
        (manifest.parent / image).touch()
    group = found.manifest.set_index("image")["group"]
    others = [file.relative_to(manifest.parent).as_posix() for file in found.others()]
    assert len(others) > FEWEST_CLEAR / 2
    assert not set(group[others]) & set(group[found.labels["image"]])


def test_labels_of_photographs_that_are_not_in_the_manifest_are_counted(manifest: Path) -> None:
    rows = _labels(manifest)
    found = read(manifest, _written(manifest, rows))
    assert "not in the manifest" not in found.said()
    more = rows.tail(3).assign(image=["ward 4/1.jpg", "ward 4/2.jpg", "ward 4/3.jpg"])
    counted = read(manifest, _written(manifest, pd.concat([more, rows])))
    assert counted.said().startswith(found.said())
    assert "3 labelled ones are not in the manifest and passed over, for example ward 4/1.jpg" in counted.said()


def test_the_whole_photograph_is_measured_and_not_the_crop_that_was_labelled(manifest: Path) -> None:
    rows = pd.read_csv(manifest)
    rows["image"] = [f"images/{number:016x}.jpg" for number in range(len(rows))]
    last = len(rows) - 1
    rows.loc[last, "original"] = rows["original"][last - 1]  # two lesions on one photograph
    rows.to_csv(manifest, index=False)
    labels = _labels(manifest).assign(image=rows["image"])  # as 'labels quality' has it from the tasks
    with pytest.raises(ValueError, match=r"has crops, for example images/0+\.jpg, .* by --originals"):
        read(manifest, _written(manifest, labels))
    found = read(manifest, _written(manifest, labels), originals=manifest.parent / "collection")
    whole = {manifest.parent / "collection" / name for name in rows["original"]}
    judged = {found.folder / name for name in found.labels["image"]}
    assert judged | {file for file, _ in found.unmarked} == whole
    assert found.manifest["image"].is_unique


def test_a_photograph_that_is_not_surely_clear_is_not_drawn_on(manifest: Path) -> None:
    rows = _labels(manifest).assign(uncertain=1)
    assert read(manifest, _written(manifest, rows)).unmarked == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.drop(columns="hair"), "lacks the columns hair"),
        (lambda rows: rows.assign(hair="yes"), "0.jpg has 'yes' as hair, not 0 or 1"),
        (lambda rows: rows.assign(image="elsewhere/" + rows["image"]), "names no photograph of the manifest"),
        (lambda rows: rows.head(0), "names no photograph of the manifest$"),
        (lambda rows: rows.replace({"image": {"0.jpg": "9/0.jpg"}}), "residue 9, without 1 labelled ones that are not"),
        (lambda rows: rows[rows["hair"] != "1"], f"hair 0; {FEWEST} of each case .* --keep-limits-of"),
        (lambda rows: rows[(rows[list(EXCLUSIONS)] == "1").any(axis=1)], "clear 0"),
    ],
)
def test_what_nothing_can_be_fitted_on_is_said(manifest: Path, change: Change, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(manifest, _written(manifest, change(_labels(manifest))))


def test_without_labels_both_ways_out_are_named(manifest: Path) -> None:
    with pytest.raises(ValueError, match=r"--labels .* --keep-limits-of BUNDLE"):
        read(manifest)
