import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from appliance.vision.part import encoded
from appliance.vision.preprocess import preprocess
from appliance.vision.quality.lamp import Lamp
from appliance.vision.quality.limits import EXCLUSIONS
from appliance.vision.quality.places import Places
from appliance.vision.runtime import Network
from training.gate import limits as gate_limits
from training.gate import places
from training.gate.faults import FAULTS
from training.gate.features_output import LAYERS, with_features
from training.gate.fit import SLOPE, Space, ridge, scored
from training.gate.labels import Labelled
from training.gate.lamp import Light
from training.gate.limits import WAYS, WEAK, _fingerprint, choose, table_of
from training.gate.outputs import carry_over
from training.gate.places import INK
from training.gate.removal import KINDS as REMOVED
from training.gate.samples import BASIC, COVERED, LABELS, Samples, collect, measure_names
from training.golden import draw

LAMP = Lamp(centre=(0.0,) * 7, weights=(0.0,) * 35, bias=0.0)
LIGHT = Light(lamp=LAMP, limit=2.0)


def test_the_further_outputs_change_nothing_else(bundle_folder: Path) -> None:
    model = (bundle_folder / "model.tflite").read_bytes()
    view = preprocess(draw(2))
    before, after = Network(model, threads=1).run(view), Network(with_features(model), threads=1).run(view)
    assert after["mixed5"].shape == (17, 17, 768)
    assert set(LAYERS) <= set(after)
    assert all(np.array_equal(before[name], after[name]) for name in ("logits", "outlier", "class_maps"))


def test_a_model_that_has_the_outputs_stays_as_it_is(bundle_folder: Path) -> None:
    once = with_features((bundle_folder / "model.tflite").read_bytes())
    assert with_features(once) == once


def test_says_which_layer_is_missing(bundle_folder: Path) -> None:
    with pytest.raises(ValueError, match="named mixed99"):
        with_features((bundle_folder / "model.tflite").read_bytes(), ("mixed99",))


