"""Further outputs for a finished .tflite: tensors it computes anyway, named in the signature.

Nothing is converted or quantised again, so every other output stays the same to the bit.
"""

from typing import Any, Final

import flatbuffers  # type: ignore[import-untyped]
from ai_edge_litert import schema_py_generated as schema

from training.errors import StepRefused

LAYERS: Final = ("mixed2", "mixed4", "mixed5", "mixed7", "mixed8", "mixed10")
"""Concatenations of InceptionV3, from fine and local to coarse; each becomes an output of its own name."""
IDENTIFIER: Final = b"TFL3"
SPARE_BYTES: Final = 1 << 20


def with_features(model: bytes, layers: tuple[str, ...] = LAYERS) -> bytes:
    """The model with the concatenations ``layers`` as further outputs; unchanged where it has them already.

    Raises ``StepRefused`` where the model has no such layer, or no signature.
    """
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    if not parsed.signatureDefs:
        raise StepRefused("the model has no signature")
    outputs = parsed.signatureDefs[0].outputs
    missing = [layer for layer in layers if layer not in {_text(output.name) for output in outputs}]
    if not missing:
        return model
    graph = parsed.subgraphs[parsed.signatureDefs[0].subgraphIndex]
    for layer in missing:
        index = _tensor(graph, layer)
        graph.outputs = [*graph.outputs, index]
        outputs.append(_named(layer, index))
    builder = flatbuffers.Builder(len(model) + SPARE_BYTES)
    builder.Finish(parsed.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _tensor(graph: Any, layer: str) -> int:
    found = [i for i, tensor in enumerate(graph.tensors) if f"/{layer}" in _text(tensor.name) and _joins(tensor.name)]
    if len(found) != 1:
        raise StepRefused(f"the model has {len(found)} concatenations named {layer}, not one")
    return found[0]


def _joins(name: bytes) -> bool:
    return _text(name).endswith("/concat")


def _named(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
