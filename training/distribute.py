"""One process, several GPUs, or several machines: what ``TF_CONFIG`` and the machine have.

With ``TF_CONFIG`` set (TensorFlow's description of the cluster), each machine runs the same command. Each makes its
part of every batch, the gradients are averaged over all, and each keeps its own checkpoints: no disk need be shared.
"""

import json
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from training.errors import StepRefused


@dataclass(frozen=True)
class Cluster:
    """This process among those that train together: its number, how many there are, TensorFlow's strategy for them."""

    number: int
    size: int
    strategy: Any

    @classmethod
    def join(cls) -> Self:
        """Wait for the others of ``TF_CONFIG``, take all GPUs, or be alone. Must come before anything of TensorFlow's.

        Raises ``StepRefused`` where TF_CONFIG cannot be read, or Keras's backend is not TensorFlow, which shares work.
        """
        import keras

        config = os.environ.get("TF_CONFIG", "")
        if keras.backend.backend() != "tensorflow":
            if config:
                raise StepRefused("TF_CONFIG asks for several machines: set KERAS_BACKEND=tensorflow, too")
            return cls(0, 1, None)
        import tensorflow as tf

        if config:
            number, size = _place(config)
            return cls(number, size, _workers())
        several = len(tf.config.list_physical_devices("GPU")) > 1
        return cls(0, 1, tf.distribute.MirroredStrategy() if several else None)

    def on(self) -> str:
        """What is trained on, as Keras's backend sees it: a driver that does not fit leaves the processor, no error."""
        import keras

        kind = keras.distribution.list_devices()[0].partition(":")[0]
        count = self.strategy.num_replicas_in_sync // self.size if self.strategy is not None else 1
        if kind == "cpu":
            place = f"the processor: {keras.backend.backend()} sees no GPU"
        else:
            place = f"{count} {kind.upper()}{'s' if count > 1 else ''}"
        return f"Training on {place}" + (f"; machine {self.number + 1} of {self.size}" if self.size > 1 else "")

    @property
    def part(self) -> tuple[int, int]:
        """For :class:`training.batches.Feed`."""
        return self.number, self.size

    def scope(self) -> AbstractContextManager[Any]:
        """Inside it variables are made so that they are kept the same everywhere."""
        scope: AbstractContextManager[Any] = self.strategy.scope() if self.strategy is not None else nullcontext()
        return scope

    def share(self, dataset: Any) -> Any:
        """A dataset that holds this machine's part of each batch already. GPUs of one machine divide it further."""
        return self.strategy.distribute_datasets_from_function(lambda _: dataset) if self.size > 1 else dataset

    def folder(self, run: Path) -> Path:
        """Where this process keeps its state: the first in the run's folder, the others in one of their own in it."""
        return run if self.number == 0 else run / f"worker-{self.number}"


def _workers() -> Any:
    """The strategy for several machines, made so that Keras's ``fit`` runs under it."""
    import tensorflow as tf

    class Workers(tf.distribute.MultiWorkerMirroredStrategy):  # type: ignore[misc]  # TensorFlow has no types
        def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
            """Keras 3 hands over its first batch as a whole, and each step's loss, a scalar, with an axis to reduce.

            The strategy takes one tensor at a time, and no axis of a scalar.
            """

            def one(part: Any) -> Any:
                scalar = self.experimental_local_results(part)[0].shape.rank == 0
                return super(Workers, self).reduce(reduce_op, part, None if scalar else axis)

            return tf.nest.map_structure(one, value)

    return Workers()


def _place(config: str) -> tuple[int, int]:
    try:
        described = json.loads(config)
        return int(described["task"]["index"]), len(described["cluster"]["worker"])
    except (ValueError, KeyError, TypeError) as unreadable:
        raise StepRefused(f"TF_CONFIG describes no cluster of workers: {config[:200]}") from unreadable
