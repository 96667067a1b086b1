"""One small adapter over the TensorFlow Lite runtimes: ai-edge-litert, or tflite-runtime where a system has that."""

import importlib
import importlib.metadata
import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import DelegateMissing, ModelError, RuntimeBroken, RuntimeMissing
from appliance.vision.photo import Pixels

Outputs = dict[str, NDArray[np.float32]]

RUNTIMES: Final = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
)
DELEGATE: Final = "XNNPACK"


class Network:
    """A loaded .tflite file. ``run`` may be called from any thread; one runs at a time."""

    def __init__(self, model: bytes, threads: int, signature: str = "serving_default", xnnpack: bool = True) -> None:
        """Load ``model``. Raises a :class:`appliance.errors.ModelError`. ``xnnpack`` False: knowingly slow."""
        self.runtime, _ = _runtime()
        try:
            self._interpreter = interpreter_of(model, threads)
            self._interpreter.allocate_tensors()
            self._runner = self._interpreter.get_signature_runner(signature)
        except (ValueError, RuntimeError) as unreadable:
            raise ModelError(str(unreadable)) from unreadable
        self.delegate = DELEGATE if _delegated(self._interpreter) else "none"
        if xnnpack and self.delegate != DELEGATE:
            raise DelegateMissing(f"{self.runtime} runs this model without {DELEGATE}", runtime=self.runtime)
        self._input, about = next(iter(self._runner.get_input_details().items()))
        self._takes = about["dtype"], *about["quantization"]
        self._scales = {name: about["quantization"] for name, about in self._runner.get_output_details().items()}
        self._channels = {name: about["shape"][-1] for name, about in self._runner.get_output_details().items()}
        self._lock = threading.Lock()

    def run(self, view: Pixels) -> Outputs:
        """Classify uint8 RGB 299×299×3; each output by its signature name, dequantised, without batch axis.

        Files that take floats or signed bytes, which only training makes, are given the same bytes over 255.
        """
        fed = self._fed(view[None])
        with self._lock:
            raw = self._runner(**{self._input: fed})
            return {name: self._dequantise(name, value[0]) for name, value in raw.items()}

    def step(self, output: str) -> float:
        """The size of one INT8 step of an output; 0 for a float output."""
        return float(self._scales[output][0])

    def channels(self, output: str) -> int:
        """How many channels (the last axis) an output has."""
        return int(self._channels[output])

    def _fed(self, view: Pixels) -> NDArray[Any]:
        kind, scale, zero_point = self._takes
        if kind == np.uint8:
            return view
        floats = view.astype(np.float32) / np.float32(255)
        if kind == np.float32:
            return floats
        allowed = np.iinfo(kind)
        return np.asarray(np.clip(np.rint(floats / scale) + zero_point, allowed.min, allowed.max), kind)

    def _dequantise(self, name: str, value: NDArray[Any]) -> NDArray[np.float32]:
        scale, zero_point = self._scales[name]
        if not scale:
            return np.array(value, np.float32)
        return np.asarray((value.astype(np.float32) - zero_point) * scale, np.float32)


def interpreter_of(model: bytes, threads: int = 1) -> Any:
    """The runtime's own interpreter of ``model``. Raises a :class:`appliance.errors.ModelError` or ``ValueError``."""
    return _runtime()[1](model_content=model, num_threads=threads)


def _runtime() -> tuple[str, Any]:
    for name, module in RUNTIMES:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        try:
            return f"{name} {version}", importlib.import_module(module).Interpreter
        except ImportError as broken:  # installed, but it does not load: the next one would hide that
            raise RuntimeBroken(f"{name} {version}: {broken}", runtime=name) from broken
    raise RuntimeMissing


def _delegated(interpreter: Any) -> bool:
    """True if the runtime handed the convolutions to a delegate; the CPU builds know no other than XNNPACK.

    The runtimes have no public call for this; the list of operations is the only place that shows it.
    """
    operations = interpreter._get_ops_details()
    return any(operation["op_name"] == "DELEGATE" for operation in operations)
