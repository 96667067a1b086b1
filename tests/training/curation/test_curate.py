from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from appliance.vision.photo import MIN_SIDE_PX, Pixels
from training.curation.collections.record import Box, Options
from training.curation.commands import curate as curate_command
from training.curation.commands import split as split_command
from training.curation.curate import SHIPPED, Wishes, curate
from training.curation.examine import Task, cropped, examine, judged
from training.curation.split import check
from training.dataset import read_manifest
from training.golden import draw

Save = Callable[..., None]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save a drawn photograph in the collection: ``save("psoriasis/1.jpg", pixels, quality=90)``."""

    def saved(name: str, pixels: Pixels, **options: int) -> None:
        path = tmp_path / "collection" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)

    return saved


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """The folder that ``save`` fills."""
    return tmp_path / "collection"


def table(out: Path, name: str = "manifest.csv") -> pd.DataFrame:
    return pd.read_csv(out / name, dtype=str, keep_default_na=False)


def meadow() -> Pixels:
    """Green and nothing else."""
    rng = np.random.default_rng(1)
    return np.clip(np.array((40, 140, 50)) + rng.normal(0, 25, (300, 300, 1)), 0, 255).astype(np.uint8)


def test_every_reason_is_given(tmp_path: Path, collection: Path, save: Save) -> None:
    out = tmp_path / "out"
    save("psoriasis/first.jpg", draw(1), quality=92)
    save("psoriasis/second.jpg", draw(1)[8:, 5:], quality=60)
    save("psoriasis/lawn.jpg", meadow())
    save("lichen_planus/alone.jpg", draw(2))
    save("lichen_planus/claimed.jpg", draw(3), quality=92)
    save("eczema/claimed_too.jpg", draw(3)[3:-6, 4:], quality=70)
    save("eczema/tiny.png", draw(4)[:100, :100])
    (collection / "eczema/cut.jpg").write_bytes((collection / "psoriasis/first.jpg").read_bytes()[:2000])
    (collection / "eczema/notes.txt").write_text("not a photograph")
    (collection / "psoriasis/again.jpg").write_bytes((collection / "psoriasis/first.jpg").read_bytes())
    curate(collection, out, Wishes(drop=("not_skin",)))
    refused = table(out, "refused.csv").set_index("original")
    assert refused["reason"].to_dict() == {
        "eczema/claimed_too.jpg": "conflict",
        "lichen_planus/claimed.jpg": "conflict",
        "eczema/cut.jpg": "unreadable",
        "eczema/notes.txt": "unreadable",
        "eczema/tiny.png": "unreadable",
        "psoriasis/first.jpg": "duplicate",
        "psoriasis/lawn.jpg": "not_skin",
    }
    assert "photo_too_few_pixels" in refused.loc["eczema/tiny.png", "detail"]
    kept = table(out).set_index("original")
    assert set(kept.index) == {"psoriasis/again.jpg", "psoriasis/second.jpg", "lichen_planus/alone.jpg"}
    assert "near_duplicate" in kept.loc["psoriasis/second.jpg", "flags"]
    copies = kept.loc[["psoriasis/again.jpg", "psoriasis/second.jpg"], "near_duplicates"]
    assert set(copies) == {kept.loc["psoriasis/again.jpg", "image"]}
    assert (out / kept.loc["psoriasis/again.jpg", "image"]).is_file()
    assert kept.loc["lichen_planus/alone.jpg", "near_duplicates"] == ""


def test_the_terminal_is_told_how_many_were_kept_and_dropped_and_where_to_look(
    tmp_path: Path, collection: Path, save: Save
) -> None:
    out = tmp_path / "out"
    save("psoriasis/first.jpg", draw(1))
    save("psoriasis/lawn.jpg", meadow())
    (collection / "psoriasis/again.jpg").write_bytes((collection / "psoriasis/first.jpg").read_bytes())
    told = CliRunner().invoke(curate_command, ["--data", str(collection), "--out", str(out)]).stdout
    assert "3 photographs read: 2 kept, 1 dropped" in told
    assert "Of those kept, 1 are flagged" in told
    assert "No patient is named for 3" in told
    by_reason = {line.split()[0]: line.split()[1:3] for line in told.splitlines() if line[:1].isalpha()}
    assert by_reason["duplicate"] == ["1", "1"]
    assert by_reason["not_skin"] == ["1", "0"]
    assert str(out / "report.html") in told
    assert "--label" not in told
    (collection / "psoriasis").rename(collection / "tinea")
    told = CliRunner().invoke(curate_command, ["--data", str(collection), "--out", str(out)]).stdout
    assert "none of the eight nor 'other': 1. Say which by --label" in told


def test_it_says_which_label_every_condition_was_given(tmp_path: Path, collection: Path, save: Save) -> None:
    for number, name in enumerate(("Psoriasis", "SCC", "Basal cell carcinomas", "Basal cell carcinomas", "银屑病")):
        save(f"{name}/{number}.png", draw(number))
    command = ["--data", str(collection), "--out", str(tmp_path / "out"), "--label", "SCC=squamous_cell_carcinoma"]
    told = CliRunner().invoke(curate_command, [*command, "--label", "*=other"]).stdout
    said = [line.strip() for line in told.splitlines() if "→" in line]
    assert said == ["2  Basal cell carcinomas → other", "1  银屑病 → psoriasis", "1  SCC → squamous_cell_carcinoma"]
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<td>Basal cell carcinomas</td><td>other</td><td>2</td>" in report
    twice = CliRunner().invoke(curate_command, [*command, "--label", "SCC=other"])
    assert (twice.exit_code, "--label SCC is given as" in twice.stderr) == (1, True)


def test_flags_become_refusals_and_refusals_flags_by_name(tmp_path: Path, collection: Path, save: Save) -> None:
    save("psoriasis/first.jpg", draw(1))
    save("psoriasis/second.jpg", draw(1)[8:, 5:], quality=60)
    save("psoriasis/lawn.jpg", meadow())
    curate(collection, tmp_path, Wishes(drop=("near_duplicate",)))
    assert table(tmp_path, "refused.csv")["original"].tolist() == ["psoriasis/second.jpg"]
    kept = table(tmp_path).set_index("original")
    assert "not_skin" in kept.loc["psoriasis/lawn.jpg", "flags"]
    (collection / "psoriasis/again.jpg").write_bytes((collection / "psoriasis/first.jpg").read_bytes())
    curate(collection, tmp_path, Wishes(keep=("duplicate",)))
    assert table(tmp_path, "refused.csv").empty
    assert "duplicate" in table(tmp_path).set_index("original").loc["psoriasis/first.jpg", "flags"].split()


def test_what_the_gate_objects_to_is_flagged(tmp_path: Path, collection: Path, save: Save) -> None:
    dark = (draw(1) * 0.02).astype(np.uint8)
    save("psoriasis/dark.png", dark)
    save("psoriasis/good.png", draw(1))
    curate(collection, tmp_path, Wishes())
    flags = table(tmp_path).set_index("original")["flags"]
    assert set(flags["psoriasis/dark.png"].split()) >= {one.id for one in judged(dark, SHIPPED).reasons}
    assert "exposure" in flags["psoriasis/dark.png"]
    assert "exposure" not in flags["psoriasis/good.png"]


def test_without_crops_the_paths_are_the_collections_own(tmp_path: Path, collection: Path, save: Save) -> None:
    save("a.jpg", draw(1))
    row = "image,label,group,source,box_left,box_top,box_right,box_bottom\na.jpg,psoriasis,g,s,10,20,200,300\n"
    (collection / "manifest.csv").write_text(row)
    curate(collection / "manifest.csv", tmp_path / "out", Wishes(crop=False))
    (kept,) = table(tmp_path / "out").to_dict("records")
    assert (kept["image"], kept["box_left"], kept["box_bottom"]) == ("a.jpg", "10", "300")
    assert not (tmp_path / "out/images").exists()


def test_crops_to_the_box_with_its_margin(tmp_path: Path, collection: Path, save: Save) -> None:
    save("a.png", draw(1))
    save("b.png", draw(2))
    (collection / "t.csv").write_text("image,label,xmin,ymin,xmax,ymax\na.png,x,100,120,300,260\nb.png,x,,,,\n")
    out = tmp_path / "out"
    curate(collection / "t.csv", out, Wishes(margin=0.25))
    boxed, whole = table(out).to_dict("records")
    assert (boxed["width"], boxed["height"], boxed["box_left"]) == ("300", "240", "")
    with Image.open(out / boxed["image"]) as image:
        made = np.asarray(image)
    assert np.abs(made.astype(int) - draw(1)[70:310, 50:350]).mean() < 4
    assert (out / whole["image"]).resolve() == (collection / "b.png").resolve()
    assert [row["original"] for row in (boxed, whole)] == ["a.png", "b.png"]


@pytest.mark.parametrize("box", [(100, 120, 140, 150), (0, 0, 5, 5), (370, 350, 384, 384), (-40, 10, 3, 30)])
def test_a_crop_is_never_too_small_for_a_photograph(box: Box) -> None:
    """What is cut out is what lies there, with more around it."""
    pixels = draw(1)
    made = cropped(pixels, box, 0.25)
    assert made.shape[0] >= MIN_SIDE_PX
    assert made.shape[1] >= MIN_SIDE_PX
    left, top = (max(0, int(each)) for each in box[:2])
    inside = pixels[top : int(box[3]), left : int(box[2])]
    windows = np.lib.stride_tricks.sliding_window_view(made, inside.shape)
    assert (windows == inside).all(axis=(-1, -2, -3)).any()


def test_a_crop_of_a_small_picture_is_all_of_it() -> None:
    assert cropped(draw(1)[:100, :90], (10, 10, 20, 20), 0).shape == (100, 90, 3)


def test_an_outline_of_the_whole_photograph_is_not_that_of_its_crop(
    tmp_path: Path, collection: Path, save: Save
) -> None:
    save("a.png", draw(1))
    save("b.png", draw(2))
    (collection / "manifest.csv").write_text(
        "image,label,group,source,mask,box_left,box_top,box_right,box_bottom\n"
        "a.png,psoriasis,1,s,m/a.png,100,120,300,260\nb.png,psoriasis,2,s,m/b.png,,,,\n"
    )
    curate(collection / "manifest.csv", tmp_path / "out", Wishes())
    assert table(tmp_path / "out")["mask"].tolist() == ["", "m/b.png"]


def test_a_box_at_the_edge_or_outside_does_no_harm() -> None:
    pixels = draw(1)
    assert cropped(pixels, (300, -20, 500, 100), 0.5).shape == (200, 184, 3)
    assert cropped(pixels, (900, 900, 950, 950), 0).shape == pixels.shape
    assert cropped(pixels, (50, 50, 50, 50), 0).shape == pixels.shape


def test_labels_carry_who_when_and_on_what_evidence(tmp_path: Path, collection: Path, save: Save) -> None:
    save("psoriasis/a.jpg", draw(1))
    said = Options(label_by="Dr Bo", label_when="2021-05-04", label_evidence="pathology", source="clinic")
    curate(collection, tmp_path, Wishes(options=said))
    (row,) = table(tmp_path).to_dict("records")
    assert (row["label_by"], row["label_when"], row["label_evidence"]) == ("Dr Bo", "2021-05-04", "pathology")
    assert row["source"] == "clinic"


def test_goes_on_where_it_was_killed(tmp_path: Path, collection: Path, save: Save) -> None:
    """What was found is read again, not found again: a kept examination that says something else is believed."""
    save("psoriasis/a.png", draw(1))
    task = Task(collection / "psoriasis/a.png", None, 0.25, tmp_path / "examined", None, SHIPPED)
    first = examine(task)
    (kept,) = (tmp_path / "examined").rglob("*.npz")
    with np.load(kept) as told:
        changed = {"miniature": told["miniature"], "told": str(told["told"]).replace("384, 384", "777, 384")}
    np.savez(kept, **changed)
    again = examine(task)
    assert (first.width, again.width) == (384, 777)
    kept.write_bytes(kept.read_bytes()[:200])
    assert examine(task).width == 384


def test_two_processes_find_what_one_does(tmp_path: Path, collection: Path, save: Save) -> None:
    for seed in range(4):
        save(f"psoriasis/{seed}.jpg", draw(seed))
        save(f"eczema/{seed}.jpg", draw(seed)[6:, :-7], quality=70)
    save("psoriasis/undisputed.jpg", draw(4))
    for workers in (1, 2):
        curate(collection, tmp_path / str(workers), Wishes(workers=workers))
    for name in ("manifest.csv", "refused.csv"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    assert len(table(tmp_path / "1", "refused.csv")) == 8


def test_the_report_shows_what_was_refused_and_why(tmp_path: Path, collection: Path, save: Save) -> None:
    save("psoriasis/first.jpg", draw(1))
    save("eczema/first_too.jpg", draw(1)[4:, :-4], quality=70)
    save("银屑病 <b>/a.jpg", draw(2))
    (collection / "eczema/notes.txt").write_text("no")
    curate(collection, tmp_path, Wishes())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for told in ("4 photographs", "1 kept", "unreadable", "conflict", "nearly the same picture under", "银屑病_b"):
        assert told in page
    for sheet in ("sheets/unreadable.jpg", "sheets/pairs-conflict.jpg"):
        assert sheet in page
        with Image.open(tmp_path / sheet) as drawn:
            assert drawn.height > 100


def test_nothing_to_curate_is_said(tmp_path: Path) -> None:
    (tmp_path / "psoriasis").mkdir()
    with pytest.raises(ValueError, match="no photographs"):
        curate(tmp_path, tmp_path / "out", Wishes())


def test_nothing_kept_is_no_success(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "in/psoriasis").mkdir(parents=True, exist_ok=True)
        (tmp_path / "in/psoriasis" / name).write_text(f"no photograph: {name}")
    run = CliRunner().invoke(curate_command, ["--data", str(tmp_path / "in"), "--out", str(tmp_path / "out")])
    assert run.exit_code == 1
    assert "none of the 2 photographs was kept (unreadable 2)" in run.output
    assert "photo_" in (tmp_path / "out/refused.csv").read_text()


def test_curate_and_split_by_the_command_line(tmp_path: Path, collection: Path, save: Save) -> None:
    for seed in range(24):
        save(f"{'psoriasis' if seed % 2 else 'eczema'}/{seed}.jpg", draw(seed))
    save("psoriasis/copy/of_1.jpg", draw(1)[5:, 7:], quality=60)
    out, split = tmp_path / "out", tmp_path / "split.csv"
    run = CliRunner().invoke(curate_command, ["--data", str(collection), "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert "near_duplicate" in run.output
    run = CliRunner().invoke(split_command, ["--data", str(out / "manifest.csv"), "--out", str(split)])
    assert run.exit_code == 0, run.output
    rows = pd.read_csv(split, dtype=str, keep_default_na=False)
    check(rows)
    assert len(set(rows.loc[rows["near_duplicates"] != "", "split"])) == 1
    again = ["--data", str(out / "manifest.csv"), "--out", str(tmp_path / "b.csv"), "--keep", str(split), "--seed", "9"]
    assert CliRunner().invoke(split_command, again).exit_code == 0
    assert (tmp_path / "b.csv").read_text().count("test") == split.read_text().count("test")


def test_541_classes_by_the_command_line(
    tmp_path: Path, collection: Path, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As XiangyaDerm has. The gate looks at one picture and its verdict stands for all: it knows nothing of classes."""
    verdict = judged(draw(1), SHIPPED)
    monkeypatch.setattr("training.curation.examine.judged", lambda *_: verdict)
    rng = np.random.default_rng(541)
    for number in range(541):
        for patient in range(1 + number % 3):
            coarse = rng.integers(90, 230, (9, 9, 3), np.uint8)
            save(
                f"Condition {number:03}/p{number}-{patient}/a.jpg",
                np.asarray(Image.fromarray(coarse).resize((128, 128))),
            )
    out, split = tmp_path / "out", tmp_path / "split.csv"
    run = CliRunner().invoke(curate_command, ["--data", str(collection), "--out", str(out)])
    assert run.exit_code == 0, run.output
    rows = table(out)
    assert rows["label"].nunique() == 541
    assert len(rows) == len(list(collection.rglob("*.jpg")))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert all(f"condition_{number:03}" in page for number in range(541))
    run = CliRunner().invoke(split_command, ["--data", str(out / "manifest.csv"), "--out", str(split)])
    assert run.exit_code == 0, run.output
    check(pd.read_csv(split, dtype=str, keep_default_na=False))


