"""Photographs as batches for Keras: augmented for training, plain for everything else."""

import keras
import numpy as np
from numpy.typing import NDArray

from appliance.vision.classes import CLASSES
from appliance.vision.preprocess import preprocess
from training.augment import augment
from training.dataset import Photographs

Floats = NDArray[np.float32]
Targets = dict[str, Floats]


def class_weights(targets: NDArray[np.int64]) -> Floats:
    """Weight per class: square root of mean count over count, so that 28 pemphigus do not shout down 600 carcinomas."""
    counts = np.bincount(targets[targets >= 0], minlength=len(CLASSES))
    weights = np.sqrt(counts[counts > 0].mean() / np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0.0).astype(np.float32)


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """(inputs, targets, weights) per step; ``logits`` has weight 0 for photographs of none of the eight."""

    def __init__(self, photographs: Photographs, weights: Floats, size: int, seed: int | None) -> None:
        """``seed`` None: in order and not augmented. Otherwise shuffled and augmented, anew each epoch."""
        super().__init__(workers=1, max_queue_size=4)
        self.photographs, self.weights, self.size, self.seed = photographs, weights, size, seed
        self.targets = photographs.targets
        self.epoch = 0
        self.order = self._order()

    def __len__(self) -> int:
        return -(-len(self.photographs) // self.size)

    def __getitem__(self, step: int) -> tuple[Floats, Targets, Targets]:
        rows = self.order[step * self.size : (step + 1) * self.size]
        inputs: Floats = np.stack([self._input(int(row)) for row in rows]).astype(np.float32) / np.float32(255)
        return inputs, *self._targets(self.targets[rows])

    def on_epoch_end(self) -> None:
        """Keras calls this between epochs."""
        self.start_epoch(self.epoch + 1)

    def start_epoch(self, epoch: int) -> None:
        """Order and augmentation follow from seed and epoch alone, so that a resumed run goes on as if never cut."""
        self.epoch = epoch
        self.order = self._order()

    def _order(self) -> NDArray[np.int64]:
        rows = np.arange(len(self.photographs))
        return rows if self.seed is None else np.random.default_rng((self.seed, self.epoch)).permutation(rows)

    def _input(self, row: int) -> NDArray[np.uint8]:
        pixels = self.photographs.pixels(row)
        if self.seed is None:
            return preprocess(pixels)
        return augment(pixels, np.random.default_rng((self.seed, self.epoch, row)))

    def _targets(self, targets: NDArray[np.int64]) -> tuple[Targets, Targets]:
        known = targets >= 0
        one_hot = np.eye(len(CLASSES), dtype=np.float32)[np.maximum(targets, 0)]
        outlier = (~known).astype(np.float32)[:, None]
        weight = np.where(known, self.weights[np.maximum(targets, 0)], 0).astype(np.float32)
        return {"logits": one_hot, "outlier": outlier}, {"logits": weight, "outlier": np.ones(len(targets), np.float32)}
