"""Does tf.data keep the processor fed? Training steps on photographs from disk against the same steps from memory.

The peer is the same network on one batch that lies in memory. Photographs: the folder in DERMKIOSK_TEST_PHOTOS or
../shared/data/skin8, else drawn ones.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from machine import ROUNDS, compare

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

BATCH = 16


def photographs(folder: Path) -> Path:
    """A manifest: the real one where it is there, else 64 drawn photographs in ``folder``."""
    real = Path(os.environ.get("DERMKIOSK_TEST_PHOTOS", "../shared/data/skin8")) / "manifest.csv"
    if real.is_file():
        return real
    from PIL import Image

    from training.golden import draw

    lines = ["image,label,group,source"]
    for number in range(64):
        Image.fromarray(draw(number)).save(folder / f"{number}.jpg", quality=90)
        lines.append(f"{number}.jpg,psoriasis,g{number},drawn")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


def network() -> Any:
    """InceptionV3 as the shipped recipe trains it."""
    import keras

    from training.network import build, trainable

    model = build("unit")
    trainable(model, "mixed3")
    losses = {
        "logits": keras.losses.CategoricalCrossentropy(from_logits=True),
        "outlier": keras.losses.BinaryCrossentropy(from_logits=True),
    }
    model.compile(keras.optimizers.AdamW(1e-5), loss=losses, jit_compile=False)
    return model


def main() -> None:
    """Print the table."""
    import numpy as np
    import tensorflow as tf

    from training.batches import Feed, Truth, dataset
    from training.dataset import read_manifest
    from training.mixing import Mixing

    with tempfile.TemporaryDirectory() as folder:
        manifest = photographs(Path(folder))
        chosen = read_manifest(manifest)
        truth = Truth.of(chosen.targets, np.ones(8, np.float32), 0.05, 0.2)
        feed = Feed(chosen, truth, BATCH, 8, Mixing())
        model = network()
        from_disk = iter(dataset(feed, range(ROUNDS + 1)))
        from_memory = iter(tf.data.Dataset.from_tensors(next(iter(dataset(feed, range(1))))).repeat().prefetch(1))
        compare(
            f"A training step, batches of {BATCH}, photographs: {manifest}",
            "one batch from memory",
            {
                "photographs from disk": lambda: model.train_on_batch(*next(from_disk)),
                "one batch from memory": lambda: model.train_on_batch(*next(from_memory)),
            },
        )


if __name__ == "__main__":
    main()