def test_an_evaluation_of_the_same_network_stands_and_that_of_another_does_not(tmp_path: Path) -> None:
    (tmp_path / "evaluation").mkdir()
    for name, model in (("test", "old"), ("validation", "another")):
        (tmp_path / f"evaluation/{name}.json").write_text(json.dumps({"model_sha256": model}))
    carry_over(tmp_path, "old", "new")
    test, validation = (json.loads((tmp_path / f"evaluation/{n}.json").read_text()) for n in ("test", "validation"))
    assert test == {"model_sha256": "new", "model_sha256_without_features": "old"}
    assert validation == {"model_sha256": "another"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_changes_the_view_and_is_the_same_for_the_same_seed(fault: str) -> None:
    view, render = preprocess(draw(1)), FAULTS[fault][0]
    once, again = (render(view, np.random.default_rng(4)) for _ in range(2))
    assert once.shape == view.shape
    assert once.dtype == np.uint8
    assert np.abs(once.astype(int) - view).mean() > 0.5
    assert np.array_equal(once, again)


def _samples(random: np.random.Generator, labels: pd.DataFrame) -> Samples:
    """Channels 0 … 3 of every layer carry the four cases; what else there is is noise."""
    kinds = ["plain"] * len(labels) + [kind for kind in FAULTS for _ in range(10)]
    images = [*labels["image"], *(str(name) for _ in FAULTS for name in labels["image"][:10])]
    for kind, (_, case) in REMOVED.items():
        having = labels["image"][labels[case] == 1].tolist()
        kinds, images = kinds + [kind] * len(having), images + having
    meant = {kind: check for kind, (_, check) in FAULTS.items()}  # on the picture; a control leaves the fault there
    meant |= {kind: case if way == "control" else "" for kind, (way, case) in REMOVED.items()}
    features = random.normal(0, 0.3, (len(kinds), 3 * 4 * len(LAYERS))) + 1
    basic = np.ones((len(kinds), len(BASIC)))
    for row, kind in enumerate(kinds):
        for column, case in enumerate(EXCLUSIONS):
            shown = labels[case].iloc[row] == 1 if kind == "plain" else meant[kind] == case
            features[row, column::4] += 3 * shown
        check = meant.get(kind)
        if check in BASIC:
            basic[row, BASIC.index(check)] = 3.0 if check in ("exposure", "colour_cast", "uneven_light") else 0.0
    classical = random.normal(size=(len(kinds), len(measure_names())))
    classical[:, measure_names().index("dye")] = [0.4 if kind == "stain" else 0.02 for kind in kinds]
    asked = [row for row, kind in enumerate(kinds) if meant.get(kind) not in BASIC]
    cells = random.normal(0, 0.3, (len(asked), 25, 8))
    for place, row in enumerate(asked):
        inked = labels["residue"].iloc[row] == 1 if kinds[row] == "plain" else meant[kinds[row]] == "residue"
        cells[place, row % 25, 1] += 3 * inked
    return Samples(
        np.array(images),
        np.array(kinds),
        np.zeros(len(kinds), np.int64),
        classical.astype(np.float32),
        features.astype(np.float16),
        random.normal(size=(len(kinds), len(places.NAMES))).astype(np.float32),
        basic.astype(np.float32),
        cells.astype(np.float16),
        np.full(len(LAYERS), 4),
    )


def _places(channels: int) -> Places:
    return Places(bias=0.0, network={layer: encoded(np.ones(channels)) for layer in places.LAYERS})


def _labels() -> pd.DataFrame:
    columns: dict[str, object] = {"image": [f"{i}.jpg" for i in range(120)], "blurred": 0, "exposure": 0}
    for number, case in enumerate(EXCLUSIONS):
        columns[case] = [int(i >= 40 and (i - 40) // 20 == number) for i in range(120)]
    return pd.DataFrame(columns)


def test_finds_the_faults_and_lets_the_clear_ones_pass() -> None:
    labels = _labels()
    manifest = pd.DataFrame({"image": labels["image"], "group": labels["image"], "source": "one"})
    limits, report = choose(
        table_of(_samples(np.random.default_rng(1), labels), labels, manifest), {INK: _places(4)}, LIGHT, "a test"
    )
    assert limits.features == LAYERS
    assert limits.places.keys() == {INK, *WEAK}
    assert report["clear_refused"] <= 0.1
    nested = report["nested"]
    assert all(nested["recall"][case] > 0.9 for case in EXCLUSIONS)
    ends = nested["least_and_most"]
    assert all(ends[case][0] <= nested["recall"][case] <= ends[case][1] for case in EXCLUSIONS)
    assert nested["partitions"] > 1
    assert all(report["exclusions"][case]["all"]["recall"] > 0.9 for case in EXCLUSIONS)
    assert all(report["rendered"][kind]["recall"] > 0.9 for kind in ("blur", "dark", "ink", "hair", "far"))
    assert all(report["rendered"][kind]["refused_without"] <= 0.1 for kind in ("blur", "dark", "ink", "hair", "far"))
    assert limits.exclusions["residue"].heads[-1].margin({"dye": 0.3}, {}) > 0
    assert limits.exclusions["residue"].heads[-1].margin({"dye": 0.1}, {}) < 0


def _two_sources(labels: pd.DataFrame) -> pd.DataFrame:
    sources = np.where(np.arange(len(labels)) % 2, "one", "other")
    return pd.DataFrame({"image": labels["image"], "group": labels["image"], "source": sources})


def test_a_fault_put_on_and_taken_off_the_same_photograph_is_reported_within_each_source() -> None:
    labels = _labels()
    samples = _samples(np.random.default_rng(1), labels)
    _, report = choose(table_of(samples, labels, _two_sources(labels)), {INK: _places(4)}, LIGHT, "a test")
    for case in EXCLUSIONS:
        removed, control = report["removed"][case], report["removed_control"][case]
        assert removed["pairs"] == sum(each["pairs"] for each in removed["by_source"].values()) == 20
        for source in ("one", "other"):
            assert removed["by_source"][source]["no_longer_refused"] > 0.7
            assert control["by_source"][source]["no_longer_refused"] < 0.3
    for kind, (_, check) in FAULTS.items():
        within = report["rendered"][kind]["by_source"]
        assert {name: each["pictures"] for name, each in within.items()} == {"one": 5, "other": 5}
        assert all(each["recall"] > 0.7 and each["refused_without"] < 0.3 for each in within.values()), check


def test_a_check_that_knows_only_the_source_is_found_out() -> None:
    """Where all hairy photographs, and none of the others, come from one source, whatever is on them."""
    labels = _labels()
    samples = _samples(np.random.default_rng(1), labels)
    hairy = set(labels["image"][labels["hair"] == 1])
    channel = EXCLUSIONS.index("hair")
    samples.features[np.isin(samples.image, list(hairy)), channel::4] = 4  # of the source: it stays without the hair
    samples.features[samples.kind == "hair", channel::4] = 1  # and hair on another source's photograph has none of it
    manifest = _two_sources(labels).assign(source=["one" if name in hairy else "other" for name in labels["image"]])
    _, report = choose(table_of(samples, labels, manifest), {INK: _places(4)}, LIGHT, "a test")
    assert report["exclusions"]["hair"]["all"]["recall"] > 0.9
    assert report["removed"]["hair"]["by_source"]["one"]["no_longer_refused"] < 0.3
    assert report["rendered"]["hair"]["by_source"]["other"]["recall"] < 0.5


def test_a_dye_is_found_by_its_colour_alone() -> None:
    """Where nothing that is learned speaks for it."""
    labels = _labels()
    manifest = pd.DataFrame({"image": labels["image"], "group": labels["image"], "source": "one"})
    samples = _samples(np.random.default_rng(1), labels)
    clear = np.flatnonzero(samples.kind == "plain")[:10]
    samples.features[samples.kind == "stain"] = samples.features[clear]
    _, report = choose(table_of(samples, labels, manifest), {INK: _places(4)}, LIGHT, "a test")
    assert report["rendered"]["stain"]["recall"] == 1


def _added(samples: Samples, kind: str, count: int, **features: float) -> Samples:
    """With ``count`` pictures more of ``kind``, whose channels of some cases are as told and the others 1."""
    rows = {field.name: getattr(samples, field.name) for field in fields(samples)}
    extra = {name: np.repeat(rows[name][:1], count, axis=0) for name in rows if name not in ("cells", "sizes")}
    extra["image"] = np.array([f"{kind} {i}" for i in range(count)])
    extra["kind"] = np.full(count, kind)
    extra["features"] = np.ones((count, samples.features.shape[1]), np.float16)
    for case, value in features.items():
        extra["features"][:, EXCLUSIONS.index(case) :: 4] = value
    if kind != "unmarked":
        rows["cells"] = np.concatenate([rows["cells"], np.zeros((count, *rows["cells"].shape[1:]), np.float16)])
    return Samples(**{**rows, **{name: np.concatenate([rows[name], extra[name]]) for name in extra}})


def test_photographs_without_hair_are_learned_from_where_that_is_known_of_them() -> None:
    """What looks like hair on photographs that bear none is no evidence of it; how large theirs is nobody knew."""
    labels = _labels()
    manifest = pd.DataFrame({"image": labels["image"], "group": labels["image"], "source": "one"})
    table = table_of(
        _added(_samples(np.random.default_rng(1), labels), "unmarked", 60, hair=4, too_small=4), labels, manifest
    )
    space, everything, unmarked = Space(table), np.ones(len(table.group), np.bool_), np.flatnonzero(table.unmarked)
    for case, known in (("hair", True), ("too_small", False)):
        for learned, way in WAYS[case].items():
            kernel = space.kernel(way.blocks)
            score = scored(kernel, gate_limits._fit(table, kernel, case, way, learned, everything), unmarked).mean()
            assert score < 0.4 if known else score > 0.6, (case, learned)


def test_a_covering_of_the_synthetic_camera_is_learned_as_the_case_that_it_is() -> None:
    labels = _labels()
    manifest = pd.DataFrame({"image": labels["image"], "group": labels["image"], "source": "one"})
    samples = _added(_samples(np.random.default_rng(1), labels), "simulated wet", 10, exudate=-2)
    table = table_of(samples, labels, manifest)
    space, wet = Space(table), np.flatnonzero(table.simulated("exudate"))
    assert len(wet) == 10
    for case, found in (("exudate", True), ("residue", False)):
        way = WAYS[case]["rendered"]
        kernel = space.kernel(way.blocks)
        fit = gate_limits._fit(table, kernel, case, way, "rendered", np.ones(len(table.group), np.bool_))
        clear = scored(kernel, fit, np.flatnonzero(table.clear)).mean()
        assert bool(scored(kernel, fit, wet).mean() > clear + 0.2) is found


def test_labels_that_mean_nothing_are_not_found_out_of_fold() -> None:
    labels, random = _labels(), np.random.default_rng(2)
    samples = _samples(random, labels)
    manifest = pd.DataFrame({"image": labels["image"], "group": labels["image"], "source": "one"})
    shuffled = labels.assign(**{case: random.permutation(labels[case]) for case in EXCLUSIONS})
    _, report = choose(table_of(samples, shuffled, manifest), {INK: _places(4)}, LIGHT, "a test")
    assert report["exclusions"]["hair"]["all"]["recall"] < 0.7


def test_the_heads_say_on_the_box_what_they_said_in_the_fit() -> None:
    labels = _labels()
    manifest = pd.DataFrame({"image": labels["image"], "group": labels["image"], "source": "one"})
    table = table_of(_samples(np.random.default_rng(1), labels), labels, manifest)
    space, way = Space(table), WAYS["hair"]["photographs"]
    kernel = space.kernel(way.blocks)
    fit = ridge(kernel, table.labelled("hair"), table.plain, way.penalty)
    head = space.head(fit, way.blocks, threshold=0.4, joined={"line_energy": 0.5})
    rows = np.arange(0, 120, 10)
    said = [
        head.margin(
            dict(zip(measure_names(), space.raw("classical")[row].tolist(), strict=True)),
            {layer: space.raw(layer)[row] for layer in LAYERS},
        )
        for row in rows
    ]
    meant = scored(kernel, fit, rows) + 0.5 * space.measure("line_energy")[rows] - 0.4
    assert said == pytest.approx((SLOPE * meant).tolist(), abs=0.01)


def test_a_kind_of_picture_is_measured_once(bundle_folder: Path, tmp_path: Path) -> None:
    Image.fromarray(draw(3)).save(tmp_path / "a.png")
    labels = pd.DataFrame([{"image": "a.png", **dict.fromkeys(LABELS, 0)}])
    network = Network(with_features((bundle_folder / "model.tflite").read_bytes()), threads=1)
    Image.fromarray(draw(4)).save(tmp_path / "b.png")
    asked = (labels, tmp_path, network, _places(768), LAMP, tmp_path / "cache", [tmp_path / "b.png"])
    first = collect(*asked)
    assert sorted(set(first.kind)) == sorted({"plain", "drawn", "unmarked", *COVERED, *FAULTS})
    assert list(first.image[first.kind == "unmarked"]) == ["b.png"]
    assert first.cells.shape == (len(first.with_cells), 17 * 17, 2 * 768)
    assert set(first.kind[first.with_cells]) == {
        "plain",
        "drawn",
        *COVERED,
        "glare",
        "crust",
        "ink",
        "stain",
        "cream",
        "hair",
        "far",
    }
    (tmp_path / "cache" / "ink.npz").unlink()
    again = collect(*asked)
    assert np.array_equal(first.cells, again.cells)
    assert np.array_equal(first.features, again.features)
    assert (tmp_path / "cache" / "ink.npz").is_file()


@pytest.mark.parametrize(("name", "other"), [("LEARNED_FROM", 1), ("HALVED", {"red": (2.0, 1.0, 1.0)})])
def test_what_other_lamps_were_learned_from_is_not_taken_from_a_cache(
    name: str, other: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = _labels()
    labelled = Labelled(tmp_path, labels, pd.DataFrame({"image": labels["image"], "group": labels["image"]}), [])
    before = _fingerprint(labelled)
    assert _fingerprint(labelled) == before
    monkeypatch.setattr(gate_limits, name, other)
    assert _fingerprint(labelled) != before