def test_training_says_which_labels_it_does_not_know(tmp_path: Path, collection: Path, save: Save) -> None:
    """Curation takes any classes, the network has its eight: it must not learn a ninth as one of the others."""
    save("psoriasis/1.jpg", draw(1))
    save("urticaria/2.jpg", draw(2))
    curate(collection, tmp_path, Wishes())
    with pytest.raises(ValueError, match=r"\['urticaria'\]"):
        read_manifest(tmp_path / "manifest.csv")


def test_a_split_of_a_bare_manifest_looks_for_copies_itself(tmp_path: Path, collection: Path, save: Save) -> None:
    """Planted: a copy of one patient's photograph under another patient's name."""
    lines = ["image,label,group,source"]
    for seed in range(16):
        save(f"{seed}.jpg", draw(seed))
        lines.append(f"{seed}.jpg,psoriasis,patient {seed},s")
    for seed in range(16):
        save(f"copy{seed}.jpg", draw(seed)[7:, :-9], quality=55)
        lines.append(f"copy{seed}.jpg,psoriasis,stranger {seed},s")
    (collection / "manifest.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "split.csv"
    run = CliRunner().invoke(split_command, ["--data", str(collection / "manifest.csv"), "--out", str(out)])
    assert run.exit_code == 0, run.output
    rows = pd.read_csv(out, dtype=str, keep_default_na=False).set_index("image")
    assert rows["near_duplicates"].tolist() == [f"{n}.jpg" for n in range(16)] * 2
    for column in ("split", "fold"):
        assert [rows.loc[f"copy{n}.jpg", column] for n in range(16)] == [
            rows.loc[f"{n}.jpg", column] for n in range(16)
        ]


def test_wrong_wishes_are_said_plainly(tmp_path: Path, collection: Path, save: Save) -> None:
    save("psoriasis/1.jpg", draw(1))
    run = CliRunner().invoke(curate_command, ["--data", str(collection), "--out", str(tmp_path), "--column", "group"])
    assert run.exit_code == 1
    assert "group=patient_id" in run.output
