"""Full INT8: weights per channel, activations by a representative set of real training photographs."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from PIL import Image

from appliance.vision.bundle import FILE, Card, read_card
from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import INPUT_SIDE_PX, preprocess
from appliance.vision.runtime import Network
from training import golden
from training.dataset import Photographs, read_split
from training.evidence import CARDS, LICENCE
from training.network import build, with_class_maps
from training.predict import floating, int8

GOLDEN_STEPS: Final = 8
"""INT8 outputs differ by a few steps between processors' kernels; a wrong or damaged network by far more."""
MODEL_FILE: Final = "model.tflite"
GOLDEN_FILE: Final = "golden.png"


@dataclass(frozen=True)
class Run:
    """A finished fine-tuning run."""

    folder: Path
    recipe: dict[str, Any]
    photographs: Photographs

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Raises ``FileNotFoundError`` where ``folder`` holds no run."""
        recipe = json.loads((folder / "config.json").read_text())
        return cls(folder, recipe, read_split(folder, Path(recipe["data"])))

    def network(self) -> keras.Model:
        """The best weights in float32, with class maps."""
        network = build(self.recipe["scaling"])
        network.load_weights(self.folder / "best.weights.h5")
        return with_class_maps(network)


def quantise(run_folder: Path, bundle: Path, representatives: int, seed: int) -> dict[str, float]:
    """Write a bundle without calibration into ``bundle``; returns the parity figures on the validation photographs."""
    run = Run.open(run_folder)
    network = run.network()
    chosen = representative(run.photographs.of("train"), representatives, seed)
    model = convert(network, chosen)
    bundle.mkdir(parents=True, exist_ok=True)
    (bundle / MODEL_FILE).write_bytes(model)
    Image.fromarray(golden.draw()).save(bundle / GOLDEN_FILE)
    small = Network(model, threads=2)
    agreement = parity(network, small, run.photographs.of("validation").of_the_eight())
    write_card(bundle, _card(bundle, run, small, agreement, len(chosen)))
    return agreement


def representative(train: Photographs, count: int, seed: int) -> Photographs:
    """``count`` training photographs, the labels in equal shares as far as they reach."""
    rows = train.rows.sample(frac=1, random_state=seed)
    turn = rows.groupby("label").cumcount()
    return Photographs(train.folder, rows.loc[turn.sort_values(kind="stable").index[:count]].reset_index(drop=True))


def convert(network: keras.Model, photographs: Photographs) -> bytes:
    """The .tflite file: uint8 in, int8 out, outputs by name in ``serving_default``."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _feed(photographs)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _feed(photographs: Photographs) -> Callable[[], Iterator[list[Any]]]:
    def batches() -> Iterator[list[Any]]:
        # Black and white first: the input's scale is then exactly 1/255 and its zero point 0.
        shape = (1, INPUT_SIDE_PX, INPUT_SIDE_PX, 3)
        yield [(np.arange(np.prod(shape)).reshape(shape) % 2).astype(np.float32)]
        for position in range(len(photographs)):
            yield [preprocess(photographs.pixels(position))[None].astype(np.float32) / 255]

    return batches


def parity(network: keras.Model, small: Network, photographs: Photographs) -> dict[str, float]:
    """How far the INT8 file strays from the float network on the same photographs."""
    exact, rounded = floating(network, photographs), int8(small, photographs)
    targets = photographs.targets
    top = {name: logits.argmax(axis=1) for name, logits in (("float", exact.logits), ("int8", rounded.logits))}
    return {
        "photographs": float(len(photographs)),
        "argmax_agreement": float((top["float"] == top["int8"]).mean()),
        "top1_float": float((top["float"] == targets).mean()),
        "top1_int8": float((top["int8"] == targets).mean()),
        "mean_logit_difference": float(np.abs(exact.logits - rounded.logits).mean()),
    }


def _card(bundle: Path, run: Run, small: Network, agreement: dict[str, float], representatives: int) -> Card:
    answer = small.run(preprocess(golden.draw()))
    return Card.model_validate(
        {
            "schema": "dermkiosk.bundle/1",
            "name": bundle.name,
            "model": MODEL_FILE,
            "signature": "serving_default",
            "classes": [{"id": name, **CARDS[name]} for name in CLASSES],
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
            "provenance": _provenance(run, representatives),
            "licence": LICENCE,
            "sha256": {name: _sha256(bundle / name) for name in (MODEL_FILE, GOLDEN_FILE)},
        }
    )


def _provenance(run: Run, representatives: int) -> dict[str, object]:
    import tensorflow as tf

    counts = run.photographs.rows["split"].value_counts()
    recipe = {name: value for name, value in run.recipe.items() if name not in ("data", "weights")}
    return {
        "data": f"skin8, manifest sha256 {_sha256(Path(run.recipe['data']))}",
        "weights": f"{Path(run.recipe['weights']).name}, sha256 {_sha256(Path(run.recipe['weights']))}",
        "photographs": {name: int(count) for name, count in counts.items()},
        "representatives": representatives,
        "recipe": recipe,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def write_card(bundle: Path, card: Card) -> None:
    """bundle.json, for people to read, too."""
    (bundle / FILE).write_text(card.model_dump_json(indent=2, by_alias=True) + "\n")


def seal(bundle: Path) -> None:
    """State the hash of every file of the bundle but bundle.json, so that the box notices any change."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.name != FILE)
    hashes = {path.relative_to(bundle).as_posix(): _sha256(path) for path in files}
    write_card(bundle, read_card(bundle).model_copy(update={"sha256": hashes}))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "none"
