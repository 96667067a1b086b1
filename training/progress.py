"""One progress bar an epoch, with the figures that matter when it is done."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.backend import keras


class EpochBar(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Shows steps done and time left; prints one line of losses and accuracy after each epoch."""

    def __init__(self, phase: str, epochs: int, steps: int) -> None:
        super().__init__()
        self.phase, self.epochs, self.steps = phase, epochs, steps
        self.console = Console(highlight=False)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Keras calls this."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=self.console, transient=True)
        self.task = self.bar.add_task(f"{self.phase} {epoch + 1}/{self.epochs}", total=self.steps)
        self.bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Keras calls this."""
        self.bar.update(self.task, completed=batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras calls this."""
        self.bar.stop()
        figures = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        self.console.print(f"{self.phase} {epoch + 1}/{self.epochs}  {figures}")
