"""Full INT8: weights per channel, activations by a representative set of real training photographs."""

from pathlib import Path
from typing import Final

from PIL import Image

from appliance.vision.bundle import Card
from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import INPUT_SIDE_PX, preprocess
from appliance.vision.quality.limits import FILE as GATE_FILE
from appliance.vision.runtime import Network
from training import golden
from training.about import KEY, About
from training.backend import keras
from training.bundle_files import replaced, sha256_of, write_card
from training.class_names import CARDS
from training.dataset import Photographs
from training.predict import floating, int8
from training.quantisation.bias_correction import correct_biases
from training.quantisation.convert import Way, convert
from training.quantisation.parity import Parity, StraysTooFar, Views, compare
from training.run import Run

GOLDEN_STEPS: Final = 8
"""INT8 outputs differ by a few steps between processors' kernels; a wrong or damaged network by far more."""
AVERAGED: Final = 60
"""Of the representative photographs, so many give the mean of what flows through the network."""
MODEL_FILE: Final = "model.tflite"
GOLDEN_FILE: Final = "golden.png"


def quantise(
    run_folder: Path, bundle: Path, about: About, representatives: int, seed: int, way: Way = "tensorflow"
) -> Parity:
    """Write a bundle without calibration into ``bundle``; returns the parity with the float network.

    Raises :class:`training.quantisation.parity.StraysTooFar`, and leaves the bundle as it was, where the INT8 file
    fails the gate.
    """
    run = Run.open(run_folder)
    network = run.network()
    chosen = representative(run.photographs.of("train"), representatives, seed)
    model = convert(prepared(run, chosen), chosen, way)
    small = Network(model, threads=2)
    watched = run.photographs.of("validation").of_the_eight()
    views = Views.of_the_gate(watched)
    groups = views.rows["group"].to_numpy(str)
    parity = compare(floating(network, views), int8(small, views), views.targets, groups, views.few)
    if parity.broken:
        raise StraysTooFar(_advised(parity.broken, len(watched)))
    with replaced(bundle) as beside:
        (beside / MODEL_FILE).write_bytes(model)
        Image.fromarray(golden.draw()).save(beside / GOLDEN_FILE)
        for file in (beside / GATE_FILE, beside / "evaluation" / GATE_FILE):
            file.unlink(missing_ok=True)  # limits of the photograph checks weigh features of the network before
        figures = {"photographs": float(len(watched)), **parity.figures}
        card = _card(beside, run, about, small, figures, len(chosen))
        write_card(beside, card.model_copy(update={"name": bundle.name}))
    return parity


def _advised(broken: list[str], watched: int) -> str:
    return (
        f"the INT8 file strays too far from the float network, and the bundle stays as it was. {'; '.join(broken)}. "
        f"{watched} validation photographs were compared. Try another --way or more --representatives (see quantise-"
        "compare), or train more gently, by fewer epochs and smaller rates: the less is changed, the less is rounded"
    )


def prepared(run: Run, chosen: Photographs) -> keras.Model:
    """The run's network as it is converted: what rounding its weights would shift is taken back beforehand."""
    network = run.network()
    looked_at = range(0, len(chosen), -(-len(chosen) // AVERAGED))
    correct_biases(network, [preprocess(chosen.pixels(position)) for position in looked_at])
    return network


def representative(train: Photographs, count: int, seed: int) -> Photographs:
    """``count`` training photographs, the labels in equal shares as far as they reach."""
    rows = train.rows.sample(frac=1, random_state=seed)
    turn = rows.groupby("label").cumcount()
    return Photographs(train.folder, rows.loc[turn.sort_values(kind="stable").index[:count]].reset_index(drop=True))


def _card(
    bundle: Path, run: Run, about: About, small: Network, agreement: dict[str, float], representatives: int
) -> Card:
    answer = small.run(preprocess(golden.draw()))
    return Card.model_validate(
        {
            "schema": "dermkiosk.bundle/1",
            "name": bundle.name,
            "model": MODEL_FILE,
            "signature": "serving_default",
            "classes": [{"id": name, **CARDS[name], "evidence": about.evidence[name]} for name in CLASSES],
            "input": {"side_px": INPUT_SIDE_PX, "scaling": "x/255"},
            "outputs": {"logits": "logits", "class_maps": "class_maps", "outlier": "outlier"},
            "golden": {
                "file": GOLDEN_FILE,
                "logits": [round(float(value), 4) for value in answer["logits"]],
                "logits_tolerance": GOLDEN_STEPS * small.step("logits"),
                "outlier": round(float(answer["outlier"].item()), 4),
                "outlier_tolerance": GOLDEN_STEPS * small.step("outlier"),
            },
            "calibration": None,
            "parity": {name: round(value, 4) for name, value in agreement.items()},
            "provenance": {**_provenance(run, about, representatives), KEY: about.model_dump()},
            "licence": about.licence,
            "sha256": {name: sha256_of(bundle / name) for name in (MODEL_FILE, GOLDEN_FILE)},
        }
    )


def _provenance(run: Run, about: About, representatives: int) -> dict[str, object]:
    import tensorflow as tf

    counts = run.photographs.rows["split"].value_counts()
    recipe = {name: value for name, value in run.recipe.items() if name not in ("data", "images", "weights")}
    return {
        "data": f"{about.data}, manifest sha256 {sha256_of(Path(run.recipe['data']))}",
        "weights": f"{Path(run.recipe['weights']).name}, sha256 {sha256_of(Path(run.recipe['weights']))}",
        "photographs": {name: int(count) for name, count in counts.items()},
        "representatives": representatives,
        "recipe": recipe,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
