import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from appliance.vision.bundle import Calibration, read_card
from appliance.vision.classes import CLASSES
from training.about import KEY, About
from training.bundle_files import sha256_of, write_card
from training.dataset import Photographs
from training.evaluation import examples, looked, report
from training.evaluation.draw import draw_all, save
from training.evaluation.failures import failures
from training.evaluation.metrics import FIGURES, Answers
from training.evaluation.model_card import FORMAT, write_model_card
from training.evaluation.plots_of_parts import recalls
from training.predict import Predictions


def _curves() -> dict[str, Any]:
    each = {
        "curve": [0.9] * 17,
        "area": {"value": 0.9, "value_95": [0.8, 1.0]},
        "class map minus this": {"value": -0.1, "value_95": None},
    }
    names = ("class map", "centre", "random")
    share = [step / 16 for step in range(17)]
    tests = {test: dict.fromkeys(names, each) for test in ("deletion", "insertion")}
    return {"photographs": 3, "seed": 8, "share": share, **tests}


@pytest.fixture(scope="module")
def networks(said: dict[str, Predictions], photographs: Photographs, calibration: Calibration) -> dict[str, Answers]:
    return {name: Answers.of(each, photographs, calibration) for name, each in said.items()}


@pytest.fixture(scope="module")
def whole(judged: dict[str, Any]) -> dict[str, Any]:
    found = {
        "split": "validation",
        "format": FORMAT,
        "model_sha256": "0" * 64,
        "warning": "<b>looked at</b> before",
        **judged,
        "source": {"photographs": 0, "left_out": []},
        "faithfulness": _curves(),
        "masks": {"photographs": 0},
        "gate": {"accepted": 0.9},
    }
    return {**found, "failures": failures(found)}


