"""The float weights inside an INT8 .tflite, so that training can go on from a bundle that ships.

Convolution weights are INT8 with a scale per output channel, so each comes back to within half a step: 0.4 % of the
channel's largest weight. Biases are INT32 in steps of input scale × weight scale, which is as good as float.
"""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.vision.runtime import interpreter_of
from training.errors import StepRefused

Floats = NDArray[np.float32]

NAMES: Final = re.compile(r"(class_maps|outlier_map)|conv_(\d\d)|conv2d_(\d+)(?:_\d+)?/convolution")
"""A layer in a tensor's name. The first bundles had Keras's own names, counted conv2d_1, conv2d_1_2, conv2d_2_1 …"""


def read(file: Path) -> dict[str, list[Floats]]:
    """Kernel (height × width × in × out) and bias of each convolution, by its layer's name.

    Raises ``StepRefused`` where the file's tensors do not name their layers.
    """
    interpreter = interpreter_of(file.read_bytes())
    tensors = {about["index"]: about for about in interpreter.get_tensor_details()}
    operations = [each for each in interpreter._get_ops_details() if each["op_name"] == "CONV_2D"]
    found = {}
    for operation in operations:
        _, kernel, bias = (int(index) for index in operation["inputs"])
        values = [_float(interpreter, tensors[kernel]).transpose(1, 2, 3, 0), _float(interpreter, tensors[bias])]
        found[_layer(str(tensors[kernel]["name"]))] = values
    return found


def _layer(name: str) -> str:
    match = NAMES.search(name)
    if match is None:
        raise StepRefused(f"a tensor is called {name!r}, which names no layer of ours")
    head, ours, kerass = match.groups()
    if head:
        return head
    if ours is not None:
        return f"conv_{ours}"
    # Keras's first layer has no number of its own, so its scope is conv2d_1 and the second's conv2d_1_2.
    return f"conv_{0 if match.group(0) == 'conv2d_1/convolution' else int(kerass):02d}"


def _float(interpreter: Any, about: dict[str, Any]) -> Floats:
    values = interpreter.get_tensor(about["index"]).astype(np.float32)
    quantisation = about["quantization_parameters"]
    shape = [1] * values.ndim
    shape[int(quantisation["quantized_dimension"])] = -1
    scales = np.asarray(quantisation["scales"], np.float32)
    return np.asarray(values * scales.reshape(shape), np.float32)
