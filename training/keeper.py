"""What is kept of a run after each epoch, and when it is enough."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pandas as pd

from appliance.files import write_atomically
from training.backend import keras

WATCHED: Final = "val_logits_loss"
BEST: Final = "best.weights.h5"


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """After each epoch: the checkpoint, the history, the best weights, and whether it is time to stop.

    The best weights are those the network was validated with: the averaged ones where averaging is on.
    """

    def __init__(self, run: Path, phase: str, patience: int, last: bool) -> None:
        """``last``: the phase whose best weights are to be quantised."""
        super().__init__()
        self.run, self.phase, self.patience, self.last = run, phase, patience, last

    def history(self) -> pd.DataFrame:
        """The rows of this phase, oldest first."""
        rows = self._all()
        return rows[rows["phase"] == self.phase].reset_index(drop=True)

    def enough(self) -> bool:
        """True when the watched loss has not improved for ``patience`` epochs."""
        rows = self.history()
        return len(rows) > 0 and int(rows[WATCHED].to_numpy().argmin()) < len(rows) - self.patience

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Keras calls this, with the weights that were just validated still in place."""
        if self.last:
            # A model of the same layers that learns nothing: the optimiser's state is three times the weights.
            alone = keras.Model(self.model.inputs, self.model.outputs)
            alone.save_weights(self.run / f"candidate-{BEST}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras calls this. The checkpoint comes last: a kill before it repeats the epoch, a kill after it does not."""
        self._remember(epoch, logs or {})
        rows = self.history()
        if self.last and int(rows[WATCHED].to_numpy().argmin()) == len(rows) - 1:
            (self.run / f"candidate-{BEST}").replace(self.run / BEST)
        self._replace(f"{self.phase}.keras", self.model.save)
        self.model.stop_training = self.enough()

    def _all(self) -> pd.DataFrame:
        file = self.run / "history.csv"
        return pd.read_csv(file) if file.exists() else pd.DataFrame({"phase": [], "epoch": []})

    def _remember(self, epoch: int, logs: dict[str, Any]) -> None:
        rows = self._all()
        earlier = rows[(rows["phase"] != self.phase) | (rows["epoch"] < epoch)]
        row = {"phase": self.phase, "epoch": epoch, **{name: float(value) for name, value in logs.items()}}
        text = pd.concat([earlier, pd.DataFrame([row])]).to_csv(index=False)
        write_atomically(self.run / "history.csv", text.encode())

    def _replace(self, name: str, save: Callable[[Path], object]) -> None:
        unfinished = self.run / f"unfinished-{name}"
        save(unfinished)
        unfinished.replace(self.run / name)
