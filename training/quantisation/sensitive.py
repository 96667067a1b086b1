"""Which operations INT8 hurts most, by TensorFlow's quantisation debugger, and which parts of the network the answer.

:func:`sensitive` runs each quantised operation beside the float one on the same input. An operation that only rounds is
wrong by 1/√12 = 0.29 steps, as evenly spread rounding errors are; one that is wrong by much more saturates, and would
be worth keeping in float. What its rounding does to the answer is another question: :func:`by_block` leaves one block
of the network at a time in float, all others in INT8 with the same ranges, and asks the validation photographs.
"""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from appliance.vision.calibration import probabilities
from appliance.vision.preprocess import preprocess
from appliance.vision.runtime import Network
from training.blocks import FIRST_CONVOLUTION
from training.calibration.calibrate import temperature
from training.dataset import Photographs
from training.predict import Predictions, floating, int8
from training.quantisation.convert import converter_of, converting
from training.quantisation.quantise import prepared, representative
from training.run import Run

EVERY: Final = 12
"""One in so many of the representative photographs is looked at operation by operation."""
STEM: Final = "stem"
BLOCKS: Final = (STEM, *(name for name in FIRST_CONVOLUTION if name != "all"))
"""The network's blocks, as ``finetune --phase`` has them, in the order of :data:`FIRST_CONVOLUTION`."""
NOTHING, EVERYTHING = "nothing", "everything"


def sensitive(run_folder: Path, representatives: int, seed: int = 8) -> pd.DataFrame:
    """A row per operation, the worst first: ``operation``, ``output``, ``error`` (root mean square, in steps)."""
    debugger = _debugger(Run.open(run_folder), representatives, seed, every=EVERY)
    found = _statistics(debugger)
    error = np.sqrt(found["mean_squared_error"]) / found["scale"]
    rows = pd.DataFrame({"operation": found["op_name"], "output": found["tensor_name"].map(_short), "error": error})
    return rows.sort_values("error", ascending=False).reset_index(drop=True)


def by_block(
    run_folder: Path,
    representatives: int,
    seed: int = 8,
    blocks: tuple[str, ...] = BLOCKS,
    say: Callable[[str], object] = lambda _: None,
) -> pd.DataFrame:
    """What INT8 does to the answer with one block in float: a row each, with all in INT8 and all in float around them.

    On the validation photographs of the eight. ``in_float``; ``same_class``: share that the float network calls alike;
    ``off``: root mean square of INT8 − float over all logits; ``top1``; ``log_loss`` of the true class after
    temperature scaling. ``say`` hears the name of each as its turn comes.
    """
    from tensorflow.lite.tools.optimize.debugging.python.debugger import QuantizationDebugOptions

    run = Run.open(run_folder)
    watched = run.photographs.of("validation").of_the_eight()
    exact = floating(run.network(), watched)
    debugger = _debugger(run, representatives, seed, every=representatives)
    operations = _statistics(debugger)
    where = np.array(blocks_of(operations["op_name"]))
    rows = []
    for block in (NOTHING, *blocks):
        say(block)
        nodes = operations["tensor_name"][where == block].tolist()
        with converting():
            debugger.options = QuantizationDebugOptions(denylisted_nodes=nodes or None)
            network = Network(debugger.get_nondebug_quantized_model(), threads=2)
        rows.append({"in_float": block, **_apart(int8(network, watched), exact, watched)})
    return pd.DataFrame([*rows, {"in_float": EVERYTHING, **_apart(exact, exact, watched)}])


def blocks_of(operations: Iterable[str]) -> list[str]:
    """The block of each operation of a file, in the file's order, which is that of the convolutions.

    What joins branches belongs to the convolutions before it, any other operation to those that follow. Raises
    ``ValueError`` where the convolutions are not InceptionV3's 94 and one for each of the two outputs.
    """
    names = list(operations)
    before = np.cumsum([name == "CONV_2D" for name in names])
    if not names or before[-1] != FIRST_CONVOLUTION["head"] + 2:
        raise ValueError(f"an InceptionV3 with two outputs has {FIRST_CONVOLUTION['head'] + 2} convolutions, not these")
    starts = list(FIRST_CONVOLUTION.values())  # of the stem, of mixed0 …
    place = [int(count) - (name in ("CONV_2D", "CONCATENATION")) for name, count in zip(names, before, strict=True)]
    return [BLOCKS[int(np.searchsorted(starts, number, side="right")) - 1] for number in place]


def _apart(said: Predictions, exact: Predictions, watched: Photographs) -> dict[str, float]:
    truth = watched.targets
    chance = probabilities(said.logits, temperature(said.logits, truth))[np.arange(len(truth)), truth]
    return {
        "same_class": float((said.logits.argmax(axis=1) == exact.logits.argmax(axis=1)).mean()),
        "off": float(np.sqrt(((said.logits - exact.logits) ** 2).mean())),
        "top1": float((said.logits.argmax(axis=1) == truth).mean()),
        "log_loss": float(-np.log(chance).mean()),
    }


def _debugger(run: Run, representatives: int, seed: int, every: int) -> Any:
    """TensorFlow's debugger, calibrated, after a look at one in ``every`` of the representative photographs."""
    import tensorflow as tf

    chosen = representative(run.photographs.of("train"), representatives, seed)
    views = [preprocess(chosen.pixels(position)) for position in range(len(chosen))]
    looked_at = [view[None].astype(np.float32) / np.float32(255) for view in views[::every]]
    with converting():
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter_of(prepared(run, chosen), views), debug_dataset=lambda: ([view] for view in looked_at)
        )
        debugger.run()
    return debugger


def _statistics(debugger: Any) -> pd.DataFrame:
    """A row per operation, in the file's order."""
    table = io.StringIO()
    debugger.layer_statistics_dump(table)
    table.seek(0)
    return pd.read_csv(table)


def _short(name: str) -> str:
    """The layer, of all that the converter strings together."""
    return name.split(";")[0].rpartition("inception_v3_1/")[2]
