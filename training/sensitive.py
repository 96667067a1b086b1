"""Which operations INT8 hurts most: the error of each for itself, in steps of its own output.

By TensorFlow's quantisation debugger, which runs each quantised operation beside the float one on the same input. An
operation that only rounds is wrong by 1/√12 = 0.29 steps, as evenly spread rounding errors are; one that is wrong by
much more saturates, and would be worth keeping in float. What the rounding does to the answer, it does not tell.
"""

import io
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from appliance.vision.preprocess import preprocess
from training.convert import converter_of, converting
from training.quantise import representative
from training.run import Run

EVERY: Final = 12
"""One in so many of the representative photographs is looked at operation by operation."""


def sensitive(run_folder: Path, representatives: int, seed: int = 8) -> pd.DataFrame:
    """A row per operation, the worst first: ``operation``, ``output``, ``error`` (root mean square, in steps)."""
    import tensorflow as tf

    run = Run.open(run_folder)
    chosen = representative(run.photographs.of("train"), representatives, seed)
    views = [preprocess(chosen.pixels(position)) for position in range(len(chosen))]
    looked_at = [view[None].astype(np.float32) / np.float32(255) for view in views[::EVERY]]
    with converting():
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter_of(run.network(), views), debug_dataset=lambda: ([view] for view in looked_at)
        )
        debugger.run()
    table = io.StringIO()
    debugger.layer_statistics_dump(table)
    table.seek(0)
    found = pd.read_csv(table)
    error = np.sqrt(found["mean_squared_error"]) / found["scale"]
    rows = pd.DataFrame({"operation": found["op_name"], "output": found["tensor_name"].map(_short), "error": error})
    return rows.sort_values("error", ascending=False).reset_index(drop=True)


def _short(name: str) -> str:
    """The layer, of all that the converter strings together."""
    return name.split(";")[0].rpartition("inception_v3_1/")[2]