@pytest.fixture(scope="module")
def plots(networks: dict[str, Answers], whole: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_all(networks, whole, tmp_path_factory.mktemp("plots"), "validation")


def test_every_plot_is_a_picture(plots: list[Path]) -> None:
    assert len(plots) == 8
    for plot in plots:
        picture = np.asarray(Image.open(plot).convert("L"))
        assert picture.std() > 5, f"{plot.name} is blank"


def test_the_same_figures_make_the_same_bytes(whole: dict[str, Any], tmp_path: Path) -> None:
    first, again = (save(recalls(whole), tmp_path / f"{number}.png").read_bytes() for number in range(2))
    assert first == again


def test_the_report_holds_every_figure_and_needs_nothing_else(
    plots: list[Path], whole: dict[str, Any], bundle_folder: Path
) -> None:
    inlined = {plot.stem.removeprefix("validation-"): report.inline(plot) for plot in plots}
    page = report.render(report=whole, card=read_card(bundle_folder), plots=inlined, examples=[], made="now")
    assert all(name in page for name in FIGURES)
    assert f"{whole['figures']['top-1']['int8']:.3f}" in page
    assert page.count("data:image/png;base64,") == len(plots)
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "&lt;b&gt;looked at" in page


def test_no_photograph_of_a_head_or_of_an_unknown_place_is_shown(
    networks: dict[str, Answers], photographs: Photographs
) -> None:
    chosen = examples.choose(networks["int8"], photographs)
    sites = {photographs.rows["body_site"].iloc[row] for rows in chosen.values() for row in rows}
    assert sites == {"hand", "back"}
    unknown = Photographs(photographs.folder, photographs.rows.drop(columns="body_site"))
    assert not examples.showable(unknown).any()


@pytest.mark.parametrize("site", ["face", "nose", "ear", "lip", "scalp", "neck", "", "nan"])
def test_sites_that_could_show_a_face(photographs: Photographs, site: str) -> None:
    rows = photographs.rows.assign(body_site=site)
    assert not examples.showable(Photographs(photographs.folder, rows)).any()


def test_examples_are_right_and_wrong_and_of_several_classes(
    networks: dict[str, Answers], photographs: Photographs
) -> None:
    answers = networks["int8"]
    chosen = examples.choose(answers, photographs)
    correct = answers.probability.argmax(axis=1) == answers.targets
    assert correct[chosen["named right"]].all()
    assert not correct[chosen["named wrong"]].any()
    assert len(set(answers.targets[chosen["named right"]])) == examples.EACH


def _bundle(tmp_path: Path, bundle_folder: Path, report: dict[str, Any], model: str) -> Path:
    folder = tmp_path / "bundle"
    (folder / "evaluation").mkdir(parents=True)
    for name in ("bundle.json", "model.tflite"):
        (folder / name).write_bytes((bundle_folder / name).read_bytes())
    (folder / "evaluation" / "validation.json").write_text(json.dumps({**report, "model_sha256": model}))
    return folder


def test_the_card_states_the_figures_of_its_own_network_alone(
    tmp_path: Path, bundle_folder: Path, whole: dict[str, Any], photographs: Photographs
) -> None:
    own = read_card(bundle_folder).sha256["model.tflite"]
    folder = _bundle(tmp_path, bundle_folder, whole, own)
    write_model_card(folder, photographs)
    card = (folder / "MODEL_CARD.md").read_text()
    for name, each in whole["figures"].items():
        assert f"| {name} | {each['float']:.3f} | {each['int8']:.3f} |" in card
    assert "melanoma | 6" in card
    perfect = whole["calibration_error_if_perfect"]["int8"]
    assert (
        f"{perfect['mean']:.3f} ({perfect['range_95'][0]:.3f} – {perfect['range_95'][1]:.3f}) by chance alone" in card
    )
    (folder / "evaluation" / "validation.json").write_text(json.dumps({**whole, "model_sha256": "f" * 64}))
    write_model_card(folder, photographs)
    assert "| top-1 |" not in (folder / "MODEL_CARD.md").read_text()


def test_the_card_counts_biopsies_and_names_classes_without_a_promise(
    tmp_path: Path, bundle_folder: Path, whole: dict[str, Any], photographs: Photographs
) -> None:
    folder = _bundle(tmp_path, bundle_folder, whole, "f" * 64)
    stated = ["yes" if label == "squamous_cell_carcinoma" else "no" for label in photographs.rows["label"]]
    write_model_card(folder, Photographs(photographs.folder, photographs.rows.assign(biopsied=stated)))
    page = (folder / "MODEL_CARD.md").read_text()
    assert "| malignant | 12 | 6 | 12 | 3 | moderate |" in page
    assert "| normal | 12 | 6 | 0 | 3 | moderate |" in page
    pooled = read_card(bundle_folder).calibration
    assert pooled is not None
    assert f"together: {', '.join(pooled.conformal.pooled)}." in page


def test_the_card_counts_the_looks_at_the_test(
    tmp_path: Path, bundle_folder: Path, whole: dict[str, Any], photographs: Photographs
) -> None:
    folder = _bundle(tmp_path, bundle_folder, whole, "0" * 64)
    for number in range(2):
        look = looked.Look(f"2026-11-2{number}T00:00:00+00:00", "test", "s", f"{number}", "dermkiosk-train evaluate")
        looked.write_down(look, photographs, (folder / "evaluation",))
    write_model_card(folder, photographs)
    assert "looked at 2 times, by 2 network(s)" in (folder / "MODEL_CARD.md").read_text()


def test_what_a_former_gate_accepted_is_not_said_of_this_one(
    tmp_path: Path, bundle_folder: Path, whole: dict[str, Any], photographs: Photographs
) -> None:
    gate = tmp_path / "gate.json"
    gate.write_text("a gate")
    counted = {**whole, "gate_sha256": sha256_of(gate)}
    folder = _bundle(tmp_path, bundle_folder, counted, read_card(bundle_folder).sha256["model.tflite"])
    (folder / "gate.json").write_text("a gate")
    write_model_card(folder, photographs)
    assert "Without the gate, which accepts 90" in (folder / "MODEL_CARD.md").read_text()
    (folder / "gate.json").write_text("another")
    write_model_card(folder, photographs)
    page = (folder / "MODEL_CARD.md").read_text()
    assert "which accepts" not in page
    assert "limits have changed since" in page


def test_the_card_says_of_the_photographs_what_stands_in_the_bundle(
    tmp_path: Path, bundle_folder: Path, whole: dict[str, Any], photographs: Photographs
) -> None:
    folder = _bundle(tmp_path, bundle_folder, whole, "0" * 64)
    own = read_card(folder)
    about = About.of(own).model_copy(update={"sources": {"clinic": "by agreement"}, "groups": "a family"})
    write_card(folder, own.model_copy(update={"provenance": {**own.provenance, KEY: about.model_dump()}}))
    write_model_card(folder, photographs)
    card = (folder / "MODEL_CARD.md").read_text()
    assert "A group is a family." in card
    assert "- clinic: by agreement" in card
    assert "- atlas: not stated here" in card
    for name in CLASSES:
        assert re.search(rf"\| {name} \|.*\| 12 \| 6 \|", card)
