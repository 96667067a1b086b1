"""AdamW whose learning rate rises in a line and falls in a cosine, at a pace that is data to a compiled step.

Keras's own schedules are constants in the step's program, so that a compiler compiles anew for each run of another
length: minutes on a GPU, for each fold. Here the pace is a variable beside the optimiser's others.
"""

import math
from dataclasses import astuple, dataclass
from typing import Any

from training.backend import keras


@dataclass(frozen=True)
class Pace:
    """From ``rate`` / 20 up to ``rate`` in ``warmup`` steps, and down to nothing at the step ``steps``."""

    rate: float
    warmup: int
    steps: int


@keras.saving.register_keras_serializable("dermkiosk")
class PacedAdamW(keras.optimizers.AdamW):  # type: ignore[misc]  # Keras ships no types
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) at a :class:`Pace`."""

    def __init__(self, pace: Pace | dict[str, Any], **options: Any) -> None:
        """``options`` are AdamW's own, but for the learning rate."""
        pace = pace if isinstance(pace, Pace) else Pace(**pace)
        super().__init__(**{**options, "learning_rate": pace.rate})
        self.pace = pace

    def build(self, variables: list[Any]) -> None:
        """Keras calls this once it knows what is trained."""
        super().build(variables)
        self._pace = self.add_variable((3,), initializer=self._initial, dtype="float32", name="pace")

    def _initial(self, shape: Any, dtype: Any) -> Any:  # noqa: ARG002  # Keras's way to call an initializer
        """Not assigned after the variable is there: Keras may build inside a graph, where an assignment is lost."""
        return keras.ops.convert_to_tensor(astuple(self.pace), dtype)

    def get_config(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {**super().get_config(), "pace": vars(self.pace)}

    def _get_current_learning_rate(self) -> Any:
        rate, warmup, steps = self._pace[0], self._pace[1], self._pace[2]
        step = keras.ops.cast(self.iterations, "float32")
        rising = rate * (0.05 + 0.95 * step / keras.ops.maximum(warmup, 1.0))
        done = keras.ops.clip((step - warmup) / (steps - warmup), 0.0, 1.0)
        falling = rate * 0.5 * (1.0 + keras.ops.cos(done * math.pi))
        return keras.ops.where(step < warmup, rising, falling)
